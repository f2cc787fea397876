// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
	"testing"
)

// scripted is a build image whose programs are scripts.
func scripted(t *testing.T, programs map[string]string) string {
	t.Helper()
	image := t.TempDir()
	for name, script := range programs {
		fill(t, image, map[string]string{name: "#!/bin/sh\n" + script + "\n"})
	}
	return image
}

func TestNodeStart(t *testing.T) {
	for name, tc := range map[string]struct {
		why  string
		m    manifest
		has  []string
		want []string
	}{
		"Script":   {"what npm start runs, without npm", manifest{Scripts: map[string]string{"start": "node server.js --quiet"}}, nil, []string{"node", "server.js", "--quiet"}},
		"Variable": {"only a shell can do that", manifest{Scripts: map[string]string{"start": "NODE_ENV=x node a.js"}}, nil, []string{"sh", "-c", "NODE_ENV=x node a.js"}},
		"Server":   {"npm's default", manifest{Main: "lib.js"}, []string{"server.js"}, []string{"node", "server.js"}},
		"Main":     {"what the package is", manifest{Main: "lib.js"}, nil, []string{"node", "lib.js"}},
	} {
		t.Run(name, func(t *testing.T) {
			content := map[string]string{}
			for _, f := range tc.has {
				content[f] = ""
			}
			got, err := tc.m.start(source(t, content))
			if err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("%s: got %q, %v, want %q", tc.why, got, err, tc.want)
			}
		})
	}
	if _, err := (manifest{}).start(t.TempDir()); err == nil {
		t.Error("a package that says nothing starts something")
	}
}

func TestNode(t *testing.T) {
	const depends = `{"scripts": {"start": "node a.js"}, "dependencies": {"left-pad": "1.0.0"}}`
	image := scripted(t, map[string]string{
		"usr/bin/node": "echo v18.20.4",
		"usr/bin/npm":  `mkdir -p node_modules && echo "$@" >node_modules/asked`,
	})
	for name, tc := range map[string]struct {
		why   string
		files map[string]string
		err   string
		left  []string
	}{
		"None":     {"nothing to install", map[string]string{"package.json": `{"scripts": {"start": "node a.js"}}`}, "", []string{"package.json"}},
		"Vendored": {"the source brings them", map[string]string{"package.json": depends, "node_modules/left-pad/index.js": ""}, "", []string{"node_modules/left-pad/index.js", "package.json"}},
		"Cached":   {"the source brings their archives, which are not launched", map[string]string{"package.json": depends, "package-lock.json": "{}", npmCache + "/x": ""}, "", []string{"node_modules/asked", "package-lock.json", "package.json"}},
		"Missing":  {"there is no network; the message says what to do", map[string]string{"package.json": depends, "package-lock.json": "{}"}, npmCache, nil},
		"Unlocked": {"versions would be anyone's guess", map[string]string{"package.json": depends}, "package-lock.json", nil},
		"Broken":   {"the file is named", map[string]string{"package.json": "{"}, "package.json", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := at(t, source(t, tc.files), image)
			err := buildNode(s)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("%s: got %v, want %s", tc.why, err, tc.err)
				}
				return
			}
			if err != nil || web(t, s) != "node a.js" {
				t.Errorf("%s: %v, starts %s", tc.why, err, web(t, s))
			}
			if got := files(t, s.app); !slices.Equal(got, tc.left) {
				t.Errorf("%s: the image gets %v, want %v", tc.why, got, tc.left)
			}
		})
	}
}
