// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rhumb.run/rhumb/lab/internal/kubeapi"
	"rhumb.run/rhumb/lab/internal/layout"
)

// program is the rhumb-lab under test, built from these sources.
func program(t *testing.T) string {
	t.Helper()
	bin := os.Getenv("RHUMB_LAB_BIN")
	if bin == "" {
		bin = "../../../bin/rhumb-lab"
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(bin); err != nil {
		t.Fatalf("no rhumb-lab to test: run 'make lab' first: %v", err)
	}
	return bin
}

// run calls rhumb-lab as a user would.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(program(t), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("rhumb-lab %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// processes are those whose command line names a directory.
func processes(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		if raw, err := os.ReadFile(file); err == nil && strings.Contains(string(raw), dir) {
			out = append(out, strings.ReplaceAll(string(raw), "\x00", " "))
		}
	}
	return out
}

func eventually(t *testing.T, what string, is func() error) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for {
		err := is()
		if err == nil {
			return
		}
		select {
		case <-limit:
			t.Fatalf("waiting until %s: %v", what, err)
		case <-tick.C:
		}
	}
}

const deployment = "/apis/apps/v1/namespaces/default/deployments/web"

func web() map[string]any {
	type m = map[string]any
	labels := m{"app": "web"}
	return m{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": m{"name": "web"},
		"spec": m{"replicas": 1, "selector": m{"matchLabels": labels}, "template": m{"metadata": m{"labels": labels},
			"spec": m{"containers": []any{m{"name": "web", "image": "web"}}}}}}
}

// A control plane is started, holds a Deployment over a restart under the same
// address, and leaves no process behind.
func TestPlaneLivesAndLeavesNothing(t *testing.T) {
	l := layout.Layout{Root: filepath.Join(t.TempDir(), "lab")}
	up := []string{"up", "--no-node", "--data-dir", l.Root}
	t.Cleanup(func() { run(t, "down", "--delete", "--data-dir", l.Root) })
	run(t, up...)
	before, err := l.Load()
	if err != nil {
		t.Fatal(err)
	}
	api, err := kubeapi.New(l, apiURL(before))
	if err != nil {
		t.Fatal(err)
	}
	if err := api.Apply(t.Context(), deployment, web()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the controller manager has made a pod", func() error {
		var pods struct{ Items []any }
		err := api.Get(t.Context(), "/api/v1/namespaces/default/pods", &pods)
		if err == nil && len(pods.Items) != 1 {
			err = fmt.Errorf("%d pods", len(pods.Items))
		}
		return err
	})
	if out := run(t, up...); !strings.Contains(out, "already") {
		t.Errorf("up on a running lab says %q", out)
	}
	run(t, "down", "--data-dir", l.Root)
	if left := processes(t, l.Root); len(left) > 0 {
		t.Fatalf("down left %q", left)
	}
	run(t, up...)
	after, err := l.Load()
	if err != nil {
		t.Fatal(err)
	}
	if after.APIPort != before.APIPort {
		t.Errorf("the API server moved from port %d to %d", before.APIPort, after.APIPort)
	}
	if err := api.Get(t.Context(), deployment, nil); err != nil {
		t.Errorf("after a restart, with the client of before: %v", err)
	}
	var o Overview
	if err := json.Unmarshal([]byte(run(t, "status", "-o", "json", "--data-dir", l.Root)), &o); err != nil || !o.Healthy || len(o.Components) != 3 {
		t.Errorf("status is %+v (%v)", o, err)
	}
}

// A test takes the API server away and gives it back; etcd killed comes back
// by itself with what it held.
func TestComponentsComeAndGo(t *testing.T) {
	l := layout.Layout{Root: filepath.Join(t.TempDir(), "lab")}
	run(t, "up", "--no-node", "--data-dir", l.Root)
	t.Cleanup(func() { run(t, "down", "--delete", "--data-dir", l.Root) })
	s, err := l.Load()
	if err != nil {
		t.Fatal(err)
	}
	api, err := kubeapi.New(l, apiURL(s))
	if err != nil {
		t.Fatal(err)
	}
	if err := api.Apply(t.Context(), deployment, web()); err != nil {
		t.Fatal(err)
	}
	run(t, "component", "stop", "kube-apiserver", "--data-dir", l.Root)
	if err := api.Ready(t.Context()); err == nil {
		t.Error("the API server answers although it was stopped")
	}
	if out, err := exec.Command(program(t), "status", "--data-dir", l.Root).CombinedOutput(); err == nil {
		t.Errorf("status calls this healthy:\n%s", out)
	}
	run(t, "component", "start", "kube-apiserver", "--data-dir", l.Root)
	eventually(t, "the API server is back", func() error { return api.Ready(t.Context()) })
	run(t, "component", "kill", "etcd", "--data-dir", l.Root)
	eventually(t, "the Deployment is back", func() error { return api.Get(t.Context(), deployment, nil) })
}

// A lab in the foreground ends with whoever started it, and so do its parts
// when it has no time to end them.
func TestNothingOutlivesItsParent(t *testing.T) {
	for name, tc := range map[string]struct {
		why string
		end func(*testing.T, *exec.Cmd, func())
	}{
		"Input ends": {"a test process that dies closes the pipe", func(_ *testing.T, _ *exec.Cmd, closeInput func()) { closeInput() }},
		"Killed": {"the kernel ends the children", func(t *testing.T, c *exec.Cmd, _ func()) {
			if err := c.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "lab")
			cmd := exec.Command(program(t), "up", "--no-node", "--foreground", "--until-eof", "--ephemeral", "--data-dir", dir)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "all parts run", func() error {
				_, err := Query(t.Context(), layout.Layout{Root: dir})
				return err
			})
			tc.end(t, cmd, func() { _ = in.Close() })
			_ = cmd.Wait()
			eventually(t, tc.why, func() error {
				if left := processes(t, dir); len(left) > 0 {
					return fmt.Errorf("left: %q", left)
				}
				return nil
			})
		})
	}
}
