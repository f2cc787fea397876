// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"rhumb.run/rhumb/internal/core/digest"
	"rhumb.run/rhumb/internal/core/render"
	"rhumb.run/rhumb/internal/fault"
)

func newPool(t testing.TB, o Options) *Pool {
	t.Helper()
	p := NewPool(o)
	t.Cleanup(p.Stop)
	return p
}

func program(text string) render.Program {
	return render.Program{Text: text, Digest: digest.Of(text)}
}

const canary = "c4n4ry-s3cr3t"

var secret = []byte(`{"params":{"secret":"` + canary + `"}}`)

// What ruins the process that evaluates it.
const (
	selfReference = `#@ load("@ytt:data", "data")
#@ x = {"secret": data.values.params.secret}
#@ x["x"] = x
---
a: #@ x
`
	endless = `#@ load("@ytt:data", "data")
#@ def forever():
#@   print(data.values.params.secret)
#@   for i in range(1000000000):
#@     x = data.values.params.secret * 10
#@   end
#@ end
---
a: #@ forever()
`
	greedy = `#@ load("@ytt:data", "data")
#@ def grow():
#@   l = [data.values.params.secret * 1000]
#@   for i in range(100):
#@     l = l + [str(i) + x for x in l]
#@   end
#@   return l
#@ end
---
a: #@ grow()
`
)

// served is true of a pool that serves the next one as if nothing had been.
func served(t *testing.T, p *Pool) {
	t.Helper()
	out, err := p.Render(t.Context(), program("a: #@ 1 + 1\n"), []byte(`{}`))
	if err != nil || string(out) != `{"a":2}` {
		t.Errorf("the next template yields %s, %v", out, err)
	}
}

// A template that ruins its helper costs nobody else anything: its caller
// hears why, without a word of its data, and the next one is served.
func TestPoolSurvives(t *testing.T) {
	cases := map[string]struct {
		why, text, want string
		class           fault.Class
	}{
		"SelfReference": {"a value that refers to itself recurses without end", selfReference, "the template ended the process that evaluates it (stack overflow): does a value refer to itself?", fault.Reject},
		"Endless":       {"a loop without end", endless, "the template took longer than 1s", fault.Retry},
		"Greedy":        {"all the memory there is", greedy, "the template ended the process that evaluates it (out of memory: it needs more than 256 MiB): does a value refer to itself?", fault.Reject},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			limit := DefaultLimits.Time
			if name == "Endless" {
				limit = time.Second
			}
			p := newPool(t, Options{Size: 1, Time: limit})
			_, err := p.Render(t.Context(), program(c.text), secret)
			if err == nil || err.Error() != c.want {
				t.Errorf("%s: err = %v, want %q", c.why, err, c.want)
			}
			if class, _ := fault.Of(err); class != c.class {
				t.Errorf("%s: class %v, want %v", c.why, class, c.class)
			}
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("the error holds the template's data: %v", err)
			}
			served(t, p)
		})
	}
}

// Those that are on in other helpers when one dies go on.
func TestPoolKeepsNeighbours(t *testing.T) {
	p := newPool(t, Options{Size: 3})
	var wait sync.WaitGroup
	for i := range 30 {
		wait.Go(func() {
			if i%10 == 0 {
				values := fmt.Sprintf(`{"params":{"secret":"%d"}}`, i)
				if _, err := p.Render(t.Context(), program(selfReference), []byte(values)); err == nil {
					t.Error("a value that refers to itself was rendered")
				}
				return
			}
			out, err := p.Render(t.Context(), program("#@ load(\"@ytt:data\", \"data\")\na: #@ data.values.i\n"), fmt.Appendf(nil, `{"i":%d}`, i))
			if err != nil || string(out) != fmt.Sprintf(`{"a":%d}`, i) {
				t.Errorf("render %d yields %s, %v", i, out, err)
			}
		})
	}
	wait.Wait()
}

func TestPoolRefusesTooMuch(t *testing.T) {
	p := newPool(t, Options{Size: 1})
	cases := map[string]struct {
		why, text, values, want string
	}{
		"Text":    {"a template beyond its size", strings.Repeat("#", DefaultLimits.Text+1), `{}`, "the template has 1048577 bytes, at most 1048576"},
		"Values":  {"data beyond their size", "a: 1", `{"a":"` + strings.Repeat("x", DefaultLimits.Input) + `"}`, "its data have 10485768 bytes, at most 10485760"},
		"Output":  {"an object beyond its size", "a: #@ 'xxxxxxxxxx' * 1100000\n", `{}`, "the object is larger than 10485760 bytes"},
		"Depth":   {"an object deeper than any", "#@ def deep(n):\n#@   return [deep(n-1)] if n else 1\n#@ end\na: #@ deep(200)\n", `{}`, "the object is nested deeper than 100"},
		"Error":   {"an error that goes on and on", "#@ load('@ytt:assert', 'assert')\na: #@ assert.fail('x' * 100000)\n", `{}`, "fail: xxxx"},
		"Values2": {"data that are no object", "a: #@ 1\n", `[1]`, "reading the template's data: not one object"},
		"Alias":   {"a document that refers to itself a million times", bomb(), `{}`, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := p.Render(t.Context(), program(c.text), []byte(c.values))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%s: err = %.200v, want %q", c.why, err, c.want)
			}
			if len(err.Error()) > DefaultLimits.Message+10 {
				t.Errorf("%s: an error of %d bytes", c.why, len(err.Error()))
			}
			served(t, p)
		})
	}
}

