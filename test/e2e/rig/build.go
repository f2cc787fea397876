// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"context"
	"os"
	"path/filepath"
)

// Build builds a program of the root module for an image and returns its path.
// Whatever runs it is Linux and has no C library. The flags are those of the
// tests, so that both share one build cache.
func (r Repo) Build(ctx context.Context, pkg, out string, ldflags string) (string, error) {
	path := r.Path("bin", out)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	_, err := r.Run(ctx, []string{"CGO_ENABLED=0", "GOOS=linux"}, "go", "build", "-ldflags", "-s -w "+ldflags, "-o", path, pkg)
	return path, err
}

// Controller builds rhumb-controller.
func (r Repo) Controller(ctx context.Context) (string, error) {
	return r.Build(ctx, "./cmd/rhumb-controller", "image/rhumb-controller", "")
}

// App builds the demo application, which answers every request with text.
func (r Repo) App(ctx context.Context, text string) (string, error) {
	return r.Build(ctx, "./examples/apps/demo-web", "image/demo-web", "-X 'main.text="+text+"'")
}

// Manifest writes dist/rhumb.yaml with the given image and returns its path.
func (r Repo) Manifest(ctx context.Context, image string) (string, error) {
	_, err := r.Run(ctx, nil, "make", "-s", "dist", "IMAGE="+image)
	return r.Path("dist", "rhumb.yaml"), err
}
