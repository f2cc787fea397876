// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/buildpacks/libcnb/v2"
)

// site is where a build happens, and what became of it.
type site struct {
	app    string            // the source; what stays there goes into the image
	layers libcnb.Layers     // what the last build left, and what this one makes
	image  string            // the root of the build image
	env    map[string]string // what the platform was told to tell builds
	out    io.Writer
	result libcnb.BuildResult
}

func (s *site) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

// inImage is a path of the build image.
func (s *site) inImage(path string) string { return filepath.Join(s.image, path) }

// layer begins a layer anew.
func (s *site) layer(name string, types libcnb.LayerTypes) (libcnb.Layer, error) {
	l, err := s.layers.Layer(name)
	if err == nil {
		l, err = l.Reset()
	}
	l.LayerTypes = types
	return l, err
}

func (s *site) add(l libcnb.Layer) { s.result.Layers = append(s.result.Layers, l) }

// starts says what runs, and that it listens where everybody looks for it.
// variables are more defaults.
func (s *site) starts(command []string, variables map[string]string) error {
	l, err := s.layer("defaults", libcnb.LayerTypes{Launch: true})
	if err != nil {
		return err
	}
	l.LaunchEnvironment.Default("PORT", "8080")
	for name, value := range variables {
		l.LaunchEnvironment.Default(name, value)
	}
	s.add(l)
	s.result.Processes = append(s.result.Processes, libcnb.Process{Type: "web", Command: command[:1], Arguments: command[1:], Default: true})
	return nil
}

// command is a program to run, and with which variables beyond this process's.
type command struct {
	dir  string
	env  []string
	args []string
	// called is how the command is shown, unless as it is.
	called []string
}

// run executes a command in the source's folder, and shows it and how long it
// took. What it says on stderr, as compilers do, is passed on as it is.
func (s *site) run(c command) error {
	show := c.called
	if show == nil {
		show = c.args
	}
	s.say("    Running '%s'", joined(show))
	began := time.Now()
	cmd := s.prepare(c)
	out := &indented{to: s.out, prefix: "      "}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Run(); err != nil {
		s.say("      Failed after %s", since(began))
		return fmt.Errorf("running '%s': %w", joined(show), err)
	}
	s.say("      Completed in %s", since(began))
	return nil
}

// ask runs a command for what it says.
func (s *site) ask(c command) (string, error) {
	cmd := s.prepare(c)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		os.Stderr.Write(exit.Stderr)
	}
	if err != nil {
		return "", fmt.Errorf("running '%s': %w", joined(c.args), err)
	}
	return strings.TrimSpace(string(out)), nil
}

func (s *site) prepare(c command) *exec.Cmd {
	cmd := exec.Command(c.args[0], c.args[1:]...)
	cmd.Dir = s.app
	if c.dir != "" {
		cmd.Dir = c.dir
	}
	cmd.Env = append(os.Environ(), c.env...)
	return cmd
}

// keep empties the source's folder but for what is named in it, and what
// BP_KEEP_FILES names, by patterns with ":" between: sources are not launched.
func (s *site) keep(names ...string) error {
	kept := map[string]bool{}
	for _, pattern := range append(filepath.SplitList(s.env["BP_KEEP_FILES"]), names...) {
		found, err := filepath.Glob(filepath.Join(s.app, pattern))
		if err != nil {
			return fmt.Errorf("reading the pattern %q of BP_KEEP_FILES: %w", pattern, err)
		}
		for _, f := range found {
			kept[f] = true
		}
	}
	_, err := prune(s.app, kept)
	return err
}

// prune removes what is below a folder and not kept, and says whether anything stayed.
func prune(dir string, kept map[string]bool) (stayed bool, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		path, below := filepath.Join(dir, e.Name()), false
		if kept[path] {
			stayed = true
			continue
		}
		if e.IsDir() {
			if below, err = prune(path, kept); err != nil {
				return false, err
			}
		}
		if below {
			stayed = true
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return false, err
		}
	}
	return stayed, nil
}

func joined(args []string) string { return strings.Join(args, " ") }

func since(t time.Time) string { return fmt.Sprintf("%.1fs", time.Since(t).Seconds()) }

// indented puts a prefix before each line.
type indented struct {
	to      io.Writer
	prefix  string
	midline bool
}

func (i *indented) Write(p []byte) (int, error) {
	for _, line := range bytes.SplitAfter(p, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		if !i.midline {
			io.WriteString(i.to, i.prefix)
		}
		i.midline = line[len(line)-1] != '\n'
		if _, err := i.to.Write(line); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
