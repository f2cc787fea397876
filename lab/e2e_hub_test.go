// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package lab_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestHub pulls from what plays Docker Hub as a node does from the real one: by
// a name that says nothing of it, with a token, by way of a redirect; not while
// it is gone, not beyond its limit, and not more often than needed.
func TestHub(t *testing.T) {
	m := newMachine(t)
	before := traces(t, m.dir)
	m.t.Log(m.lab("up", "--name", name, "--api-port", m.api, "--registry-port", m.registry, "--outside", "docker.io=hub"))
	m.lab("push", "--ref", "docker.io/team/web:1", "--binary", m.buildWeb(), "--platform", "linux/amd64", "--platform", "linux/arm64")
	m.kubectl("create", "deployment", "web", "--image", "team/web:1")
	m.kubectl("rollout", "status", "deployment/web", "--timeout", "60s")
	asked := m.hubAsked()
	for what, want := range map[string]bool{"GET token": true, "GET blob data": true, "HEAD manifests": true, "PUT manifests": false} {
		if (asked[what] > 0) != want {
			t.Errorf("the hub was asked for %v", asked)
		}
	}
	if out, err := m.shell("curl", "-s", "http://localhost:"+m.registry+"/v2/team/web/tags/list"); err != nil || !strings.Contains(out, "NAME_UNKNOWN") {
		t.Errorf("the hub's images are the registry's as well: %s, %v", out, err)
	}

	m.lab("component", "stop", "hub")
	m.kubectl("run", "late", "--image", "team/web:1", "--image-pull-policy", "Always")
	eventually(t, "a pull fails", func() string { return m.waits("late", "refused") })
	m.lab("component", "start", "hub")
	m.kubectl("wait", "pod/late", "--for=condition=Ready", "--timeout", "60s")

	m.lab("hub", "--limit", "1/1h")
	m.lab("push", "--ref", "docker.io/team/web:2", "--binary", m.buildWeb(), "--env", "A=B", "--platform", "linux/amd64")
	m.kubectl("run", "greedy", "--image", "team/web:2")
	eventually(t, "a pull is refused", func() string { return m.waits("greedy", "429 Too Many Requests") })
	m.lab("hub", "--limit", "off")
	m.kubectl("wait", "pod/greedy", "--for=condition=Ready", "--timeout", "60s")
	m.lab("down")
	unchanged(t, name, m.dir, before)
}

// waits says what a pod's image does not wait for.
func (m machine) waits(pod, want string) string {
	out := m.kubectl("get", "events", "--field-selector", "involvedObject.name="+pod, "-o", "jsonpath={.items[*].message}")
	if !strings.Contains(out, want) {
		return out
	}
	return ""
}

func (m machine) hubAsked() map[string]int {
	m.t.Helper()
	var s struct{ Requests map[string]int }
	if err := json.Unmarshal([]byte(m.lab("hub", "-o", "json")), &s); err != nil {
		m.t.Fatal(err)
	}
	return s.Requests
}
