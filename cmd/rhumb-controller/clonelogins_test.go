// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/testkit/controlplane"
)

// What is private, and who may read it.
const (
	private  = "docker.io/team/app:1"
	hubLogin = "hub-canary"
)

// closed makes the hub one that lets nobody in without its password; shown are the passwords that it was shown.
type closed struct {
	*cloner
	mu    sync.Mutex
	shown []string
}

func newClosed(t *testing.T) *closed {
	t.Helper()
	c := &closed{cloner: newPolicies(t)}
	inner := refuses(hubLogin, memory())
	c.hub = contract.NewFront(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, ok := r.BasicAuth(); ok {
			c.mu.Lock()
			c.shown = append(c.shown, password)
			c.mu.Unlock()
		}
		inner.ServeHTTP(w, r)
	}))
	c.reach(map[string]string{"docker.io": c.hub.URL, "quay.io": c.quay.URL, "registry.corp": c.target.URL})
	contract.Push(t, c.hub.URL, "team/app:1", two(t, "app"), remote.WithAuth(&authn.Basic{Username: "somebody", Password: hubLogin}))
	c.passwords()
	return c
}

// passwords are those that the hub was shown since it was asked last.
func (c *closed) passwords() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := slices.Compact(slices.Sorted(slices.Values(c.shown)))
	c.shown = nil
	return was
}

// login is a pull secret for the hub.
func login(ns, name, password string) string {
	auth := base64.StdEncoding.EncodeToString([]byte("somebody:" + password))
	return fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {name: %s, namespace: %s}, type: kubernetes.io/dockerconfigjson, `+
		`stringData: {.dockerconfigjson: '{"auths":{"https://index.docker.io/v1/":{"auth":"%s"}}}'}}`, name, ns, auth)
}

// account gives the service account of a namespace's pods the pull secret "mine".
func (c *closed) account(ns string) {
	c.t.Helper()
	c.asIs(fmt.Sprintf(`{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: %s}, imagePullSecrets: [{name: mine}]}`, ns))
}

// refused waits until the source has refused the copy again, and says what is said of that.
func (c *closed) refused(words string) v1alpha1.ClonedImage {
	c.t.Helper()
	var last v1alpha1.ClonedImage
	attempts := int32(0)
	c.until("the source to refuse it: "+words, func() (bool, string) {
		last = c.record(private, v1alpha1.StateFailed)
		s := last.Status
		if attempts == 0 {
			attempts = s.Attempts
		}
		return s.Attempts > attempts && strings.Contains(s.Message, words), fmt.Sprintf("%+v", s)
	})
	if s := last.Status; s.Reason != v1alpha1.UnauthorizedReason || s.Side != v1alpha1.SideSource || strings.Contains(s.Message, "canary") {
		c.t.Errorf("it says %+v", s)
	}
	return last
}

func (c *closed) copied() {
	c.t.Helper()
	c.untilImages("web", corp+"/docker.io/team/app:1")
	c.record(private, v1alpha1.StateReady)
}

// A private image is copied with the login that the policy names.
func TestPolicyNamesLogin(t *testing.T) {
	c := newClosed(t)
	c.asIs(login(c.ns, "hub", hubLogin))
	c.policy("corp", "  sources: [{host: docker.io, auth: {secretRef: {name: hub}}}]")
	c.deploy("web", "team/app:1")
	c.run()
	c.copied()
}

// The logins of pods are theirs: they are tried where the policy says so, and where that is missing it is told, once.
func TestPolicyPodLogins(t *testing.T) {
	c := newClosed(t)
	c.asIs(login(c.ns, "mine", hubLogin))
	c.account(c.ns)
	c.policy("corp", "")
	c.deploy("web", "team/app:1")
	c.run()
	record := c.refused("name credentials for docker.io in spec.sources of ImageClonePolicy corp-" + c.ns + ", or set usePodPullSecrets there")
	if shown := c.passwords(); len(shown) > 0 {
		t.Errorf("pods' logins were shown without anybody's consent: %q", shown)
	}
	if got := c.images("web"); got[0] != "team/app:1" {
		t.Errorf("it was changed without a copy: %q", got)
	}
	told := c.warnings(record.UID)
	if len(told) != 1 || !strings.HasPrefix(told[0], v1alpha1.UnauthorizedReason+": ") || strings.Contains(told[0], "canary") {
		t.Errorf("after %d attempts it was told %q", record.Status.Attempts, told)
	}
	c.amend("corp", `{"sources":[{"host":"docker.io","usePodPullSecrets":true}]}`)
	c.copied()
}

// A login that a policy names and that is refused is not followed by that of a pod.
func TestPolicyLoginRefused(t *testing.T) {
	c := newClosed(t)
	c.asIs(login(c.ns, "hub", "old-canary"))
	c.asIs(login(c.ns, "mine", hubLogin))
	c.account(c.ns)
	c.policy("corp", "  sources: [{host: docker.io, auth: {secretRef: {name: hub}}, usePodPullSecrets: true}]")
	c.deploy("web", "team/app:1")
	c.run()
	c.refused("renew the credentials")
	if shown := c.passwords(); !slices.Equal(shown, []string{"old-canary"}) {
		t.Errorf("the hub was shown %q", shown)
	}
	c.asIs(login(c.ns, "hub", hubLogin))
	c.copied()
}

// Without the right to read them, pods' logins are missed where they are needed and nowhere else; with it no more is to be done.
func TestPolicyMayNotReadPodLogins(t *testing.T) {
	c := newClosed(t)
	c.limited(controlplane.Namespace(t), podSecretsRole)
	c.asIs(login(c.ns, "mine", hubLogin))
	c.account(c.ns)
	contract.Push(t, c.quay.URL, "team/open:1", two(t, "open"))
	c.policy("corp", `  sources: [{host: "*", usePodPullSecrets: true}]`)
	c.deploy("web", "team/app:1")
	c.deploy("open", "quay.io/team/open:1")
	c.run()
	c.refused("bind the ClusterRole " + podSecretsRole)
	c.untilImages("open", corp+"/quay.io/team/open:1")
	c.grant(podSecretsRole)
	c.copied()
}

// The login of one namespace's pods serves no policy that is not for them, though both want the same copy.
func TestPolicyOtherPodsLogin(t *testing.T) {
	c := newClosed(t)
	other := controlplane.Namespace(t)
	c.further = []string{other}
	c.asIs(login(other, "mine", hubLogin))
	c.account(other)
	c.asIs(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: theirs, namespace: %s}
spec: {containers: [{name: a, image: "team/app:1"}]}`, other))
	c.policy("corp", `  sources: [{host: docker.io, usePodPullSecrets: true}]`)
	c.apply(fmt.Sprintf(`
apiVersion: rhumb.run/v1alpha1
kind: ImageClonePolicy
metadata: {name: z-NS}
spec:
  match: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}}
  target: {pullName: %s, push: {auth: {secretRef: {name: push}}}}`, other, corp))
	c.deploy("web", "team/app:1")
	c.run()
	record := c.refused("pull secret for docker.io")
	if s := record.Status; s.Users.Count < 3 || record.Spec.Policy != "corp-"+c.ns {
		t.Errorf("both policies were to want it: %+v of %+v", s, record.Spec)
	}
	if shown := c.passwords(); len(shown) > 0 {
		t.Errorf("another policy's pods' login was shown: %q", shown)
	}
	c.account(c.ns)
	c.asIs(login(c.ns, "mine", hubLogin))
	c.copied()
}
