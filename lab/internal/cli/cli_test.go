// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/cobra"

	"rhumb.run/rhumb/lab/internal/lab"
	"rhumb.run/rhumb/lab/internal/layout"
	"rhumb.run/rhumb/lab/internal/process"
)

// parse reads the flags of "up" and returns the settings they mean.
func parse(t *testing.T, args ...string) (layout.Settings, error) {
	t.Helper()
	cmd, f := &cobra.Command{Use: "up"}, &upFlags{}
	f.define(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return f.settings(cmd, layout.Layout{Root: "/data/lab"})
}

func TestUpDefaults(t *testing.T) {
	for name, tc := range map[string]struct {
		why   string
		args  []string
		want  layout.Settings
		fails bool
	}{
		"Node": {
			why:  "people find the usual ports, and Rhumb hears of pushes",
			want: layout.Settings{Node: true, APIPort: 6443, RegistryPort: 5000, Notify: []string{layout.HookURL}},
		},
		"Control plane alone": {why: "any number run side by side", args: []string{"--no-node"}},
		"Control plane, ports": {
			why: "a wish is a wish in both modes", args: []string{"--no-node", "--api-port=1", "--registry-port=2", "--notify=http://a"},
			want: layout.Settings{APIPort: 1, RegistryPort: 2, Notify: []string{"http://a"}},
		},
		"Own hook": {
			why: "naming a hook replaces Rhumb's", args: []string{"--notify=http://a", "--notify=http://b"},
			want: layout.Settings{Node: true, APIPort: 6443, RegistryPort: 5000, Notify: []string{"http://a", "http://b"}},
		},
		"Forward": {
			why: "Ingress comes later by the same door", args: []string{"--forward=8080=10.250.0.1:80"},
			want: layout.Settings{Node: true, APIPort: 6443, RegistryPort: 5000, Notify: []string{layout.HookURL},
				Forwards: []layout.Forward{{Listen: "127.0.0.1:8080", Target: "10.250.0.1:80"}}},
		},
		"Git alone": {
			why: "without a node nothing has the name of Rhumb's hook", args: []string{"--no-node", "--with=git", "--git-notify-secret-file=x"},
			want: layout.Settings{GitPort: 5001, With: []string{"git"}, GitSecret: true},
		},
		"Ingress": {
			why: "what deploys itself is seen at a port that a user may open", args: []string{"--with=ingress"},
			want: layout.Settings{Node: true, APIPort: 6443, RegistryPort: 5000, IngressPort: 8080, With: []string{"ingress"}, Notify: []string{layout.HookURL}},
		},
		"Outside": {
			why: "names are kept for the next start", args: []string{"--with=git", "--outside=github.com=git", "--outside=ghcr.io=registry"},
			want: layout.Settings{Node: true, APIPort: 6443, RegistryPort: 5000, GitPort: 5001, With: []string{"git"}, Notify: []string{layout.HookURL}, GitNotify: []string{layout.GitHookURL},
				Outside: []layout.Outside{{Name: "github.com", Kind: "git"}, {Name: "ghcr.io", Kind: "registry"}}},
		},
		"Outside without git": {why: "nobody would answer", args: []string{"--outside=github.com=git"}, fails: true},
		"Forward to no node":  {why: "there is no network to lead into", args: []string{"--no-node", "--forward=8080=10.250.0.1:80"}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(t, tc.args...)
			if (err != nil) != tc.fails {
				t.Fatalf("%s: error %v", tc.why, err)
			}
			if tc.fails {
				return
			}
			if got.Name != layout.Name("/data/lab") {
				t.Errorf("named %q", got.Name)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(layout.Settings{}, "Name")); diff != "" {
				t.Errorf("%s: -want +got\n%s", tc.why, diff)
			}
		})
	}
}

