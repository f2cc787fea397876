// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/internal/registry/contract"
)

// meddler lets somebody edit a Deployment right before the controller's first change of it reaches the API server.
type meddler struct {
	mu    sync.Mutex
	edits map[string]func() // by Deployment
	wrote map[string][]written
}

// written is a change of a Deployment, and what the API server said to it.
type written struct {
	method, query, body string
	code                int
}

func (m *meddler) wrap(next http.RoundTripper) http.RoundTripper {
	return tripper(func(r *http.Request) (*http.Response, error) {
		_, name, of := strings.Cut(r.URL.Path, "/deployments/")
		if !of || r.Method == http.MethodGet {
			return next.RoundTrip(r)
		}
		m.mu.Lock()
		edit := m.edits[name]
		delete(m.edits, name)
		m.mu.Unlock()
		if edit != nil {
			edit()
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer, err := next.RoundTrip(r)
		w := written{method: r.Method, query: r.URL.RawQuery, body: string(body)}
		if err == nil {
			w.code = answer.StatusCode
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.wrote[name] = append(m.wrote[name], w)
		return answer, err
	})
}

// of are the changes of a Deployment that were taken, and those that were not.
func (m *meddler) of(name string) (taken, refused []written) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.wrote[name] {
		if w.code == http.StatusOK {
			taken = append(taken, w)
		} else {
			refused = append(refused, w)
		}
	}
	return taken, refused
}

// patched changes a Deployment as somebody would.
func (c *cloner) patched(name string, kind types.PatchType, patch string, subresource ...string) {
	c.t.Helper()
	if _, err := c.deployments().Patch(context.Background(), name, kind, []byte(patch), metav1.PatchOptions{FieldManager: "somebody"}, subresource...); err != nil {
		c.t.Errorf("patching %s: %v", name, err)
	}
}

// containers patches the containers of a Deployment by their names.
func (c *cloner) containers(name, list string) {
	c.t.Helper()
	c.patched(name, types.StrategicMergePatchType, `{"spec":{"template":{"spec":{"containers":[`+list+`]}}}}`)
}

// An edit that comes between our look and our change is never lost: the change is refused, and decided anew.
func TestPolicyEditsInBetween(t *testing.T) {
	c := newPolicies(t)
	const seven, eight = corp + "/docker.io/library/redis:7", corp + "/docker.io/library/redis:8"
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis 7"))
	contract.Push(t, c.hub.URL, "library/redis:8", two(t, "redis 8"))
	cases := map[string]struct {
		why  string
		edit func(name string)
		want []string
		// holds is where the edit is to be seen in the end.
		holds []string
	}{
		"image": {
			"another image is the one that is copied", func(n string) { c.containers(n, `{"name":"c0","image":"redis:8"}`) },
			[]string{eight},
			nil,
		},
		"field": {
			"what is beside the image stays", func(n string) { c.containers(n, `{"name":"c0","env":[{"name":"A","value":"edited"}]}`) },
			[]string{seven},
			[]string{"value:edited"},
		},
		"container": {
			"one more container is copied with the first", func(n string) { c.containers(n, `{"name":"c1","image":"redis:8"}`) },
			[]string{seven, eight},
			nil,
		},
		"secret": {
			"one's own pull secret stays, and is first", func(n string) {
				c.patched(n, types.StrategicMergePatchType, `{"spec":{"template":{"spec":{"imagePullSecrets":[{"name":"team"}]}}}}`)
			},
			[]string{seven},
			[]string{"imagePullSecrets:[map[name:team] map[name:pull]]"},
		},
		"scaled": {
			"an autoscaler's word on replicas is its own", func(n string) { c.patched(n, types.MergePatchType, `{"spec":{"replicas":3}}`, "scale") },
			[]string{seven},
			[]string{"replicas:3"},
		},
		"synced": {
			"a sync that puts the original there is no reason to lose what else it brings", func(n string) {
				c.apply(strings.ReplaceAll(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, annotations: {synced: "yes"}}
spec:
  minReadySeconds: 1
  selector: {matchLabels: {app: NAME}}
  template: {metadata: {labels: {app: NAME}}, spec: {containers: [{name: c0, image: "redis:7"}]}}`, "NAME", n))
			},
			[]string{seven},
			[]string{"synced:yes", "minReadySeconds:1"},
		},
		"left-out": {
			"who leaves the policy is left alone", func(n string) {
				c.patched(n, types.MergePatchType, `{"spec":{"template":{"metadata":{"labels":{"copy":"no"}}}}}`)
			},
			[]string{"redis:7"},
			nil,
		},
		"anew": {
			"another object under the same name is another object", func(n string) {
				if err := c.deployments().Delete(context.Background(), n, metav1.DeleteOptions{}); err != nil {
					t.Error(err)
				}
				c.deploy(n, "redis:8")
			},
			[]string{eight},
			nil,
		},
	}
	m := &meddler{edits: map[string]func(){}, wrote: map[string][]written{}}
	for name, tc := range cases {
		c.deploy(name, "redis:7")
		m.edits[name] = func() { tc.edit(name) }
	}
	c.policy("corp", "  rewrite: {maxConcurrentRollouts: 50}")
	c.amend("corp", `{"target":{"pull":{"auth":{"secretRef":{"name":"pull"}}}},"match":{"podSelector":{"matchExpressions":[{"key":"copy","operator":"DoesNotExist"}]}}}`)
	c.start(m.wrap)
	for name, tc := range cases {
		c.until(name+" to be written", func() (bool, string) {
			taken, refused := m.of(name)
			return len(taken)+len(refused) > 0, ""
		})
		c.untilImages(name, tc.want...)
		text := fmt.Sprint(c.get(name).Object)
		for _, part := range tc.holds {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %s: %s is lost in %s", name, tc.why, part, text)
			}
		}
	}
	c.deploy("later", "redis:7")
	c.untilImages("later", seven)
	if got := c.complaints(); len(got) > 0 {
		t.Errorf("that somebody was faster is no error: %q", got)
	}
	for name, tc := range cases {
		once := 1
		if slices.Contains(tc.want, "redis:7") {
			once = 0
		}
		taken, refused := m.of(name)
		if len(taken) != once || len(refused) == 0 || refused[0].code != http.StatusConflict {
			t.Errorf("%s: %s: taken were %+v, refused %+v", name, tc.why, taken, refused)
		}
		for _, w := range append(taken, refused...) {
			if w.method != http.MethodPatch || strings.Contains(w.query, "force") || strings.Contains(w.body, `"replicas"`) {
				t.Errorf("%s: it was written with force, or more than is ours: %+v", name, w)
			}
		}
	}
}
