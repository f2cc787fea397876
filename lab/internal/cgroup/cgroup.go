// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Hierarchy is a mounted tree of control groups.
type Hierarchy struct {
	Dir     string
	Unified bool // version 2
	Cpuset  bool // version 1 and with the cpuset controller
}

// Find reads the hierarchies from a mountinfo file.
func Find(mountinfo io.Reader) ([]Hierarchy, error) {
	var out []Hierarchy
	lines := bufio.NewScanner(mountinfo)
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(g) < 3 {
			continue
		}
		h := Hierarchy{Dir: unescape.Replace(f[4]), Unified: g[0] == "cgroup2"}
		if g[0] != "cgroup" && g[0] != "cgroup2" {
			continue
		}
		h.Cpuset = g[0] == "cgroup" && slices.Contains(strings.Split(g[2], ","), "cpuset")
		if !slices.ContainsFunc(out, func(o Hierarchy) bool { return o.Dir == h.Dir }) {
			out = append(out, h)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the mounts: %w", err)
	}
	if len(out) == 0 {
		return nil, errors.New("no control groups are mounted (looked for cgroup and cgroup2 in /proc/self/mountinfo): mount them, " +
			"for example 'mount -t cgroup2 none /sys/fs/cgroup'")
	}
	return out, nil
}

// unescape undoes what the kernel does to blanks in mount points.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`)

// Mounted finds the machine's hierarchies.
func Mounted() ([]Hierarchy, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("opening the mounts: %w", err)
	}
	defer f.Close()
	return Find(f)
}

// Make creates the group called name in every hierarchy.
func Make(all []Hierarchy, name string) error {
	only := len(all) == 1
	for _, h := range all {
		dir := filepath.Join(h.Dir, name)
		if h.Unified && only {
			if err := delegate(h.Dir); err != nil {
				return err
			}
		}
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("making a control group (a lab with a node needs %s to be writable; in a container, run it with "+
				"--privileged, or use --no-node): %w", h.Dir, err)
		}
		if h.Cpuset {
			if err := inherit(h.Dir, dir); err != nil {
				return err
			}
		}
		if h.Unified && only {
			if err := delegate(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// inherit copies what a version 1 cpuset must have before it takes a process.
func inherit(parent, dir string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		raw, err := os.ReadFile(filepath.Join(parent, file))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), raw, 0o644)
		}
		if err != nil {
			return fmt.Errorf("setting up a cpuset: %w", err)
		}
	}
	return nil
}

// delegate hands the controllers that a kubelet needs down to a version 2
// group's children.
func delegate(dir string) error {
	have, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("reading controllers: %w", err)
	}
	for _, c := range []string{"cpuset", "cpu", "io", "memory", "pids", "hugetlb"} {
		if !slices.Contains(strings.Fields(string(have)), c) {
			continue
		}
		err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0o644)
		if errors.Is(err, syscall.EBUSY) {
			return fmt.Errorf("handing controller %s down from %s: processes are in that group itself, which forbids it: "+
				"move them into a child group first, or use --no-node: %w", c, dir, err)
		}
		if err != nil {
			return fmt.Errorf("handing controller %s down from %s: %w", c, dir, err)
		}
	}
	return nil
}

// Busy names a process that is in the group called name, or 0.
func Busy(all []Hierarchy, name string) int {
	found := 0
	for _, h := range all {
		_ = filepath.WalkDir(filepath.Join(h.Dir, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || d.Name() != "cgroup.procs" {
				return nil
			}
			if raw, err := os.ReadFile(path); err == nil && len(raw) > 0 {
				_, _ = fmt.Sscan(string(raw), &found)
				return filepath.SkipAll
			}
			return nil
		})
	}
	return found
}

// Remove removes the group called name and all below, for as long as it takes
// the kernel to let go of processes that have just ended.
func Remove(all []Hierarchy, name string, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		var errs []error
		for _, h := range all {
			errs = append(errs, removeTree(filepath.Join(h.Dir, name)))
		}
		err := errors.Join(errs...)
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("removing control groups: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// removeTree removes the deepest groups first: a group with children stays.
func removeTree(root string) error {
	var dirs []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range slices.Backward(dirs) {
		if err := syscall.Rmdir(d); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("removing %s: %w", d, err))
		}
	}
	return errors.Join(errs...)
}
