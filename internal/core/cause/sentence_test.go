// SPDX-License-Identifier: Apache-2.0

package cause_test

import (
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/internal/core/cause"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/fault"
)

// What changes by itself from one telling to the next is no news.
func TestSentenceStays(t *testing.T) {
	crash := func(code, log string) string {
		return of(podOf(t, crashed(`{running: {}}`, "Error", code), cause.Node{Tails: map[string]string{"web": log}})).Sentence("")
	}
	first := crash("1", "request 7f3a9c2e took 312 ms\n")
	cases := map[string]struct {
		why, code, log string
		stays          bool
	}{
		"Numbers": {"counters and hashes", "1", "request 00b1ffee took 4711 ms\n", true},
		"Words":   {"another failure", "1", "cannot bind port\n", false},
		"Code":    {"the exit code is ours to tell, and is told anew", "2", "request 7f3a9c2e took 312 ms\n", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			now := of(podOf(t, crashed(`{running: {}}`, "Error", c.code), cause.Node{Tails: map[string]string{"web": c.log}})).Sentence(first)
			if stays := now == first; stays != c.stays {
				t.Errorf("%s: stays %t, want %t:\n%s\n%s", c.why, stays, c.stays, first, now)
			}
		})
	}
}

// Nothing that looks like a credential reaches a status.
func TestMasks(t *testing.T) {
	for name, c := range map[string]struct{ why, log, want string }{
		"URL":           {"user and password of an address", "dial https://u:s3cr3t@host/x", "dial https://***@host/x"},
		"URLSlash":      {"a password that should have been escaped", "dial https://u:s3c/r3t:x@host/x", "dial https://***@host/x"},
		"URLDigest":     {"an address with a port and a digest has no password", "GET https://host:5000/app@sha256:0123", "GET https://host:5000/app@sha256:0123"},
		"Query":         {"signed addresses", "GET https://host/x?sig=s3cr3t failed", "GET https://host/x?*** failed"},
		"Bearer":        {"a header", "Authorization: Bearer s3cr3ts3cr3ts3cr3t", "Authorization: ***"},
		"JustBearer":    {"a header's value", "sent bearer s3cr3ts3cr3ts3cr3t on", "sent bearer *** on"},
		"Assignment":    {"as in an env file", `DB_PASSWORD="s3cr3t with spaces" x`, "DB_PASSWORD=*** x"},
		"JSON":          {"as in a structured log", `{"msg":"no","apiKey":"s3cr3t"}`, `{"msg":"no","apiKey":***}`},
		"Flag":          {"as on a command line", "run --token s3cr3t --verbose", "run --token *** --verbose"},
		"JWT":           {"a service account's token", "got eyJhbGciOiJSUzI1NiJ9.s3cr3t.sig back", "got *** back"},
		"GitHub":        {"a token by its prefix", "using ghp_s3cr3ts3cr3ts3cr3ts3cr3t", "using ***"},
		"AWS":           {"an access key by its prefix", "key AKIAIOSFODNN7EXAMPLE used", "key *** used"},
		"PEM":           {"a key on one line", `loaded -----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY----- ok`, "loaded *** ok"},
		"Digest":        {"a digest is no credential", "image sha256:0123456789abcdef is gone", "image sha256:0123456789abcdef is gone"},
		"Refusal":       {"the value that was not taken", `spec.env: Invalid value: "s3cr3t": must be short`, "spec.env: Invalid value: must be short"},
		"Named":         {"that a Secret is missing has to be said", `secret "db" is missing`, `secret "db" is missing`},
		"Control":       {"nothing that moves a cursor", "a\x1b[2J\x07b\rc", "a b c"},
		"Authenticated": {"plain words stay", "basic authentication failed for token", "basic authentication failed for token"},
	} {
		t.Run(name, func(t *testing.T) {
			got := of(podOf(t, crashed(`{running: {}}`, "Error", "1"), cause.Node{Tails: map[string]string{"web": c.log}})).Sentence("")
			if strings.Contains(got, "s3cr3t") || !strings.Contains(got, "exit code 1: "+c.want+";") {
				t.Errorf("%s: %s", c.why, got)
			}
		})
	}
}

