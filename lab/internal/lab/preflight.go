// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"rhumb.run/rhumb/lab/internal/cgroup"
	"rhumb.run/rhumb/lab/internal/layout"
	"rhumb.run/rhumb/lab/internal/render"
)

// programs are what a node runs that is not part of rhumb-lab, and the Debian
// package that brings each.
var programs = []struct{ name, pkg string }{
	{"containerd", "containerd"},
	{"runc", "runc"},
	{"iptables", "iptables"},
	{"iptables-restore", "iptables"},
	{"ip", "iproute2"},
}

// searched is the PATH that a lab's components get.
const searched = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Preflight refuses a start that can't work, and says what to do about it.
func Preflight(s layout.Settings) error {
	if err := neighboursFit(s); err != nil {
		return err
	}
	if !s.Node {
		return nil
	}
	if runtime.GOOS != "linux" {
		return fmt.Errorf("a node needs Linux, this is %s: use --no-node for the control plane alone, or a virtual machine", runtime.GOOS)
	}
	if s.RegistryPort == 0 {
		return errors.New("a node gets its images from the lab's registry: --registry-port can be 0 only with --no-node")
	}
	if os.Geteuid() != 0 {
		return errors.New("a node needs root, for namespaces and control groups of its own: run 'sudo rhumb-lab up', " +
			"or 'rhumb-lab up --no-node' for the control plane alone")
	}
	if err := missing(find); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding our own program: %w", err)
	}
	for _, p := range []string{dnsProgram, pauseProgram} {
		if _, err := os.Stat(filepath.Join(filepath.Dir(self), p)); err != nil {
			return fmt.Errorf("%s is not beside rhumb-lab (%w): build both with 'make lab'", p, err)
		}
	}
	return groupsFit(s)
}

// find looks a program up where components will.
func find(name string) (string, error) {
	for dir := range strings.SplitSeq(searched, ":") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}

// missing names everything that is not there in one go, with the one line
// that brings it.
func missing(find func(string) (string, error)) error {
	var names, pkgs []string
	want := func(name, pkg string) {
		names = append(names, name)
		if !strings.Contains(" "+strings.Join(pkgs, " ")+" ", " "+pkg+" ") {
			pkgs = append(pkgs, pkg)
		}
	}
	for _, p := range programs {
		if _, err := find(p.name); err != nil {
			want(p.name, p.pkg)
		}
	}
	if _, err := firstDir(cniBins); err != nil {
		want("the CNI plugins", "containernetworking-plugins")
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("a node needs %s: apt-get update && apt-get install -y --no-install-recommends %s",
		strings.Join(names, ", "), strings.Join(pkgs, " "))
}

// groupsFit checks that control groups can be made, and that no other lab has
// ours.
func groupsFit(s layout.Settings) error {
	all, err := cgroup.Mounted()
	if err != nil {
		return err
	}
	for _, h := range all {
		if err := unix.Access(h.Dir, unix.W_OK); err != nil {
			return fmt.Errorf("control groups under %s can't be written (%w): a node needs them; in a container, run it with "+
				"--privileged, or use --no-node", h.Dir, err)
		}
	}
	if pid := cgroup.Busy(all, render.CgroupRoot(s)); pid != 0 {
		return fmt.Errorf("another lab called %q runs on this machine (pid %d is in its control group): choose another --name, "+
			"or end that one first", s.Name, pid)
	}
	return nil
}
