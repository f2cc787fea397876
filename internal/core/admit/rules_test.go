// SPDX-License-Identifier: Apache-2.0

package admit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	rhumbv1alpha1 "rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/admit"
)

// decode makes an API object of YAML.
func decode(t testing.TB, text string) runtime.Object {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	var kind struct{ Kind string }
	if err := yaml.Unmarshal([]byte(text), &kind); err != nil {
		t.Fatal(err)
	}
	if err := rhumbv1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	version := v1alpha1.SchemeGroupVersion
	if kind.Kind == "ImageClonePolicy" {
		version = rhumbv1alpha1.SchemeGroupVersion
	}
	object, err := scheme.New(version.WithKind(kind.Kind))
	if err != nil {
		return nil
	}
	if err := yaml.Unmarshal([]byte(text), object); err != nil {
		t.Fatal(err)
	}
	return object
}

// notes are the comments of a document, by their first word.
func notes(document string) map[string][]string {
	out := map[string][]string{}
	for line := range strings.Lines(document) {
		line, isNote := strings.CutPrefix(line, "# ")
		word, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		if isNote {
			out[word] = append(out[word], strings.TrimSpace(rest))
		}
	}
	return out
}

// What an API server is asked in config's tests, and an API server with the
// webhook in the controller's, is asked here: the same verdict, and the same words.
func TestRules(t *testing.T) {
	files, err := filepath.Glob("../../../config/testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:forbidigo // three tests read config's rules.
		if err != nil {
			t.Fatal(err)
		}
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			says := notes(document)
			if says["schema"] != nil { // the schema's own words; nothing of it gets as far as this
				continue
			}
			object := decode(t, document)
			if object == nil {
				continue
			}
			t.Run(filepath.Base(file)+"/"+strings.Join(says["why"], " "), func(t *testing.T) {
				problems, known := admit.Of(object)
				if !known {
					t.Fatalf("%T is not known", object)
				}
				judge(t, problems, append(says["refused"], says["webhook"]...), says["warned"])
				for _, at := range says["at"] {
					if got := problems[0].Path.String(); got != at {
						t.Errorf("refused at %s, want %s", got, at)
					}
				}
			})
		}
	}
}

func judge(t *testing.T, problems []admit.Problem, refused, warned []string) {
	t.Helper()
	message, is := admit.Refusal(problems)
	if is != (len(refused) > 0) || is && !strings.Contains(message, refused[0]) {
		t.Errorf("refused %t with %q, want %q", is, message, refused)
	}
	if is {
		return
	}
	got := admit.Warnings(problems)
	for i, w := range warned {
		if i >= len(got) || !strings.Contains(got[i], w) {
			t.Errorf("warned of %q, want %q", got, warned)
		}
	}
	if len(got) != len(warned) {
		t.Errorf("warned of %q, want %q", got, warned)
	}
}
