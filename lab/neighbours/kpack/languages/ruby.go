// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/buildpacks/libcnb/v2"
)

func detectRuby(app string) bool {
	return has(app, "Gemfile") || has(app, "config.ru") || has(app, "app.rb")
}

// rackup starts an application of Rack's, on the port that everybody names.
const rackup = `require "rack"
app = Rack::Builder.parse_file("config.ru")
app = app.first if app.is_a?(Array)
Rack::Server.start(app: app, Host: "0.0.0.0", Port: ENV.fetch("PORT", "8080").to_i)
`

// buildRuby installs the gems that the source brings in vendor/cache, and finds
// what to start.
func buildRuby(s *site) error {
	version, err := s.ask(command{args: []string{s.inImage("/usr/bin/ruby"), "-e", "print RUBY_VERSION"}})
	if err != nil {
		return err
	}
	s.say("  Using Ruby %s", version)
	start := []string{"ruby"}
	if has(s.app, "vendor", "cache") {
		setup, err := installGems(s)
		if err != nil {
			return err
		}
		start = append(start, "-r"+setup)
	} else {
		s.say("  No gems in vendor/cache to install")
	}
	switch {
	case has(s.app, "config.ru"):
		l, err := s.layer("rackup", libcnb.LayerTypes{Launch: true})
		if err != nil {
			return err
		}
		script := filepath.Join(l.Path, "rackup.rb")
		if err := os.WriteFile(script, []byte(rackup), 0o644); err != nil {
			return err
		}
		s.add(l)
		start = append(start, script)
	case has(s.app, "app.rb"):
		start = append(start, "app.rb")
	default:
		return errors.New("neither config.ru nor app.rb: nothing says what to start")
	}
	return s.starts(start, map[string]string{"RACK_ENV": "production"})
}

// installGems puts gems into a layer, and returns the file that has Ruby find
// them, without Bundler.
func installGems(s *site) (string, error) {
	l, err := s.layer("gems", libcnb.LayerTypes{Launch: true})
	if err != nil {
		return "", err
	}
	s.say("  Executing build process")
	args := []string{"bundle", "install", "--local", "--standalone", "--quiet"}
	err = s.run(command{
		args:   append([]string{s.inImage("/usr/bin/bundle")}, args[1:]...),
		called: args,
		env:    []string{"HOME=" + os.TempDir(), "BUNDLE_PATH=" + l.Path, "BUNDLE_FROZEN=" + frozen(s.app), "BUNDLE_WITHOUT=development:test"},
	})
	if err != nil {
		return "", err
	}
	setup := filepath.Join(l.Path, "bundler", "setup.rb")
	if !has(setup) {
		return "", errors.New("bundle install made no " + setup)
	}
	s.add(l)
	return setup, nil
}

// frozen holds Bundler to the lock, if there is one.
func frozen(app string) string {
	if has(app, "Gemfile.lock") {
		return "true"
	}
	return "false"
}
