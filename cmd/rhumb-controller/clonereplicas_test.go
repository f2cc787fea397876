// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/registry/contract"
)

// elected has further controllers act only while they hold the lease.
func (c *cloner) elected() { c.flags = append(c.flags, "--leader-elect=true") }

// holder is who has the lease.
func (c *cloner) holder() string {
	c.t.Helper()
	u, err := c.leases().Get(c.t.Context(), "rhumb-controller", metav1.GetOptions{})
	if err != nil {
		return ""
	}
	who, _, _ := unstructured.NestedString(u.Object, "spec", "holderIdentity")
	return who
}

func (c *cloner) leases() dynamic.ResourceInterface {
	return c.client.Resource(coordinationv1.SchemeGroupVersion.WithResource("leases")).Namespace(c.ns)
}

// led waits until somebody other than before has the lease.
func (c *cloner) led(before string) string {
	c.t.Helper()
	who := ""
	c.until("somebody to lead", func() (bool, string) {
		who = c.holder()
		return who != "" && who != before, who
	})
	return who
}

// Of two replicas one acts. When it is killed the other goes on where it was: one copy, one change.
func TestPolicyReplicas(t *testing.T) {
	c := newPolicies(t)
	c.elected()
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	contract.Push(t, c.hub.URL, "library/redis:8", contract.Image(t, contract.Files{"a": "1"}, contract.Files{"b": "2"}))
	c.policy("corp", "")
	first := c.spawn()
	leader := c.led("")
	second := &wire{}
	c.start(second.wrap)
	c.deploy("web", "redis:7")
	c.untilImages("web", corp+"/docker.io/library/redis:7")
	c.record(redis, v1alpha1.StateReady)
	c.ready("corp", v1alpha1.ReadyReason)
	if got := slices.DeleteFunc(second.take(), func(s string) bool { return strings.Contains(s, "/leases") }); len(got) > 0 {
		t.Errorf("it wrote without the lease: %q", got)
	}
	c.once("library/redis", "7")
	generation := c.get("web").GetGeneration()

	c.hub.Forget()
	c.target.Forget()
	began := make(chan string, 100)
	c.hub.Fault(contract.On(http.MethodGet, "blob", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		select {
		case began <- r.URL.Path: // the first hears nothing any more
			first.kill()
		default:
		}
		next.ServeHTTP(w, r)
	}))
	c.containers("web", `{"name":"c0","image":"redis:8"}`)
	c.await("the copy to be under way", began)
	<-first.ended
	c.led(leader)
	c.untilImages("web", corp+"/docker.io/library/redis:8")
	c.record("docker.io/library/redis:8", v1alpha1.StateReady)
	if got := c.get("web").GetGeneration(); got != generation+2 {
		t.Errorf("it was changed %d times, want once by its user and once by us", got-generation)
	}
	c.once("library/redis", "8")
}

// once checks that an image's tag was written once, and each blob of it stored once.
func (c *cloner) once(repository, tag string) {
	c.t.Helper()
	stored := map[string]int{}
	for _, q := range c.target.Requests() {
		if q.Method != http.MethodPut || q.Code != http.StatusCreated {
			continue
		}
		if q.Kind == "upload" {
			stored[q.Query]++
		}
		if strings.HasSuffix(q.Path, repository+"/manifests/"+tag) {
			stored["tag"]++
		}
	}
	if len(stored) == 0 {
		c.t.Errorf("nothing was stored of %s:%s", repository, tag)
	}
	for what, n := range stored {
		if n != 1 {
			c.t.Errorf("%s:%s: %s was stored %d times", repository, tag, what, n)
		}
	}
}

// A replica without the lease answers for pods: it knows what the other copied, asks the target by what the policies say of
// it, and goes on when nobody leads.
func TestPodsWithoutTheLease(t *testing.T) {
	d := newDoor(t)
	contract.Push(t, d.hub.URL, "library/redis:7", two(t, "redis"))
	d.elected()
	flags := slices.Clone(d.flags)
	// Nothing but the policy says how its registry is reached.
	_, port, err := net.SplitHostPort(strings.TrimPrefix(d.target.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	at := "127.0.0.1:" + port
	d.flags = append(flags, "--webhook-bind-address=0")
	first := d.spawn()
	leader := d.led("")
	d.flags = flags
	d.run()
	d.policy("corp", "")
	d.amend("corp", fmt.Sprintf(`{"target":{"pullName":%q,"insecure":true}}`, at+"/mirror"))
	d.deploy("web", "redis:7")
	copied := at + "/mirror/docker.io/library/redis:7"
	d.untilImages("web", copied)
	record := d.record(redis, v1alpha1.StateReady).Name
	d.until("a pod is given the copy", func() (bool, string) {
		given, why := d.pod("web", "redis:7")
		return given == copied, given + " " + why
	})
	// What was seen long ago is asked for, by whoever answers.
	d.target.Forget()
	d.until("a pod is given the copy that was asked for", func() (bool, string) {
		d.forgetVerified(record) // each pod is a user more, and with its number the leader writes what it has seen
		given, why := d.pod("web", "redis:7")
		return given == copied && d.target.Tally()["HEAD manifest"] > 0, given + " " + why
	})
	if got := d.holder(); got != leader {
		t.Errorf("the one that answers has the lease: %s, and before %s", got, leader)
	}
	first.kill()
	if given, why := d.pod("web", "redis:7"); given != copied {
		t.Errorf("nobody leads, and a pod is given %s: %s", given, why)
	}
}

// forgetVerified takes away when a copy was last seen.
func (c *cloner) forgetVerified(record string) {
	c.t.Helper()
	c.mergeStatus(c.all("clonedimages"), record, "{status: {lastVerified: null}}")
}
