// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// TestDemo types what the README says, twice, then cleans up: the demo works
// again on what it left itself, and nothing stays.
func TestDemo(t *testing.T) {
	repo := checkout(t)
	if _, err := repo.Run(t.Context(), nil, "make", "clean-demo"); err != nil {
		t.Fatal(err)
	}
	before := look(t, repo.Lab("demo"))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if _, err := repo.Run(ctx, nil, "make", "clean-demo"); err != nil {
			t.Error(err)
		}
	})
	for _, run := range []string{"first", "again"} {
		out, err := repo.Run(t.Context(), nil, "make", "demo")
		t.Logf("%s:\n%s", run, out)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`answers "Hello from the first build"`, `answers "Hello from the second build"`,
			"resource image-builder", "resource deployer", "STEP", "second push to the new pod's creation",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("%s run: no %q in what it printed", run, want)
			}
		}
		if strings.Contains(out, "\x1b[") {
			t.Errorf("%s run: colours in a pipe", run)
		}
	}
	if _, err := repo.Run(t.Context(), nil, "make", "clean-demo"); err != nil {
		t.Fatal(err)
	}
	unchanged(t, repo.Lab("demo"), before)
	if _, err := os.Stat(repo.Path(".rhumb", "demo")); err == nil {
		t.Error(".rhumb/demo is still there")
	}
}

// TestDemoCloner types what tells the image cloner's story, and cleans up.
func TestDemoCloner(t *testing.T) {
	repo := checkout(t)
	if _, err := repo.Run(t.Context(), nil, "make", "clean-demo-cloner"); err != nil {
		t.Fatal(err)
	}
	before := look(t, repo.Lab("demo-cloner"))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if _, err := repo.Run(ctx, nil, "make", "clean-demo-cloner"); err != nil {
			t.Error(err)
		}
	})
	out, err := repo.Run(t.Context(), nil, "make", "demo-cloner")
	t.Log(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"copying image", "image copied", `"rate"`, `image localhost:5000/nginx:1.21.4-alpine, answers "Welcome to nginx!"`,
		"0 of them for this look", "image already cloned", "ErrImagePull", "scaled up with Docker Hub gone",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in what it printed", want)
		}
	}
	if _, err := repo.Run(t.Context(), nil, "make", "clean-demo-cloner"); err != nil {
		t.Fatal(err)
	}
	unchanged(t, repo.Lab("demo-cloner"), before)
}
