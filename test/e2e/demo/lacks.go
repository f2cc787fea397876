// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"rhumb.run/rhumb/test/e2e/rig"
)

// nodeLacks says what this machine lacks to run a node, a line each.
func nodeLacks(repo rig.Repo) []string {
	var out []string
	if runtime.GOOS != "linux" {
		return []string{"Linux: a node runs containers, which " + runtime.GOOS + " does not have"}
	}
	if os.Geteuid() != 0 {
		out = append(out, "root: a node mounts file systems and makes network namespaces (try: sudo make demo)")
	}
	for _, p := range wanted(repo.Path("lab", "packages.txt")) {
		if !installed(p) {
			out = append(out, fmt.Sprintf("Debian package %s (as root: apt-get install %s)", p, p))
		}
	}
	return out
}

// wanted reads a list of packages: one a line, what follows a # is a remark.
func wanted(path string) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	var out []string
	for s := bufio.NewScanner(f); s.Scan(); {
		line, _, _ := strings.Cut(s.Text(), "#")
		if fields := strings.Fields(line); len(fields) > 0 {
			out = append(out, fields[0])
		}
	}
	return out
}

// installed asks dpkg; where there is none, the lab itself says what it misses.
func installed(name string) bool {
	if _, err := exec.LookPath("dpkg-query"); err != nil {
		return true
	}
	status, _ := exec.Command("dpkg-query", "-W", "-f", "${db:Status-Status}", name).Output()
	return string(status) == "installed"
}