// Words from outside are bounded, and what mends it is never cut off.
func TestBounds(t *testing.T) {
	long := strings.Repeat("word ", 400)
	got := of(podOf(t, crashed(`{running: {}}`, "Error", "1"), cause.Node{Tails: map[string]string{"web": long + "\n" + long + "\nlast"}})).Sentence("")
	if len(got) > 500 || !strings.Contains(got, "last; read more with kubectl") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
	many := strings.Repeat("line\n", 100) + "one\ntwo\nthree\n"
	got = of(podOf(t, crashed(`{running: {}}`, "Error", "1"), cause.Node{Tails: map[string]string{"web": many}})).Sentence("")
	if !strings.Contains(got, "exit code 1: one | two | three;") {
		t.Errorf("not the last three lines: %s", got)
	}
}

// What was found while a Deployment was ill is history once it is well.
func TestRecovered(t *testing.T) {
	looked := podOf(t, waits("CreateContainerConfigError", `secret "db" not found`), cause.Node{})
	e := cause.Evidence{Owner: "Workload", Namespace: "dev", Name: "app", Ready: metav1.ConditionTrue, Steps: []cause.Step{{
		Name: "one", Live: looked.Object, Looked: looked, Healthy: metav1.ConditionTrue,
	}}}
	if got := cause.Of(e).Sentence(""); !strings.Contains(got, "Secret db does not exist") {
		t.Fatalf("ill, and yet the cause is %q", got)
	}
	e.Steps[0].Live = object(t, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app, namespace: dev}\nstatus: {readyReplicas: 1, replicas: 1}")
	if got := cause.Of(e).Sentence(""); got != "" {
		t.Errorf("well again, and the cause is still %q", got)
	}
}

// Which step speaks for the owner, and which objects are looked at.
func TestSteps(t *testing.T) {
	missing := fault.As(fault.Wait, "MissingValueAtPath", &output.MissingError{Path: ".status.x", Err: errors.New("no x")})
	step := func(name, status string, err error) cause.Step {
		s := cause.Step{Name: name, Template: "ClusterTemplate " + name, Err: err, Healthy: metav1.ConditionTrue}
		if status != "" {
			s.Live = object(t, "apiVersion: test.run/v1\nkind: Test\nmetadata: {name: "+name+", namespace: dev}\nstatus: "+status)
			s.Desired = s.Live
		}
		return s
	}
	const fails, well = `{conditions: [{type: Ready, status: "False", reason: Bad, message: it rains}]}`, `{conditions: [{type: Ready, status: "True"}]}`
	rejected := fault.Rejectf("TemplateStampFailure", "unable to stamp object for resource [b]: no x")
	after := func(s cause.Step, names ...string) cause.Step { s.After = names; return s }
	cases := map[string]struct {
		why   string
		ready metav1.ConditionStatus
		steps []cause.Step
		want  string
		looks int
	}{
		"Well":     {"nothing is wrong, nothing is said and nothing is looked at", metav1.ConditionTrue, []cause.Step{step("a", well, nil)}, "", 0},
		"Producer": {"the step that did not yield, not the one that misses it", metav1.ConditionFalse, []cause.Step{step("a", fails, missing), after(step("b", "", rejected), "a")}, "Test a reports Bad: it rains", 1},
		"Refusal":  {"a step that waits in peace gives way to one that failed", metav1.ConditionFalse, []cause.Step{step("a", `{x: y}`, missing), step("b", "", rejected)}, "ClusterTemplate b cannot be filled in", 1},
		"WrongPath": {
			"an object that is well and lacks the value", metav1.ConditionUnknown,
			[]cause.Step{step("a", well, missing)},
			"Test a is ready but has no value at .status.x; correct the path in ClusterTemplate a", 1,
		},
		"ReadyButFailing": {"a template without a rule: the object itself says that it fails", metav1.ConditionTrue, []cause.Step{step("a", fails, nil)}, "Test a reports Bad: it rains", 1},
		"ReadyAndWaiting": {"an owner that is ready waits for nothing", metav1.ConditionTrue, []cause.Step{step("a", `{x: y}`, nil)}, "", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e := cause.Evidence{Owner: "Workload", Namespace: "dev", Name: "app", Blueprint: "ClusterSupplyChain web", Ready: c.ready, Steps: c.steps}
			got := cause.Of(e).Sentence("")
			if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
				t.Errorf("%s: %q, want %q", c.why, got, c.want)
			}
			if looks := cause.Wanted(e); len(looks) != c.looks {
				t.Errorf("%s: %d looks, want %d", c.why, len(looks), c.looks)
			}
		})
	}
}
