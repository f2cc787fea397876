// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// user is who builds and who runs: Cloud Native Buildpacks ask for one that is
// not root.
const user = 1000

// foundation is what the scripts of Debian's packages would have made, as far as
// programs look for it.
func foundation(t *tree) error {
	for _, name := range intoUsr {
		t.link(name, "usr/"+name)
	}
	t.folder("tmp", 0o1777, 0)
	t.folder("var/tmp", 0o1777, 0)
	t.folder("home/cnb", 0o755, user)
	t.folder("workspace", 0o755, user)
	for name, content := range map[string]string{
		"etc/passwd":        fmt.Sprintf("root:x:0:0:root:/root:/bin/sh\ncnb:x:%d:%d:cnb:/home/cnb:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n", user, user),
		"etc/group":         fmt.Sprintf("root:x:0:\ncnb:x:%d:\nnogroup:x:65534:\n", user),
		"etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
	} {
		if err := t.text(name, content); err != nil {
			return err
		}
	}
	return authorities(t)
}

// authorities joins the certificates that ca-certificates brings.
func authorities(t *tree) error {
	var names []string
	for name := range t.files {
		if strings.HasPrefix(name, "usr/share/ca-certificates/") && strings.HasSuffix(name, ".crt") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var all bytes.Buffer
	for _, name := range names {
		raw, err := t.read(name)
		if err != nil {
			return err
		}
		all.Write(raw)
	}
	return t.put("etc/ssl/certs/ca-certificates.crt", 0o644, &all)
}
