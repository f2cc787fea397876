// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/lab/internal/layout"
	"rhumb.run/rhumb/lab/internal/process"
)

func TestLock(t *testing.T) {
	l := layout.Layout{Root: t.TempDir()}
	look := func() Holder {
		t.Helper()
		h, err := Look(l)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if diff := cmp.Diff(Holder{}, look()); diff != "" {
		t.Errorf("before any lab: %s", diff)
	}
	first, err := Acquire(l)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(l); !errors.Is(err, ErrRunning) {
		t.Errorf("a second supervisor got %v", err)
	}
	if diff := cmp.Diff(Holder{PID: os.Getpid(), Alive: true}, look()); diff != "" {
		t.Errorf("held: %s", diff)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Holder{}, look()); diff != "" {
		t.Errorf("after a clean end: %s", diff)
	}
}

// A lock whose holder died is free, and tells who did not clean up.
func TestStaleLock(t *testing.T) {
	l := layout.Layout{Root: t.TempDir()}
	if err := os.WriteFile(l.Lock(), []byte("4194304\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := Look(l)
	if err != nil || h.Alive || h.PID != 4194304 {
		t.Errorf("got %+v, %v", h, err)
	}
	lock, err := Acquire(l)
	if err != nil {
		t.Fatalf("a stale lock is in the way: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
}

// listen takes a port of loopback.
func listen(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func TestSettle(t *testing.T) {
	taken := listen(t)
	free, err := freePort(0)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		why   string
		old   *layout.Settings
		asked layout.Settings
		port  int // 0 is any
		err   string
	}{
		"Any":              {why: "no choice is a free port", asked: layout.Settings{}},
		"Sticky":           {why: "a kubeconfig in use works after a restart", old: &layout.Settings{APIPort: free}, port: free},
		"Sticky but taken": {why: "somebody else has it by now", old: &layout.Settings{APIPort: taken}},
		"API taken":        {why: "the port and the flag are named", asked: layout.Settings{APIPort: taken}, err: "--api-port"},
		"Registry taken":   {why: "the port and the flag are named", asked: layout.Settings{RegistryPort: taken}, err: "--registry-port"},
		"Other mode":       {why: "etcd holds pods of a node that is not there", old: &layout.Settings{Node: true}, err: "--delete"},
	} {
		t.Run(name, func(t *testing.T) {
			l := layout.Layout{Root: t.TempDir()}
			if tc.old != nil {
				if err := l.Save(*tc.old); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Settle(l, tc.asked)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("%s: got %v, want it to name %s", tc.why, err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.APIPort == 0 || got.APIPort == taken || tc.port != 0 && got.APIPort != tc.port {
				t.Errorf("%s: port %d, want %d", tc.why, got.APIPort, tc.port)
			}
		})
	}
}

func TestMissingNamesTheOneLine(t *testing.T) {
	err := missing(func(name string) (string, error) {
		if strings.HasPrefix(name, "iptables") || name == "runc" {
			return "", exec.ErrNotFound
		}
		return "/usr/bin/" + name, nil
	})
	if err == nil || !strings.Contains(err.Error(), "apt-get install -y --no-install-recommends runc iptables") {
		t.Errorf("got %v, want one line that installs both, each once", err)
	}
}

// What the lab asks Debian for is what it checks for.
func TestPackagesFile(t *testing.T) {
	raw, err := os.ReadFile("../../packages.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, p := range strings.Fields(string(raw)) {
		listed[p] = true
	}
	for _, p := range append(programs, struct{ name, pkg string }{"the CNI plugins", "containernetworking-plugins"}) {
		if !listed[p.pkg] {
			t.Errorf("%s comes with %s, which packages.txt does not list", p.name, p.pkg)
		}
	}
}

func TestNSpid(t *testing.T) {
	for name, tc := range map[string]struct {
		why, status  string
		outer, inner int
		ok           bool
	}{
		"Inside":  {why: "the machine's id comes first", status: "Name:\tx\nNSpid:\t4711\t19\n", outer: 4711, inner: 19, ok: true},
		"Nested":  {why: "a lab in a container has more than two", status: "NSpid:\t1\t4711\t19\n", outer: 1, inner: 19, ok: true},
		"Machine": {why: "a process of the machine is in no box", status: "NSpid:\t4711\n"},
		"None":    {why: "very old kernels do not say", status: "Name:\tx\n"},
	} {
		t.Run(name, func(t *testing.T) {
			outer, inner, ok := nspid(tc.status)
			if ok != tc.ok || ok && (outer != tc.outer || inner != tc.inner) {
				t.Errorf("%s: got %d, %d, %t", tc.why, outer, inner, ok)
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	silent := errors.New("silent")
	for name, tc := range map[string]struct {
		why  string
		say  func(Emit)
		want string
		seen []string
	}{
		"Ready": {
			why: "progress is passed on, then all is well",
			say: func(e Emit) { e.Say("one"); e(Event{Ready: true}); e.Say("late") }, seen: []string{"one", "ready"},
		},
		"Error": {why: "the reason reaches the user", say: func(e Emit) { e(Event{Error: "no port"}) }, want: "no port"},
		"Death": {why: "a supervisor that dies is not waited for", say: func(e Emit) { e.Say("one") }, want: "silent", seen: []string{"one"}},
	} {
		t.Run(name, func(t *testing.T) {
			var wire bytes.Buffer
			tc.say(Wire(&wire))
			var seen []string
			err := verdict(&wire, func(e Event) {
				if e.Ready {
					e.Text = "ready"
				}
				seen = append(seen, e.Text)
			}, func() error { return silent })
			if got := text(err); got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
			if diff := cmp.Diff(tc.seen, seen); diff != "" {
				t.Errorf("%s: -want +got\n%s", tc.why, diff)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestAwaitGivesUpOnWhatDies(t *testing.T) {
	l := layout.Layout{Root: t.TempDir()}
	if err := os.MkdirAll(l.Logs(), 0o755); err != nil {
		t.Fatal(err)
	}
	p := &plane{layout: l, group: &process.Group{}, emit: func(Event) {}}
	t.Cleanup(p.group.StopAll)
	p.group.Start(process.Spec{Name: "etcd", Path: "/bin/sh", Args: []string{"-c", "echo no space left; exit 1"}, Log: l.Log("etcd")})
	err := p.await(context.Background(), "the API server", time.Minute, func(context.Context) error { return errors.New("refused") })
	if err == nil || !strings.Contains(err.Error(), "etcd ended 3 times") || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("got %v, want the component and its last words", err)
	}
}

func TestDeleteRefusesWhatIsNoLab(t *testing.T) {
	l := layout.Layout{Root: t.TempDir()}
	if err := os.WriteFile(l.Root+"/precious", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Delete(l); err == nil {
		t.Error("a directory of somebody else's is deleted")
	}
	if _, err := os.Stat(l.Root + "/precious"); err != nil {
		t.Error(err)
	}
}
