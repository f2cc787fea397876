// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/buildpacks/libcnb/v2"
)

// language is a buildpack.
type language struct {
	// detect says whether the source in a folder is the language's.
	detect func(app string) bool
	// build adds layers and processes.
	build func(*site) error
}

// languages are the buildpacks by the end of their IDs.
var languages = map[string]language{
	"go":     {detectGo, buildGo},
	"java":   {detectJava, buildJava},
	"nodejs": {detectNode, buildNode},
	"ruby":   {detectRuby, buildRuby},
}

func main() {
	libcnb.BuildpackMain(detect, compose)
}

func find(b libcnb.Buildpack) (language, error) {
	l, ok := languages[path.Base(b.Info.ID)]
	if !ok {
		return l, fmt.Errorf("no buildpack for %q: there are %v", b.Info.ID, slices.Sorted(maps.Keys(languages)))
	}
	return l, nil
}

func detect(c libcnb.DetectContext) (libcnb.DetectResult, error) {
	l, err := find(c.Buildpack)
	if err != nil {
		return libcnb.DetectResult{}, err
	}
	return libcnb.DetectResult{Pass: l.detect(c.ApplicationPath)}, nil
}

func compose(c libcnb.BuildContext) (libcnb.BuildResult, error) {
	l, err := find(c.Buildpack)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	s := &site{app: c.ApplicationPath, layers: c.Layers, out: os.Stdout, env: c.Platform.Environment, image: "/", result: libcnb.NewBuildResult()}
	s.say("\n%s %s", c.Buildpack.Info.Name, c.Buildpack.Info.Version)
	// Where git checked the source out, it wrote down when: no two images would be the same.
	if err := os.RemoveAll(filepath.Join(s.app, ".git")); err != nil {
		return libcnb.BuildResult{}, err
	}
	if err := l.build(s); err != nil {
		return libcnb.BuildResult{}, err
	}
	s.say("  Assigning launch processes:")
	for _, p := range s.result.Processes {
		s.say("    %s: %s", p.Type, joined(append(p.Command, p.Arguments...)))
	}
	s.say("")
	return s.result, nil
}

// has says whether a file or folder is there.
func has(elements ...string) bool {
	_, err := os.Stat(filepath.Join(elements...))
	return err == nil
}
