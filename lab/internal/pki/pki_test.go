// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
)

func ensure(t *testing.T, dir string, leaf Leaf) []byte {
	t.Helper()
	ca, err := OpenAuthority(dir, "ca")
	if err != nil {
		t.Fatal(err)
	}
	if err := ca.Ensure(dir, leaf); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, leaf.File+".crt"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestCertificatesOutliveARestart(t *testing.T) {
	server := Leaf{File: "s", User: "server", Hosts: []string{"127.0.0.1", "localhost"}}
	for name, tc := range map[string]struct {
		why    string
		then   Leaf
		before func(dir string)
		kept   bool
	}{
		"Same":      {why: "kubeconfigs handed out must go on working", then: server, kept: true},
		"Fewer":     {why: "a certificate good for more is good for less", then: Leaf{File: "s", User: "server", Hosts: []string{"localhost"}}, kept: true},
		"New host":  {why: "a server must be reachable under its new name", then: Leaf{File: "s", User: "server", Hosts: []string{"localhost", "10.0.0.1"}}},
		"New user":  {why: "rights follow the name", then: Leaf{File: "s", User: "other", Hosts: server.Hosts}},
		"New group": {why: "rights follow the group", then: Leaf{File: "s", User: "server", Groups: []string{"g"}, Hosts: server.Hosts}},
		"New authority": {why: "nobody trusts the old one", then: server, before: func(dir string) {
			_ = os.Remove(filepath.Join(dir, "ca.crt"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			first := ensure(t, dir, server)
			if tc.before != nil {
				tc.before(dir)
			}
			if kept := string(ensure(t, dir, tc.then)) == string(first); kept != tc.kept {
				t.Errorf("%s: kept is %t", tc.why, kept)
			}
		})
	}
}

func TestLeafIsTrustedForWhatItSays(t *testing.T) {
	dir := t.TempDir()
	ensure(t, dir, Leaf{File: "s", User: "server", Hosts: []string{"127.0.0.1", "kubernetes.default.svc"}})
	ensure(t, dir, Leaf{File: "c", User: "admin", Groups: []string{"system:masters"}})
	ca, err := readCert(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	verify := func(file, host string, usage x509.ExtKeyUsage) error {
		cert, err := readCert(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		_, err = cert.Verify(x509.VerifyOptions{Roots: pool, DNSName: host, KeyUsages: []x509.ExtKeyUsage{usage}})
		return err
	}
	if err := verify("s.crt", "kubernetes.default.svc", x509.ExtKeyUsageServerAuth); err != nil {
		t.Error(err)
	}
	if err := verify("s.crt", "elsewhere", x509.ExtKeyUsageServerAuth); err == nil {
		t.Error("the server's certificate is good for a name it does not have")
	}
	if err := verify("c.crt", "", x509.ExtKeyUsageClientAuth); err != nil {
		t.Error(err)
	}
	if err := verify("c.crt", "", x509.ExtKeyUsageServerAuth); err == nil {
		t.Error("a client's certificate passes for a server's")
	}
}

func TestKeysAreTheirOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	ensure(t, dir, Leaf{File: "c", User: "admin"})
	if err := EnsureTokenKey(dir); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"ca.key", "c.key", "sa.key"} {
		info, err := os.Stat(filepath.Join(dir, key))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", key, info.Mode().Perm())
		}
	}
}
