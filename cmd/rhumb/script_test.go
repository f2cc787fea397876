// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"rhumb.run/rhumb/internal/testkit/controlplane"
	"rhumb.run/rhumb/internal/ytt"
)

var update = flag.Bool("update", false, "write what was printed into the scripts: read the difference before you commit it")

func TestMain(m *testing.M) {
	ytt.Main()
	rhumb := func() { os.Exit(run(context.Background(), &streams{os.Stdin, os.Stdout, os.Stderr}, os.Args)) }
	testscript.Main(planes{m}, map[string]func(){"rhumb": rhumb, "kubectl-rhumb": rhumb, "cartotest": rhumb})
}

// planes ends the control plane that tests may have started.
type planes struct{ *testing.M }

func (p planes) Run() int { return controlplane.Run(p.M) }

// TestScripts types what users type: $REPO is this repository.
func TestScripts(t *testing.T) {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("REPO", repo)
			return os.WriteFile(filepath.Join(env.WorkDir, "nul"), []byte("a: \x00"), 0o644)
		},
	})
}
