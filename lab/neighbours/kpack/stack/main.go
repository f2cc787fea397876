// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// format changes when this program makes other layers of the same packages.
const format = "3"

//go:embed packages.txt
var list string

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: stack DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "making kpack's stack:", err)
		os.Exit(1)
	}
}

// run makes the layers, unless those that are there are of the same packages.
func run(dir string) error {
	began := time.Now()
	dir, err := filepath.Abs(dir) // apt and the compiler work elsewhere
	if err != nil {
		return err
	}
	wanted := parse(list)
	below, err := resolve(wanted["run"])
	if err != nil {
		return err
	}
	all, err := resolve(append(wanted["run"], wanted["build"]...))
	if err != nil {
		return err
	}
	below = without(below, wanted["without"])
	above := without(all, append(names(below), wanted["without"]...))
	toolchain, err := findToolchain()
	if err != nil {
		return err
	}
	key := fingerprint(below, above, toolchain)
	marker := filepath.Join(dir, "stack.txt")
	if raw, err := os.ReadFile(marker); err == nil && strings.HasPrefix(string(raw), key+"\n") && made(dir) {
		return nil
	}
	if err := build(dir, below, above, toolchain); err != nil {
		return err
	}
	// As the layers, it replaces a file and changes none: a copy of the folder may be made of links.
	err = os.WriteFile(marker+".part", []byte(describe(key, below, above, toolchain)), 0o644)
	if err == nil {
		err = os.Rename(marker+".part", marker)
	}
	if err != nil {
		return fmt.Errorf("remembering the packages: %w", err)
	}
	fmt.Printf("    kpack's stack: %d packages, %s (%.0f s)\n", len(below)+len(above), sizes(dir), time.Since(began).Seconds())
	return nil
}

// layers are the files that a stack consists of.
var layers = []string{"stack-run.tar.gz", "stack-build.tar.gz", "stack-go.tar.gz"}

func made(dir string) bool {
	return !slices.ContainsFunc(layers, func(l string) bool {
		_, err := os.Stat(filepath.Join(dir, l))
		return err != nil
	})
}

// build makes the three layers side by side: one waits for the network, another
// for the compiler.
func build(dir string, below, above []deb, t toolchain) error {
	work, err := os.MkdirTemp(dir, "stack-")
	if err != nil {
		return fmt.Errorf("making a folder to work in: %w", err)
	}
	defer os.RemoveAll(work)
	jobs := []func() error{
		func() error { return t.layer(filepath.Join(work, "go"), filepath.Join(dir, layers[2])) },
		func() error {
			archives := filepath.Join(work, "debs")
			if err := download(archives, append(below, above...)); err != nil {
				return err
			}
			return errors.Join(
				unpacked(work, archives, below, foundation, filepath.Join(dir, layers[0])),
				unpacked(work, archives, above, nil, filepath.Join(dir, layers[1])))
		},
	}
	results := make(chan error)
	for _, job := range jobs {
		go func() { results <- job() }()
	}
	for range jobs {
		err = errors.Join(err, <-results)
	}
	return err
}

// fingerprint changes when any layer would.
func fingerprint(below, above []deb, t toolchain) string {
	sum := sha256.New()
	fmt.Fprintln(sum, format, t.version)
	for _, d := range below {
		fmt.Fprintln(sum, "run", d.file, d.hash)
	}
	for _, d := range above {
		fmt.Fprintln(sum, "build", d.file, d.hash)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// describe says what is in the layers, after the key.
func describe(key string, below, above []deb, t toolchain) string {
	out := key + "\n"
	for _, d := range below {
		out += "run   " + d.file + "\n"
	}
	for _, d := range above {
		out += "build " + d.file + "\n"
	}
	return out + "go    " + t.version + "\n"
}

func sizes(dir string) string {
	var out []string
	for _, l := range layers {
		info, err := os.Stat(filepath.Join(dir, l))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			out = append(out, fmt.Sprintf("%s %d MB", strings.TrimSuffix(strings.TrimPrefix(l, "stack-"), ".tar.gz"), info.Size()>>20))
		}
	}
	return strings.Join(out, ", ")
}
