// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"rhumb.run/rhumb/internal/cluster"
	"rhumb.run/rhumb/internal/testkit/controlplane"
)

// patience bounds how long a test waits for what must come.
const patience = 60 * time.Second

// shared is a buffer that is read while somebody writes.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// seat is a person at a cluster, in a namespace of their own.
type seat struct {
	t      *testing.T
	config *rest.Config
	ns     string
}

func sit(t *testing.T) *seat {
	t.Helper()
	s := &seat{t: t, config: controlplane.Shared(t), ns: controlplane.Namespace(t)}
	t.Setenv("KUBECONFIG", controlplane.Kubeconfig(t, s.config, s.ns))
	t.Setenv("NO_COLOR", "")
	return s
}

// typed is a command that was typed, and runs.
type typed struct {
	out, err shared
	stop     context.CancelFunc
	code     chan int
}

func (s *seat) types(words ...string) *typed {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.t.Context())
	s.t.Cleanup(stop)
	c := &typed{stop: stop, code: make(chan int, 1)}
	go func() {
		c.code <- run(ctx, &streams{strings.NewReader(""), &c.out, &c.err}, append([]string{"rhumb"}, words...))
	}()
	return c
}

// leaves waits for the end, and wants its exit code.
func (c *typed) leaves(t *testing.T, why string, want int) {
	t.Helper()
	select {
	case got := <-c.code:
		if got != want {
			t.Errorf("%s: exit code %d, want %d: %s%s", why, got, want, &c.out, &c.err)
		}
	case <-time.After(patience):
		t.Fatalf("%s: it does not end: %s%s", why, &c.out, &c.err)
	}
}

func (c *typed) shows(t *testing.T, text string) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		return strings.Contains(c.out.String(), text), nil
	})
	if err != nil {
		t.Fatalf("there is no %q in:\n%s%s", text, &c.out, &c.err)
	}
}

