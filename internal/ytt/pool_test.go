// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"errors"
	"strings"
	"testing"

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

// A template that ruins its helper costs nobody else anything: its caller
// hears why, without a word of its data, and the next one is served.
func TestPoolSurvives(t *testing.T) {
	values := []byte(`{"params":{"secret":"` + canary + `"}}`)
	cases := map[string]struct {
		why, text, want string
		class           fault.Class
	}{
		"SelfReference": {"a value that refers to itself recurses without end", selfReference, "the template ended the process that evaluates it (stack overflow): does a value refer to itself?", fault.Reject},
		"Endless":       {"a loop without end", endless, "the template took longer than", fault.Retry},
		"Greedy":        {"all the memory there is", greedy, "the template ended the process that evaluates it (out of memory: it needs more than 256 MiB)", fault.Reject},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, Options{Size: 1})
			_, err := p.Render(t.Context(), program(c.text), values)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: err = %v, want %q", c.why, err, c.want)
			}
			if class, _ := fault.Of(err); class != c.class {
				t.Errorf("%s: class %v, want %v", c.why, class, c.class)
			}
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("the error holds the template's data: %v", err)
			}
			out, err := p.Render(t.Context(), program("a: #@ 1 + 1\n"), values)
			if err != nil || string(out) != `{"a":2}` {
				t.Errorf("the next template yields %s, %v", out, err)
			}
			if _, again := p.Render(t.Context(), program(c.text), values); again == nil || !errors.Is(again, again) {
				t.Errorf("asked again: %v", again)
			}
		})
	}
}