// bomb is a document of nine lists, each of nine times the one before.
func bomb() string {
	text := "l0: &l0 [x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		one := fmt.Sprintf("*l%d", i)
		text += fmt.Sprintf("l%d: &l%d [%s]\n", i+1, i+1, strings.Join([]string{one, one, one, one, one, one, one, one, one}, ", "))
	}
	return text
}

// Large data pass, and come out as they went in.
func TestPoolTakesMuch(t *testing.T) {
	p := newPool(t, Options{Size: 1})
	big := strings.Repeat("ü\\n", 1<<20)
	out, err := p.Render(t.Context(), program("#@ load(\"@ytt:data\", \"data\")\na: #@ data.values.big\n"), []byte(`{"big":"`+big+`"}`))
	if err != nil || string(out) != `{"a":"`+big+`"}` {
		t.Errorf("%d bytes became %d, %v", len(big), len(out), err)
	}
}

// helpers are the running processes that are a pool's.
func helpers(t *testing.T, p *Pool) []int {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []int
	for _, h := range p.free {
		out = append(out, h.cmd.Process.Pid)
	}
	return out
}

func TestPoolReusesAndStops(t *testing.T) {
	p := NewPool(Options{Size: 4})
	if got := helpers(t, p); len(got) != 0 {
		t.Errorf("helpers %v before there is work", got)
	}
	served(t, p)
	first := helpers(t, p)
	served(t, p)
	if got := helpers(t, p); len(got) != 1 || got[0] != first[0] {
		t.Errorf("helpers %v, then %v: one would do", first, got)
	}
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", first[0]))
	if err != nil || len(env) != 0 {
		t.Errorf("a helper has the environment %q, %v", env, err)
	}
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", first[0]))
	if err != nil || string(args) != helperName+"\x00" {
		t.Errorf("a helper has the arguments %q, %v", args, err)
	}
	p.Stop()
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", first[0])); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the helper outlived its pool: %v", err)
	}
	if _, err := p.Render(t.Context(), program("a: 1"), []byte(`{}`)); !errors.Is(err, errStopped) {
		t.Errorf("a stopped pool says %v", err)
	}
}

// A pool that stops does not wait for a template that takes its time.
func TestPoolStopsWhatIsOn(t *testing.T) {
	p := NewPool(Options{Size: 1, Time: time.Hour})
	done := make(chan error, 1)
	go func() {
		_, err := p.Render(t.Context(), program(endless), secret)
		done <- err
	}()
	for len(p.slots) == 0 {
		served(t, newPool(t, Options{Size: 1})) // meanwhile
	}
	p.Stop()
	if class, _ := fault.Of(<-done); class != fault.Retry {
		t.Errorf("what was on is not tried again: %v", class)
	}
}

func TestPoolEndsWithItsCaller(t *testing.T) {
	p := newPool(t, Options{Size: 1, Time: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := p.Render(ctx, program(endless), secret)
		done <- err
	}()
	for len(p.slots) == 0 {
		served(t, newPool(t, Options{Size: 1})) // meanwhile
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that left heard %v", err)
	}
	served(t, p)
	if p.suspects.find(digest.Of(endless)) != nil {
		t.Error("a template is under suspicion for its caller's leaving")
	}
}

func TestPoolEndsIdleHelpers(t *testing.T) {
	p := newPool(t, Options{Size: 1, Idle: time.Millisecond})
	served(t, p)
	for deadline := time.Now().Add(time.Minute); len(helpers(t, p)) > 0; {
		if time.Now().After(deadline) {
			t.Fatal("an idle helper is kept")
		}
	}
	served(t, p)
}

// A helper that somebody else ended is replaced; who used it is told to try again.
func TestPoolReplacesTheLost(t *testing.T) {
	p := newPool(t, Options{Size: 1})
	served(t, p)
	process, err := os.FindProcess(helpers(t, p)[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, err = p.Render(t.Context(), program("a: #@ 2 + 2\n"), []byte(`{}`))
	if class, _ := fault.Of(err); class != fault.Retry || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("a lost helper's caller heard %v", err)
	}
	served(t, p)
}
