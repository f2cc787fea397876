// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/buildpacks/libcnb/v2"
)

// goCache is where the build image keeps Go's library compiled.
const goCache = "/var/cache/go-build"

func detectGo(app string) bool { return has(app, "go.mod") }

// buildGo compiles the programs of a module into a layer. What it compiled
// besides, and the image does not have, is cached for the next build.
func buildGo(s *site) error {
	program := s.inImage("/usr/local/go/bin/go")
	cache := buildCache{dir: s.inImage(goCache)}
	env := []string{
		"CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOPROXY=off", "GOTOOLCHAIN=local", "GOENV=off", "GOTELEMETRY=off",
		"GOPATH=" + filepath.Join(os.TempDir(), "go"), "GOCACHE=" + cache.dir,
	}
	if !has(s.app, "vendor", "modules.txt") {
		env[1] += " -mod=mod"
	}
	version, err := s.ask(command{env: env, args: []string{program, "env", "GOVERSION"}})
	if err != nil {
		return err
	}
	s.say("  Using Go %s", strings.TrimPrefix(version, "go"))
	targets, err := goTargets(s.app, s.env["BP_GO_TARGETS"])
	if err != nil {
		return err
	}
	kept, err := s.layers.Layer("gocache")
	if err != nil {
		return err
	}
	if err := cache.restore(kept.Path); err != nil {
		return fmt.Errorf("restoring the build cache: %w", err)
	}
	bin, err := s.layer("targets", libcnb.LayerTypes{Launch: true})
	if err != nil {
		return err
	}
	out := filepath.Join(bin.Path, "bin") + string(filepath.Separator)
	s.say("  Executing build process")
	args := append([]string{"go", "build", "-trimpath", "-ldflags=-s -w", "-o", out}, targets...)
	if err := s.run(command{env: env, args: append([]string{program}, args[1:]...), called: args}); err != nil {
		return err
	}
	s.add(bin)
	if err := s.saveCache(cache); err != nil {
		return fmt.Errorf("saving the build cache: %w", err)
	}
	if err := s.keep(); err != nil {
		return err
	}
	return s.startsOneOf(out)
}

// goTargets are the programs to build: those that named has with ":" between,
// that of the module's own folder, or all that there are.
func goTargets(app, named string) ([]string, error) {
	if named != "" {
		return filepath.SplitList(named), nil
	}
	if isProgram(app) {
		return []string{"."}, nil
	}
	var out []string
	err := filepath.WalkDir(app, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || path == app {
			return err
		}
		switch name := d.Name(); {
		case strings.HasPrefix(name, "."), strings.HasPrefix(name, "_"), name == "vendor", name == "testdata", has(path, "go.mod"):
			return filepath.SkipDir // what ./... leaves out
		}
		if name, err := filepath.Rel(app, path); err == nil && isProgram(path) {
			out = append(out, "./"+filepath.ToSlash(name))
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = errors.New("no program in this module: a package main is what can be started")
	}
	return out, err
}

// isProgram says whether a folder has a package main. What else is wrong with
// it is the compiler's to say.
func isProgram(dir string) bool {
	p, _ := build.ImportDir(dir, 0)
	return p != nil && p.Name == "main"
}

// startsOneOf makes the first program of a folder the process "web", and each a
// process by its own name.
func (s *site) startsOneOf(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return fmt.Errorf("the build made no program in %s", dir)
	}
	if err := s.starts([]string{filepath.Join(dir, entries[0].Name())}, nil); err != nil {
		return err
	}
	for _, e := range entries {
		s.result.Processes = append(s.result.Processes, libcnb.Process{Type: e.Name(), Command: []string{filepath.Join(dir, e.Name())}})
	}
	return nil
}
