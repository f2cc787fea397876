// SPDX-License-Identifier: Apache-2.0

package process

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shell keeps a line of shell running until the test ends.
func shell(t *testing.T, line string) *Process {
	t.Helper()
	p := Start(Spec{Name: "it", Path: "/bin/sh", Args: []string{"-c", line}, Log: filepath.Join(t.TempDir(), "log"), Grace: 100 * time.Millisecond})
	t.Cleanup(p.Stop)
	return p
}

// until polls a status, which no channel announces.
func until(t *testing.T, p *Process, what string, is func(Status) bool) Status {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for {
		if s := p.Status(); is(s) {
			return s
		}
		select {
		case <-limit:
			t.Fatalf("waiting until %s: still %+v", what, p.Status())
		case <-tick.C:
		}
	}
}

func running(s Status) bool { return s.State == Running }

func TestComesBackAfterAKill(t *testing.T) {
	p := shell(t, "exec sleep 1000")
	first := until(t, p, "it runs", running)
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	second := until(t, p, "it runs again", func(s Status) bool { return running(s) && s.PID != first.PID })
	if second.Restarts != 1 || !strings.Contains(second.Last, "killed") {
		t.Errorf("got %+v, want one restart and why", second)
	}
}

func TestStopIsPoliteThenNot(t *testing.T) {
	for name, tc := range map[string]struct{ why, line string }{
		"Polite":   {"a program that ends when asked is not killed", "trap 'exit 0' TERM; while :; do sleep 0.01; done"},
		"Stubborn": {"one that does not still ends", "trap '' TERM; while :; do sleep 0.01; done"},
	} {
		t.Run(name, func(t *testing.T) {
			p := shell(t, tc.line)
			pid := until(t, p, "it runs", running).PID
			p.Stop()
			if s := p.Status(); s.State != Stopped || s.PID != 0 {
				t.Errorf("%s: got %+v", tc.why, s)
			}
			if err := syscall.Kill(pid, 0); err == nil {
				t.Errorf("%s: process %d is still there", tc.why, pid)
			}
		})
	}
}

func TestResume(t *testing.T) {
	p := shell(t, "exec sleep 1000")
	until(t, p, "it runs", running)
	p.Stop()
	p.Resume()
	until(t, p, "it runs again", running)
}

func TestSaysWhyItDoesNotStart(t *testing.T) {
	p := Start(Spec{Name: "it", Path: "/no/such/program", Log: filepath.Join(t.TempDir(), "log")})
	t.Cleanup(p.Stop)
	s := until(t, p, "it failed", func(s Status) bool { return s.State == Failed })
	if !strings.Contains(s.Last, "no such file") {
		t.Errorf("got %q, want the reason", s.Last)
	}
}

func TestOutputGoesToTheLog(t *testing.T) {
	p := shell(t, "echo hello; exit 3")
	until(t, p, "it ended", func(s Status) bool { return s.Restarts > 0 })
	raw, err := os.ReadFile(p.spec.Log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), "hello\n") || !strings.Contains(string(raw), "exit status 3") {
		t.Errorf("the log says %q", raw)
	}
}

func TestGroupStopsTheLastFirst(t *testing.T) {
	order := filepath.Join(t.TempDir(), "order")
	g := &Group{}
	for _, name := range []string{"first", "second", "third"} {
		g.Start(Spec{Name: name, Path: "/bin/sh", Log: filepath.Join(t.TempDir(), name), Grace: 20 * time.Second,
			Args: []string{"-c", "trap 'echo " + name + " >>" + order + "; exit' TERM; echo up; while :; do sleep 0.01; done"}})
		p, err := g.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		until(t, p, "its trap is set", func(s Status) bool {
			raw, _ := os.ReadFile(p.spec.Log)
			return string(raw) == "up\n"
		})
	}
	g.StopAll()
	got, err := os.ReadFile(order)
	if err != nil || string(got) != "third\nsecond\nfirst\n" {
		t.Errorf("ended in the order %q (%v)", got, err)
	}
	g.Start(Spec{Name: "late", Path: "/bin/true"})
	if _, err := g.Find("late"); err == nil {
		t.Error("a group that has ended starts something")
	}
}
