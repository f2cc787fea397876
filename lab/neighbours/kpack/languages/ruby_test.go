// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

func TestRuby(t *testing.T) {
	image := scripted(t, map[string]string{
		"usr/bin/ruby":   "printf 3.1.2",
		"usr/bin/bundle": `mkdir -p "$BUNDLE_PATH/bundler" && echo "frozen $BUNDLE_FROZEN" >"$BUNDLE_PATH/bundler/setup.rb"`,
	})
	for name, tc := range map[string]struct {
		why   string
		files map[string]string
		err   string
		want  string
	}{
		"Script":  {"no gems, no Bundler", map[string]string{"app.rb": ""}, "", "ruby app.rb"},
		"Rack":    {"Rack knows no $PORT by itself", map[string]string{"config.ru": "", "app.rb": ""}, "", "ruby LAYERS/rackup/rackup.rb"},
		"Gems":    {"gems of the source are found without Bundler", map[string]string{"Gemfile": "", "vendor/cache/x.gem": "", "app.rb": ""}, "", "ruby -rLAYERS/gems/bundler/setup.rb app.rb"},
		"Nothing": {"a Gemfile alone starts nothing", map[string]string{"Gemfile": ""}, "what to start", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := at(t, source(t, tc.files), image)
			err := buildRuby(s)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("%s: got %v, want %s", tc.why, err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(web(t, s), s.layers.Path, "LAYERS"); got != tc.want {
				t.Errorf("%s: starts %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}
