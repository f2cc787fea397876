// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// manifest is what a package.json says, as far as it matters here.
type manifest struct {
	Main         string            `json:"main"`
	Scripts      map[string]string `json:"scripts"`
	Dependencies map[string]string `json:"dependencies"`
}

func detectNode(app string) bool { return has(app, "package.json") }

// buildNode installs dependencies from the source itself: there is no network.
func buildNode(s *site) error {
	raw, err := os.ReadFile(filepath.Join(s.app, "package.json"))
	if err != nil {
		return err
	}
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return fmt.Errorf("reading package.json: %w", err)
	}
	version, err := s.ask(command{args: []string{s.inImage("/usr/bin/node"), "--version"}})
	if err != nil {
		return err
	}
	s.say("  Using Node.js %s", strings.TrimPrefix(version, "v"))
	if err := installPackages(s, m); err != nil {
		return err
	}
	start, err := m.start(s.app)
	if err != nil {
		return err
	}
	return s.starts(start, map[string]string{"NODE_ENV": "production"})
}

// npmCache is where a source may keep the packages that it depends on, as
// 'npm ci --cache npm-packages-offline-cache' fills it.
const npmCache = "npm-packages-offline-cache"

func installPackages(s *site, m manifest) error {
	switch {
	case len(m.Dependencies) == 0:
		s.say("  No dependencies to install")
		return nil
	case has(s.app, "node_modules"):
		s.say("  Using node_modules of the source")
		return nil
	case !has(s.app, "package-lock.json"):
		return errors.New("package.json has dependencies, but there is no package-lock.json")
	case !has(s.app, npmCache):
		return fmt.Errorf("package.json has dependencies, which builds do not download: keep them in node_modules, or fill %[1]s by 'npm ci --cache %[1]s'", npmCache)
	}
	s.say("  Executing build process")
	args := []string{"npm", "ci", "--offline", "--omit=dev", "--no-audit", "--no-fund", "--cache", npmCache}
	err := s.run(command{args: append([]string{s.inImage("/usr/bin/npm")}, args[1:]...), called: args, env: []string{"HOME=" + os.TempDir()}})
	if err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(s.app, npmCache))
}

// start is what 'npm start' runs, without npm and, if it can be, without a shell.
func (m manifest) start(app string) ([]string, error) {
	line := m.Scripts["start"]
	switch {
	case strings.ContainsAny(line, "\"'`$&|;<>()*?[]\\~=#\n"):
		return []string{"sh", "-c", line}, nil
	case line != "":
		command := strings.Fields(line)
		if local := filepath.Join(app, "node_modules", ".bin", command[0]); has(local) {
			command[0] = local
		}
		return command, nil
	case has(app, "server.js"):
		return []string{"node", "server.js"}, nil
	case m.Main != "":
		return []string{"node", m.Main}, nil
	}
	return nil, errors.New("package.json has no script named start, and there is no server.js: nothing says what to start")
}
