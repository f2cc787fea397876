// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/registry/contract"
)

// password writes the Secret by which the target is pushed to.
func (c *cloner) password(is string) {
	c.apply(`
apiVersion: v1
kind: Secret
metadata: {name: push}
type: kubernetes.io/basic-auth
stringData: {username: testuser, password: ` + is + `}`)
}

// A Secret that is mended counts at once, however long the next attempt is away.
func TestPolicySecretRotated(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.password("wrong-canary")
	c.policy("corp", "")
	c.deploy("web", "redis:7")
	c.run()
	var failed v1alpha1.ClonedImage
	c.until("it has failed often", func() (bool, string) {
		failed = c.record("docker.io/library/redis:7", v1alpha1.StateFailed)
		return failed.Status.Attempts >= 3, failed.Status.Message
	})
	s := failed.Status
	if s.Reason != v1alpha1.UnauthorizedReason || s.Side != v1alpha1.SideTarget || strings.Contains(s.Message, "canary") {
		t.Errorf("it says %+v", s)
	}
	c.password("testpass")
	c.record("docker.io/library/redis:7", v1alpha1.StateReady)
	if late := time.Since(s.NextAttempt.Time); late >= 0 {
		t.Errorf("it was copied %v after the attempt that was due anyway", late)
	}
	c.untilImages("web", corp+"/docker.io/library/redis:7")
}
