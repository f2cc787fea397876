// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"rhumb.run/rhumb/test/e2e/rig"
)

// sight is what a lab could leave on a machine, each thing a line.
type sight map[string]bool

// look takes in mounts, interfaces, firewall rules, routes, processes that name
// the lab's folder, namespaces that anybody lives in, control groups, folders.
func look(t *testing.T, lab rig.Lab) sight {
	t.Helper()
	s := sight{}
	mounts(t, s)
	interfaces(t, s)
	for _, command := range []string{"iptables-save", "ip6tables-save", "ip route show table all"} {
		commandLines(s, command)
	}
	processes(t, s, lab)
	folders(t, s)
	return s
}

func mounts(t *testing.T, s sight) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n") {
		f := strings.Fields(l)
		s["mount "+strings.Join(f[3:], " ")] = true
	}
}

func interfaces(t *testing.T, s sight) {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		addrs, _ := i.Addrs()
		s["interface "+i.Name] = true
		for _, a := range addrs {
			s["address "+i.Name+" "+a.String()] = true
		}
	}
}

// counters are what changes in a list of rules without a rule changing.
var counters = regexp.MustCompile(`\[\d+:\d+\]`)

func commandLines(s sight, command string) {
	f := strings.Fields(command)
	out, _ := exec.Command(f[0], f[1:]...).Output() // a machine without the program has no such rules
	for l := range strings.SplitSeq(string(out), "\n") {
		if l != "" && l[0] != '#' {
			s[f[0]+": "+counters.ReplaceAllString(l, "")] = true
		}
	}
}

// processes sees who was started with the lab's folder as an argument, and which
// namespaces anybody is in: a pod's processes have no such argument.
func processes(t *testing.T, s sight, lab rig.Lab) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		args, _ := os.ReadFile(p + "/cmdline") // it may end meanwhile
		if strings.Contains(string(args), lab.Dir) {
			s["process "+strings.ReplaceAll(string(args), "\x00", " ")] = true
		}
		for _, ns := range []string{"net", "mnt"} {
			// Empty for one that has ended and waits to be reaped: it is nowhere.
			if id, _ := os.Readlink(p + "/ns/" + ns); id != "" {
				s["namespace "+id] = true
			}
		}
	}
}

// ours are names that only a lab, or a node in general, gives to folders.
var ours = regexp.MustCompile(`rhumb|kubepods|kubelet|containerd|runc|cni|netns`)

func folders(t *testing.T, s sight) {
	t.Helper()
	for _, pattern := range []string{"/etc/*", "/run/*", "/run/*/*", "/tmp/*", "/var/lib/*", "/var/log/*", "/opt/*", "/sys/fs/cgroup/*", "/sys/fs/cgroup/*/*"} {
		all, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			if ours.MatchString(filepath.Base(p)) {
				s["folder "+p] = true
			}
		}
	}
}

// unchanged fails the test if the machine shows something that it did not show
// before. The kernel takes a moment to drop a namespace that nobody is in.
func unchanged(t *testing.T, lab rig.Lab, before sight) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	err := rig.Until(ctx, "the machine to look as it did before", 500*time.Millisecond, func() (bool, string) {
		var left []string
		for line := range look(t, lab) {
			if !before[line] {
				left = append(left, line)
			}
		}
		sort.Strings(left)
		return len(left) == 0, "\n" + strings.Join(left, "\n")
	})
	if err != nil {
		t.Error(err)
	}
}
