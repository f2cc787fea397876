// SPDX-License-Identifier: Apache-2.0

package story_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rhumb.run/rhumb/internal/story"
	"rhumb.run/rhumb/internal/ytt"
)

var update = flag.Bool("update", false, "write what was told into the stories' want files: read the difference before you commit it")

// engine evaluates the stories' ytt templates, as the controller does.
var engine = ytt.NewPool(ytt.Options{})

func TestMain(m *testing.M) {
	ytt.Main()
	code := m.Run()
	engine.Stop()
	os.Exit(code)
}

const folder = "../../test/stories"

func TestStories(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories in %s: %v", folder, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := story.Load(text)
			if err != nil {
				t.Fatal(err)
			}
			s.Engine = engine
			told, err := s.Tell(t.Context())
			if err != nil {
				t.Error(err)
			}
			if *update {
				if err := os.WriteFile(file, s.Rewrite(told), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, wrong := range s.Check(told) {
				t.Errorf("%s\n\n%s", s.Prose, wrong)
			}
		})
	}
}
