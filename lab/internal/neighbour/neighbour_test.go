// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const manifest = `apiVersion: v1
kind: Namespace
metadata: {name: system}
---

---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: system}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller, namespace: system}
spec:
  template:
    spec:
      containers:
      - image: ko://controller
        args: [-step-image, "ko://step", -title, the ko://step image]
`

func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestObjects(t *testing.T) {
	dir := written(t, map[string]string{"manifest.yaml": manifest, "neighbour.yaml": "images:\n- {program: c, path: /c, replaces: ko://controller}\n"})
	n, err := Open(dir, "some")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Image{{Program: "c", Path: "/c", Replaces: "ko://controller"}}, n.Images); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	objects, err := n.Objects(map[string]string{"ko://controller": "r/c@sha256:1", "ko://step": "r/s@sha256:2"})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, o := range objects {
		paths = append(paths, o.Path)
	}
	want := []string{
		"/api/v1/namespaces/system", "/apis/networking.k8s.io/v1/namespaces/system/networkpolicies/closed",
		"/apis/apps/v1/namespaces/system/deployments/controller",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[2:], Deployments(objects)); diff != "" {
		t.Errorf("Deployments (-want +got):\n%s", diff)
	}
	raw, err := objects[2].Body.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"image":"r/c@sha256:1"`, `["-step-image","r/s@sha256:2","-title","the ko://step image"]`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("no %s in %s", want, raw)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		why, want string
		files     map[string]string
	}{
		"NotBuilt":   {"the message says what to do", "make neighbours", nil},
		"Misspelled": {"a field that nobody reads would be an image that nobody gets", "imagse", map[string]string{"neighbour.yaml": "imagse: []", "manifest.yaml": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Open(written(t, tc.files), "some"); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: got %v", tc.why, err)
			}
		})
	}
}

// TestToolbox shows that the toolbox has what scripts begin with, git's way to
// a server, and the libraries of both.
func TestToolbox(t *testing.T) {
	files, err := ToolboxFiles("/some/rhumb-lab")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{":/bin/sh", ":/usr/bin/env", ":/usr/bin/git", "/git-remote-http", "/some/rhumb-lab:/usr/bin/kubectl", "/libc.so.6", "ld-linux"} {
		if !slices.ContainsFunc(files, func(f string) bool { return strings.Contains(f, want) }) {
			t.Errorf("no %s in the toolbox", want)
		}
	}
}