// logs writes files as a lab's and returns where.
func logs(t *testing.T, files map[string]string) layout.Layout {
	t.Helper()
	l := layout.Layout{Root: t.TempDir()}
	if err := os.MkdirAll(l.Logs(), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(l.Log(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func TestLogs(t *testing.T) {
	l := logs(t, map[string]string{"etcd": "1\n2\n3\n", "kubelet": "a\nb", "empty": ""})
	for name, tc := range map[string]struct {
		why   string
		names []string
		lines int
		want  string
	}{
		"All":       {"nothing is left out", []string{"etcd"}, 0, "1\n2\n3\n"},
		"Tail":      {"the last lines say why it failed", []string{"etcd"}, 2, "2\n3\n"},
		"Long tail": {"more than there is is all there is", []string{"etcd"}, 9, "1\n2\n3\n"},
		"Torn":      {"a line being written is still a line", []string{"kubelet"}, 1, "b\n"},
		"Empty":     {"no line is no line", []string{"empty"}, 3, ""},
		"Several": {"each line says whose it is", []string{"etcd", "kubelet"}, 1,
			"etcd                    | 3\nkubelet                 | b\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := printLogs(t.Context(), &out, l, tc.names, tc.lines, false); err != nil {
				t.Fatal(err)
			}
			if out.String() != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, out.String(), tc.want)
			}
		})
	}
}

// stopAt ends a context once it has seen a text.
type stopAt struct {
	bytes.Buffer
	text string
	stop func()
}

func (s *stopAt) WriteString(text string) (int, error) { return s.Write([]byte(text)) }

func (s *stopAt) Write(p []byte) (int, error) {
	n, err := s.Buffer.Write(p)
	if strings.Contains(s.String(), s.text) {
		s.stop()
	}
	return n, err
}

func TestLogsFollow(t *testing.T) {
	l := logs(t, map[string]string{"etcd": "1\n"})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out := &stopAt{text: "2\n", stop: cancel}
	appended := false
	seen := &stopAt{text: "1\n", stop: func() {
		if !appended {
			appended = true
			f, err := os.OpenFile(l.Log("etcd"), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Error(err)
				return
			}
			_, err = f.WriteString("2\n")
			if err := errors.Join(err, f.Close()); err != nil {
				t.Error(err)
			}
		}
	}}
	if err := printLogs(ctx, both{seen, out}, l, []string{"etcd"}, 0, true); err != nil {
		t.Fatal(err)
	}
	if out.String() != "1\n2\n" {
		t.Errorf("followed %q", out.String())
	}
}

type both struct{ a, b *stopAt }

func (w both) Write(p []byte) (int, error) {
	if _, err := w.b.Write(p); err != nil {
		return 0, err
	}
	return w.a.Write(p)
}

func TestTable(t *testing.T) {
	up := lab.Overview{Up: true, Healthy: true, DataDir: "/d", DiskBytes: 5 << 20, Addresses: []lab.Address{{What: "API server", Where: "https://x"}},
		Report: lab.Report{Components: []process.Status{{Name: "etcd", State: process.Running, PID: 7, Since: time.Now()}}}}
	sick := up
	sick.Healthy, sick.Problems = false, []string{"etcd is failed: killed"}
	for name, tc := range map[string]struct {
		why  string
		o    lab.Overview
		want []string
	}{
		"Healthy": {"all that a user needs is there", up, []string{"etcd", "running", "7", "https://x", "5 MiB", "healthy"}},
		"Sick":    {"what is wrong is said", sick, []string{"problem: etcd is failed: killed"}},
		"Down":    {"no table of nothing", lab.Overview{DataDir: "/d"}, []string{"/d: down"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := table(&out, tc.o); err != nil {
				t.Fatal(err)
			}
			for _, w := range tc.want {
				if !strings.Contains(out.String(), w) {
					t.Errorf("%s: no %q in\n%s", tc.why, w, out.String())
				}
			}
			if !tc.o.Healthy && strings.Contains(out.String(), "\nhealthy") {
				t.Errorf("%s: called healthy:\n%s", tc.why, out.String())
			}
		})
	}
}

func TestLocate(t *testing.T) {
	l := layout.Layout{Root: t.TempDir()}
	if err := l.Save(layout.Settings{RegistryPort: 5500}); err != nil {
		t.Fatal(err)
	}
	w := &where{dataDir: l.Root}
	for ref, want := range map[string]string{
		"apps/demo:1":                "localhost:5500/apps/demo:1",
		"demo":                       "localhost:5500/demo",
		"localhost:5000/apps/demo":   "localhost:5000/apps/demo",
		"localhost/apps/demo":        "localhost/apps/demo",
		"registry.example/apps/demo": "registry.example/apps/demo",
	} {
		if got, err := w.locate(ref); err != nil || got != want {
			t.Errorf("%q goes to %q, want %q (%v)", ref, got, want, err)
		}
	}
}
