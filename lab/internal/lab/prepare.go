// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"rhumb.run/rhumb/lab/internal/front"
	"rhumb.run/rhumb/lab/internal/layout"
	"rhumb.run/rhumb/lab/internal/pki"
	"rhumb.run/rhumb/lab/internal/render"
)

// prepare makes the data directory fit for a start: directories, keys,
// kubeconfigs, and last time's logs put aside.
func prepare(l layout.Layout, s layout.Settings) error {
	for _, stale := range []string{l.State("run"), l.State("etc")} {
		if err := os.RemoveAll(stale); err != nil {
			return fmt.Errorf("clearing %s: %w", stale, err)
		}
	}
	for _, dir := range l.Dirs() {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making the data directory: %w", err)
		}
	}
	if err := putAsideLogs(l); err != nil {
		return err
	}
	if err := certify(l, s); err != nil {
		return err
	}
	return writeKubeconfigs(l, s)
}

// putAsideLogs keeps one older generation of each log.
func putAsideLogs(l layout.Layout) error {
	entries, err := os.ReadDir(l.Logs())
	if err != nil {
		return fmt.Errorf("listing logs: %w", err)
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".log"); ok && name != "supervisor" {
			if err := os.Rename(l.Log(name), l.Log(name)+".1"); err != nil {
				return fmt.Errorf("putting aside a log: %w", err)
			}
		}
	}
	return nil
}

func certify(l layout.Layout, s layout.Settings) error {
	dir := l.State("pki")
	ca, err := pki.OpenAuthority(dir, "ca")
	if err != nil {
		return err
	}
	for _, leaf := range render.Leaves(s) {
		if err := ca.Ensure(dir, leaf); err != nil {
			return err
		}
	}
	proxy, err := pki.OpenAuthority(dir, "front-proxy-ca")
	if err != nil {
		return err
	}
	if err := proxy.Ensure(dir, render.FrontProxy()); err != nil {
		return err
	}
	if _, err := pki.OpenAuthority(dir, front.Authority); err != nil {
		return err
	}
	if err := bundle(l, machineAuthorities); err != nil {
		return err
	}
	return pki.EnsureTokenKey(dir)
}

// machineAuthorities is where Debian keeps whom programs trust.
const machineAuthorities = "/etc/ssl/certs/ca-certificates.crt"

// bundle writes down whom the images of the lab trust: whoever the machine
// trusts, if it says so, and the one that signs for outside names. What is
// unchanged is left alone, so that images made of it need not be made again.
func bundle(l layout.Layout, machine string) error {
	theirs, err := os.ReadFile(machine)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the machine's authorities: %w", err)
	}
	own, err := os.ReadFile(l.PKI(front.Authority + ".crt"))
	if err != nil {
		return fmt.Errorf("reading the lab's authority: %w", err)
	}
	all := slices.Concat(theirs, own)
	if was, err := os.ReadFile(l.Authorities()); err == nil && bytes.Equal(was, all) {
		return nil
	}
	if err := os.WriteFile(l.Authorities(), all, 0o644); err != nil {
		return fmt.Errorf("writing down authorities: %w", err)
	}
	return nil
}

// writeKubeconfigs writes the administrator's twice: the machine reaches the
// API server on another address than the lab's inside does.
func writeKubeconfigs(l layout.Layout, s layout.Settings) error {
	inside := apiURL(s)
	files := map[string][2]string{
		l.Kubeconfig():       {"admin", fmt.Sprintf("https://127.0.0.1:%d", s.APIPort)},
		l.InsideKubeconfig(): {"admin", inside},
	}
	for _, user := range []string{"kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "volumes"} {
		files[l.Etc(user+".kubeconfig")] = [2]string{user, inside}
	}
	ca, err := os.ReadFile(l.PKI("ca.crt"))
	if err != nil {
		return fmt.Errorf("reading the authority: %w", err)
	}
	for file, who := range files {
		crt, err := os.ReadFile(l.PKI(who[0] + ".crt"))
		if os.IsNotExist(err) {
			continue // a user that only a node has
		}
		if err != nil {
			return fmt.Errorf("reading a certificate: %w", err)
		}
		key, err := os.ReadFile(l.PKI(who[0] + ".key"))
		if err != nil {
			return fmt.Errorf("reading a key: %w", err)
		}
		if err := os.WriteFile(file, render.Kubeconfig(who[1], ca, crt, key), 0o600); err != nil {
			return fmt.Errorf("writing a kubeconfig: %w", err)
		}
	}
	return nil
}