// is gives the workload shop a status, as a controller does; it makes it first if need be.
func (s *seat) is(generation int, status, reason string) {
	s.t.Helper()
	text := fmt.Sprintf(`
apiVersion: carto.run/v1alpha1
kind: Workload
metadata: {name: shop}
spec: {image: registry.example/shop}
status:
  observedGeneration: %d
  cause: the cause of %s
  conditions: [{type: Ready, status: %q, reason: %s, message: "message of %s", lastTransitionTime: "2020-01-01T00:00:00Z"}]`,
		generation, reason, status, reason, reason)
	if err := putAll(s.config, s.ns, "shop.yaml", []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

// Piped, each state stands after the one before, and only when there is something new.
func TestWatchPiped(t *testing.T) {
	s := sit(t)
	s.is(1, "Unknown", "MissingValueAtPath")
	c := s.types("workload", "get", "shop", "--watch", "-q")
	c.shows(t, "Workload [MissingValueAtPath]:   message of MissingValueAtPath")
	s.is(1, "True", "Ready")
	c.shows(t, "\n\n📡 Overview\n")
	c.shows(t, "No pods found for workload.\n\n📡")
	c.stop()
	c.leaves(t, "whoever has seen enough presses Ctrl-C", 0)
	if n := strings.Count(c.out.String(), "Overview"); n != 2 {
		t.Errorf("two states are shown %d times:\n%s", n, &c.out)
	}
	if strings.Contains(c.out.String(), "\x1b") {
		t.Errorf("a pipe is no terminal: %q", &c.out)
	}
}

// On a terminal the text stays where it is, and nothing of the longer one before is left.
func TestDrawInPlace(t *testing.T) {
	var out bytes.Buffer
	io := &streams{out: &out}
	draw(io, "one\ntwo\n", true, true)
	draw(io, "three\n", false, true)
	const want = "\x1b[2J\x1b[Hone\x1b[K\ntwo\x1b[K\n\x1b[J" + "\x1b[Hthree\x1b[K\n\x1b[J"
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
}

// Waiting ends with what became of the spec that was written, and says why.
func TestWait(t *testing.T) {
	for name, c := range map[string]struct {
		why            string
		status, reason string
		flags          []string
		code           int
		says           string
	}{
		"Ready":   {"all is well", "True", "Ready", nil, 0, ""},
		"Failing": {"a failure that stays", "False", "TemplateStampFailure", []string{"--delay", "1ms"}, exitNotReady, "is not ready: [TemplateStampFailure]: message of TemplateStampFailure\nCause: the cause of TemplateStampFailure\n"},
		"Late":    {"time is up", "Unknown", "MissingValueAtPath", []string{"--wait-timeout", "1s"}, exitNotReady, "timeout after 1s waiting for \"shop\" to become ready: [MissingValueAtPath]: message of MissingValueAtPath\nCause: the cause of MissingValueAtPath\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := sit(t)
			s.is(1, "True", "Ready")
			// Of the older spec all is well; that is no answer.
			cmd := s.types(append([]string{"workload", "apply", "shop", "--env", "A=1", "--yes", "--wait"}, c.flags...)...)
			cmd.shows(t, "Waiting for workload \"shop\" to become ready...")
			s.is(2, c.status, c.reason)
			cmd.leaves(t, c.why, c.code)
			if !strings.Contains(cmd.err.String(), c.says) {
				t.Errorf("%s: it says %q", c.why, &cmd.err)
			}
			if said := strings.Contains(cmd.out.String(), "Workload \"shop\" is ready"); said != (c.code == 0) {
				t.Errorf("%s: it shows %q", c.why, &cmd.out)
			}
		})
	}
}

// The exit codes of what is asked of a cluster.
func TestClusterExitCodes(t *testing.T) {
	s := sit(t)
	s.is(1, "False", "Broken")
	for name, c := range map[string]struct {
		why  string
		args string
		want int
	}{
		"Get":        {"it was shown", "workload get shop", 0},
		"GetCode":    {"a script asked whether it is ready", "workload get shop --exit-code", exitNotReady},
		"Absent":     {"there is none", "workload get nobody", exitFound},
		"Taken":      {"the name is taken", "workload create shop --image a --yes", exitFound},
		"Silent":     {"nobody can say yes", "workload apply shop --env A=1", exitFound},
		"Dry":        {"it was printed", "workload apply shop --env A=1 --dry-run", 0},
		"DryCode":    {"a script asked whether it would change", "workload apply shop --env A=1 --dry-run --exit-code", exitNotReady},
		"DrySame":    {"it would not", "workload apply shop --image registry.example/shop --dry-run --exit-code", 0},
		"Flag":       {"there is no such flag", "workload get shop --nothing", exitUsage},
		"Value":      {"nobody understands it", "workload apply shop --label nothing", exitUsage},
		"Verb":       {"there is no such verb", "workload got", exitUsage},
		"NounFirst":  {"both orders are understood", "get workload shop", 0},
		"Nobody":     {"deleting what is not there is an error", "workload delete nobody --yes", exitFound},
		"NoSuchFile": {"the file cannot be read", "workload apply -f nowhere.yaml --yes", exitFound},
	} {
		t.Run(name, func(t *testing.T) {
			s.types(strings.Fields(c.args)...).leaves(t, c.why, c.want)
		})
	}
}

// Lines carry their pod and container, and on a terminal the colour of their step.
func TestTailLines(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	said := []cluster.Line{
		{Pod: "b", Container: "c", Step: "image", Began: true},
		{Pod: "b", Container: "c", Step: "image", Text: "one", Time: at},
		{Pod: "r", Container: "c", Step: "run", Text: "two", Time: at},
		{Pod: "r", Container: "c", Step: "run", Text: "no way", Trouble: true},
		{Pod: "b", Container: "c", Step: "image", Text: "three"},
	}
	for name, c := range map[string]struct {
		why        string
		paint      paint
		timestamps bool
		out, err   string
	}{
		"Plain":  {"piped", false, false, "b[c] one\nr[c] two\nb[c] three\n", "+ b › c\n! r › c: no way\n"},
		"Timed":  {"with the time", false, true, "b[c] 2026-01-02T03:04:05Z one\nr[c] 2026-01-02T03:04:05Z two\nb[c] three\n", "+ b › c\n! r › c: no way\n"},
		"Colour": {"a colour a step", true, false, "\x1b[36mb\x1b[0m[\x1b[36mc\x1b[0m] one\n\x1b[35mr\x1b[0m[\x1b[35mc\x1b[0m] two\n\x1b[36mb\x1b[0m[\x1b[36mc\x1b[0m] three\n", "+ \x1b[36mb\x1b[0m › \x1b[36mc\x1b[0m\n! \x1b[35mr\x1b[0m › \x1b[35mc\x1b[0m: no way\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, err bytes.Buffer
			say := lines(&streams{out: &out, err: &err}, c.paint, c.timestamps)
			for _, l := range said {
				say(l)
			}
			if d := cmp.Diff([]string{c.out, c.err}, []string{out.String(), err.String()}); d != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, d)
			}
		})
	}
}
