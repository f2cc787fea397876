// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry/contract"
)

// Tags that move are followed as their policy says, by one HEAD a look; what they stood for stays at the target.
func TestPolicyRefreshes(t *testing.T) {
	c := newPolicies(t)
	c.refresh = 200 * time.Millisecond
	modes := []string{"Auto", "Interval", "Never"}
	push := func(mode, tag, text string) string {
		return contract.Push(t, c.hub.URL, "library/"+strings.ToLower(mode)+":"+tag, two(t, mode+tag+text))
	}
	at := func(mode string) string { return "mirror/docker.io/library/" + strings.ToLower(mode) }
	first := map[string]string{}
	for _, mode := range modes {
		name := strings.ToLower(mode)
		first[mode+"latest"], first[mode+"1.2"] = push(mode, "latest", "first"), push(mode, "1.2", "first")
		c.policy(name, "  refresh: {mode: "+mode+"}\n  copy: {referrers: false, cosignTags: false}")
		c.amend(name, `{"match":{"podSelector":{"matchLabels":{"app":"`+name+`"}}}}`)
		c.deploy(name, name+":latest", name+":1.2")
	}
	c.run()
	for _, mode := range modes {
		name := strings.ToLower(mode)
		c.untilImages(name, corp+"/docker.io/library/"+name+":latest", corp+"/docker.io/library/"+name+":1.2")
	}
	followed := func(mode, tag, digest string) {
		t.Helper()
		c.until(mode+" to follow "+tag, func() (bool, string) { got := c.tag(at(mode), tag); return got == digest, got })
	}
	for _, text := range []string{"second", "third"} { // those that are not followed have had their time by then
		now := map[string]string{}
		for _, mode := range modes {
			now[mode+"latest"], now[mode+"1.2"] = push(mode, "latest", text), push(mode, "1.2", text)
		}
		followed("Auto", "latest", now["Autolatest"])
		followed("Interval", "latest", now["Intervallatest"])
		followed("Interval", "1.2", now["Interval1.2"])
	}
	for _, left := range []string{"Auto 1.2", "Never latest", "Never 1.2"} {
		mode, tag, _ := strings.Cut(left, " ")
		if got := c.tag(at(mode), tag); got != first[mode+tag] {
			t.Errorf("%s followed %s", mode, tag)
		}
	}
	for _, mode := range []string{"Auto", "Interval"} {
		old := first[mode+"latest"]
		c.has(at(mode), old)
		if got := c.tag(at(mode), image.AnchorTag(old)); got != old {
			t.Errorf("nothing keeps what %s's latest was: %q", mode, got)
		}
	}
	asked := c.looks()
	for path, n := range asked {
		if !slices.Contains([]string{"HEAD library/auto/latest", "HEAD library/interval/latest", "HEAD library/interval/1.2"}, path) {
			t.Errorf("%d times the source was asked %s", n, path)
		}
	}
}

// looks waits for a few looks at tags that nobody moves, and counts what their sources are asked: once a look, which is at the
// target's tag as well.
func (c *cloner) looks() map[string]int {
	c.t.Helper()
	var mu sync.Mutex
	asked, open := map[string]int{}, map[string]bool{}
	watch := func(prefix string, source bool) contract.Fault {
		return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			path := r.Method + " " + strings.Replace(strings.TrimPrefix(r.URL.Path, "/v2/"+prefix), "/manifests/", "/", 1)
			mu.Lock()
			if source && open[path] {
				c.t.Errorf("it was asked twice in one look: %s", path)
			}
			open[path] = source
			if source {
				asked[path]++
			}
			mu.Unlock()
			next.ServeHTTP(w, r)
		}
	}
	c.hub.Fault(watch("", true))
	c.target.Fault(watch("mirror/docker.io/", false))
	var seen map[string]int
	c.until("a few looks", func() (bool, string) {
		mu.Lock()
		defer mu.Unlock()
		seen = maps.Clone(asked)
		return seen["HEAD library/auto/latest"] > 3 && seen["HEAD library/interval/1.2"] > 3, fmt.Sprint(seen)
	})
	c.hub.Fault(nil)
	c.target.Fault(nil)
	return seen
}

// A digest is copied as it is, with its tag if it has one, and named so that no registry takes it for garbage; what is there is
// not read again, though nobody remembers it.
func TestPolicyPinned(t *testing.T) {
	c := newPolicies(t)
	digest := contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	alone := contract.Push(t, c.quay.URL, "team/app:1", two(t, "app"))
	c.policy("corp", "")
	images := []string{"redis:7@" + digest, "quay.io/team/app@" + alone}
	want := []string{corp + "/docker.io/library/redis:7@" + digest, corp + "/quay.io/team/app@" + alone}
	c.deploy("web", images...)
	stop := c.run()
	c.untilImages("web", want...)
	at := map[string]string{"mirror/docker.io/library/redis": digest, "mirror/quay.io/team/app": alone}
	for repository, is := range at {
		c.has(repository, is)
		if got := c.tag(repository, image.AnchorTag(is)); got != is {
			t.Errorf("the anchor of %s is %q", repository, got)
		}
	}
	if got := c.tag("mirror/docker.io/library/redis", "7"); got != digest {
		t.Errorf("the tag was not kept: %q", got)
	}
	if got := c.tag("mirror/quay.io/team/app", "latest"); got != "" {
		t.Errorf("a tag was made up: %q", got)
	}
	stop()
	c.forgotten()
	c.hub.Fault(down) // the tag may be gone, too
	c.quay.Fault(down)
	for _, f := range []*contract.Front{c.hub, c.quay, c.target} {
		f.Forget()
	}
	c.amend("corp", `{"copy":{"referrers":false,"cosignTags":false}}`)
	c.deploy("again", images...)
	c.run()
	c.untilImages("again", want...)
	for _, q := range append(c.hub.Requests(), c.quay.Requests()...) {
		t.Errorf("the source of what is there was asked %s %s", q.Method, q.Path)
	}
	for _, q := range c.target.Requests() {
		if q.Method != http.MethodHead && q.Kind != "ping" {
			t.Errorf("the target was asked %s %s", q.Method, q.Path)
		}
	}
}

// forgotten deletes what is written down of copies.
func (c *cloner) forgotten() {
	c.t.Helper()
	all := c.client.Resource(v1alpha1.SchemeGroupVersion.WithResource("clonedimages"))
	list, err := all.List(c.t.Context(), metav1.ListOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, o := range list.Items {
		if strings.HasSuffix(fmt.Sprint(o.Object["spec"]), c.ns) || strings.Contains(fmt.Sprint(o.Object["spec"]), "-"+c.ns) {
			if err := all.Delete(context.Background(), o.GetName(), metav1.DeleteOptions{}); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}
