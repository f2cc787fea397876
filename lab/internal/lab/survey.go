// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"rhumb.run/rhumb/lab/internal/git"
	"rhumb.run/rhumb/lab/internal/layout"
	"rhumb.run/rhumb/lab/internal/password"
)

// Overview is a Report with what the machine's side knows.
type Overview struct {
	Report
	Up        bool      `json:"up"`
	Healthy   bool      `json:"healthy"`
	DataDir   string    `json:"dataDir"`
	DiskBytes int64     `json:"diskBytes"`
	Addresses []Address `json:"addresses,omitempty"`
}

// Address is where something is reached on the machine.
type Address struct {
	What  string `json:"what"`
	Where string `json:"where"`
}

// Survey asks the lab how it is and adds addresses and disk use. It returns
// ErrDown with an Overview that says so.
func Survey(ctx context.Context, l layout.Layout) (Overview, error) {
	o := Overview{DataDir: l.Root, DiskBytes: diskUse(l.Root)}
	report, err := Query(ctx, l)
	if err != nil {
		return o, err
	}
	s, err := l.Load()
	if err != nil {
		return o, err
	}
	o.Report, o.Up, o.Healthy = report, true, len(report.Problems) == 0
	if s.Node {
		if pid, err := BoxPID(l); err == nil {
			translate(o.Components, pid)
		}
	}
	o.Addresses = append(o.Addresses, Address{"API server", fmt.Sprintf("https://127.0.0.1:%d", s.APIPort)})
	if s.RegistryPort > 0 {
		o.Addresses = append(o.Addresses, Address{"registry", fmt.Sprintf("localhost:%d", s.RegistryPort)})
	}
	if s.GitPort > 0 {
		o.Addresses = append(o.Addresses, Address{"git", fmt.Sprintf("http://localhost:%d (user %s, password in %s)", s.GitPort, git.User, l.GitPassword())})
	}
	if s.IngressPort > 0 {
		o.Addresses = append(o.Addresses, Address{"ingress", fmt.Sprintf("http://127.0.0.1:%d, by the Host that is asked for", s.IngressPort)})
	}
	for _, name := range s.OutsideNames(layout.OutsideGit) {
		o.Addresses = append(o.Addresses, Address{"outside", fmt.Sprintf("https://%s is git, in pods", name)})
	}
	for _, name := range s.OutsideNames(layout.OutsideRegistry) {
		o.Addresses = append(o.Addresses, Address{"outside", fmt.Sprintf("https://%s is the registry, in pods (user %s, password in %s)",
			name, password.User, l.RegistryPassword())})
	}
	if len(s.OutsideNames(layout.OutsideHub)) > 0 {
		o.Addresses = append(o.Addresses, Address{"outside", fmt.Sprintf("https://docker.io is a registry of its own, in pods and for the node (user %s, password in %s)",
			password.User, l.HubPassword())})
	}
	for _, f := range s.Forwards {
		o.Addresses = append(o.Addresses, Address{"forward", f.Listen + " = " + f.Target})
	}
	o.Addresses = append(o.Addresses, Address{"kubeconfig", l.Kubeconfig()})
	return o, nil
}

// diskUse sums the blocks of a tree; what vanishes meanwhile does not count.
func diskUse(root string) int64 {
	var total int64
	_ = filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				total += st.Blocks * 512
			}
		}
		return nil
	})
	return total
}

// Delete removes the data directory of a lab that is down. It refuses a
// directory that is not one.
func Delete(l layout.Layout) error {
	if _, err := os.Stat(l.Root); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if !l.Exists() {
		return fmt.Errorf("%s is no lab's data directory: it has no settings.json", l.Root)
	}
	if err := os.RemoveAll(l.Root); err != nil {
		return fmt.Errorf("deleting the data directory: %w", err)
	}
	return nil
}

// BoxPID is the process 1 of a running lab with a node, as the machine counts.
func BoxPID(l layout.Layout) (int, error) {
	holder, err := Look(l)
	if err != nil {
		return 0, err
	}
	if !holder.Alive {
		return 0, ErrDown
	}
	raw, err := os.ReadFile(l.Run("box.pid"))
	if err != nil {
		return 0, fmt.Errorf("this lab has no node, so there is nothing to enter: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return 0, fmt.Errorf("reading the lab's process id: %w", err)
	}
	return pid, nil
}
