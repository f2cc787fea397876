// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// deb is a package as apt would fetch it.
type deb struct {
	name, file, hash string
}

func names(debs []deb) []string {
	var out []string
	for _, d := range debs {
		out = append(out, d.name)
	}
	return out
}

func without(debs []deb, gone []string) []deb {
	return slices.DeleteFunc(slices.Clone(debs), func(d deb) bool { return slices.Contains(gone, d.name) })
}

// parse reads names below [section]s.
func parse(text string) map[string][]string {
	out, section := map[string][]string{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
		default:
			out[section] = append(out[section], line)
		}
	}
	return out
}

// printed is a line of apt-get --print-uris: 'URI' FILE SIZE HASH, but what comes
// from a place of security updates has no hash.
var printed = regexp.MustCompile(`^'[^']+' (([^_]+)_\S+\.deb) \d+ ?(\S*)$`)

// resolve asks apt what a machine with nothing installed would fetch for some
// packages. Where apt has no lists yet, they are fetched first.
func resolve(packages []string) ([]deb, error) {
	dir, err := os.MkdirTemp("", "stack-apt-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for apt: %w", err)
	}
	defer os.RemoveAll(dir)
	ask := append([]string{"-qq", "-y", "--print-uris", "install"}, packages...)
	out, err := apt(dir, ask...)
	if err != nil {
		if _, updating := aptBare("update", "-qq"); updating != nil {
			return nil, errors.Join(err, updating)
		}
		if out, err = apt(dir, ask...); err != nil {
			return nil, err
		}
	}
	var debs []deb
	for line := range strings.Lines(string(out)) {
		m := printed.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			return nil, fmt.Errorf("apt-get --print-uris says %q, which names no package", line)
		}
		debs = append(debs, deb{name: m[2], file: m[1], hash: m[3]})
	}
	slices.SortFunc(debs, func(a, b deb) int { return strings.Compare(a.file, b.file) })
	return debs, nil
}

// download fetches packages into a folder, of the versions that were resolved.
func download(dir string, debs []deb) error {
	if err := os.MkdirAll(filepath.Join(dir, "partial"), 0o755); err != nil {
		return fmt.Errorf("making the folder for packages: %w", err)
	}
	// What is left out may not be fetched: "apt-get download" takes names, and no dependencies.
	cmd := exec.Command("apt-get", append(append(options(dir), "-qq", "download"), names(debs)...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get download: %w\n%s", err, out)
	}
	for _, d := range debs {
		if _, err := os.Stat(filepath.Join(dir, d.file)); err != nil {
			return fmt.Errorf("apt-get did not fetch %s: %w", d.file, err)
		}
	}
	return nil
}

func apt(dir string, args ...string) ([]byte, error) {
	return aptBare(append(options(dir), args...)...)
}

func aptBare(args ...string) ([]byte, error) {
	cmd := exec.Command("apt-get", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out, nil
}

// options have apt take a machine on which nothing is installed, and Debian's
// own packages even where this machine prefers somebody else's. The file of
// preferences is written on the way.
func options(dir string) []string {
	status, preferences := filepath.Join(dir, "status"), filepath.Join(dir, "preferences")
	_ = os.WriteFile(status, nil, 0o644)
	_ = os.WriteFile(preferences, []byte("Package: *\nPin: release o=Debian\nPin-Priority: 1001\n"), 0o644)
	var out []string
	for _, o := range []string{
		"Dir::State::status=" + status, "Dir::Etc::preferences=" + preferences, "APT::Install-Recommends=false",
		"Debug::NoLocking=true", "APT::Sandbox::User=root",
	} {
		out = append(out, "-o", o)
	}
	return out
}
