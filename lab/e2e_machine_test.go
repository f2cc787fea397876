// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package lab_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// traces are what a lab could leave on a machine, each a line.
func traces(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	for _, file := range []string{"/proc/self/mounts", "/proc/net/route"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			out = append(out, file+": "+line)
		}
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range addrs {
			out = append(out, "address: "+i.Name+" "+a.String())
		}
		out = append(out, "interface: "+i.Name)
	}
	rules, err := exec.Command("iptables-save").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(rules)) {
		if strings.HasPrefix(line, "-A") {
			out = append(out, "rule: "+line)
		}
	}
	for _, pattern := range []string{"/sys/fs/cgroup/rhumb-lab-*", "/sys/fs/cgroup/*/rhumb-lab-*", "/run/*", "/run/netns/*",
		"/var/lib/*", "/var/log/*", "/etc/cni*", "/opt/cni*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, found...)
	}
	return append(out, processes(t, dir)...)
}

// processes are those whose command line names a directory, or that live in a
// box of a lab that does.
func processes(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	boxes, byNamespace := map[string]bool{}, map[string][]string{}
	var out []string
	for _, p := range all {
		raw, err := os.ReadFile(filepath.Join(p, "cmdline"))
		if err != nil || len(raw) == 0 {
			continue
		}
		line := "process: " + filepath.Base(p) + " " + strings.ReplaceAll(string(raw), "\x00", " ")
		ns, _ := os.Readlink(filepath.Join(p, "ns/pid"))
		byNamespace[ns] = append(byNamespace[ns], line)
		if strings.Contains(line, dir) {
			out = append(out, line)
			boxes[ns] = true
		}
	}
	own, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		t.Fatal(err)
	}
	for ns := range boxes {
		if ns != own {
			out = append(out, byNamespace[ns]...)
		}
	}
	return out
}

// unchanged waits until the machine shows nothing that it did not show before,
// other labs' coming and going aside.
func unchanged(t *testing.T, name, dir string, before []string) {
	t.Helper()
	eventually(t, "nothing of the lab is left", func() string {
		var left []string
		for _, line := range traces(t, dir) {
			foreign := strings.Contains(line, "/rhumb-lab-") && !strings.Contains(line, "/rhumb-lab-"+name)
			if !foreign && !slices.Contains(before, line) {
				left = append(left, line)
			}
		}
		return strings.Join(left, "\n")
	})
}

// eventually polls until nothing stands in the way.
func eventually(t *testing.T, what string, obstacle func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		last := obstacle()
		if last == "" {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waiting until %s: %s", what, last)
		case <-tick.C:
		}
	}
}
