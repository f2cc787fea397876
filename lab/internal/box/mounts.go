// SPDX-License-Identifier: Apache-2.0

//go:build linux

package box

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"rhumb.run/rhumb/lab/internal/layout"
)

// covered are where a container runtime leaves things; a box has its own.
var covered = []string{"/run", "/var/log", "/var/lib"}

// resolvConf sends every name to the lab's DNS, which knows the cluster's
// names and forwards no others.
const resolvConf = "nameserver " + layout.DNSIP + "\nsearch svc.cluster.local cluster.local\noptions timeout:1 attempts:2\n"

// mounts turns the copy of the machine's mounts that we were born with into
// the box's own. The first call cuts the copy off: nothing after it is seen
// outside.
func mounts(dataDir, binDir string) error {
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return err
	}
	data, err := os.Open(dataDir)
	if err != nil {
		return fmt.Errorf("opening the data directory: %w", err)
	}
	defer data.Close()
	bin, err := os.Open(binDir)
	if err != nil {
		return fmt.Errorf("opening our program's directory: %w", err)
	}
	defer bin.Close()
	resolv, err := filepath.EvalSymlinks("/etc/resolv.conf")
	if err != nil {
		return fmt.Errorf("finding /etc/resolv.conf, in whose place the lab's own is mounted (an empty file will do): %w", err)
	}
	for _, dir := range covered {
		if err := mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=755"); err != nil {
			return err
		}
	}
	for target, from := range map[string]*os.File{DataDir: data, BinDir: bin} {
		if err := os.MkdirAll(target, 0o755); err != nil {
			return fmt.Errorf("making %s: %w", target, err)
		}
		if err := mount(fmt.Sprintf("/proc/self/fd/%d", from.Fd()), target, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
			return err
		}
	}
	if err := ownResolvConf(resolv); err != nil {
		return err
	}
	// The kubelet needs mounts of pods to be seen by the container runtime.
	return mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, "")
}

// ownResolvConf puts our file over the machine's, or over where the link
// /etc/resolv.conf leads, which may be under a covered directory.
func ownResolvConf(target string) error {
	ours := "/run/resolv.conf.rhumb"
	if err := os.WriteFile(ours, []byte(resolvConf), 0o644); err != nil {
		return fmt.Errorf("writing resolv.conf: %w", err)
	}
	if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
		if err := errors.Join(os.MkdirAll(filepath.Dir(target), 0o755), os.WriteFile(target, nil, 0o644)); err != nil {
			return fmt.Errorf("making %s: %w", target, err)
		}
	}
	return mount(ours, target, "", syscall.MS_BIND, "")
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mounting %s: %w", target, err)
	}
	return nil
}
