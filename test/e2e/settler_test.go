// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/test/e2e/rig"
)

// gitPort is where the lab's git server is on the machine.
const gitPort = "5001"

// settler lives in one namespace of a lab with neighbours.
type settler struct {
	t         *testing.T
	ctx       context.Context //nolint:containedctx // it is the test's, as t is.
	lab       rig.Lab
	cluster   *rig.Cluster
	namespace string
	image     string // what kpack built last
}

// settle makes a namespace and applies examples there; a folder is all of its
// files.
func settle(t *testing.T, lab rig.Lab, namespace string, examples ...string) *settler {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	k, err := lab.Kubeconfig(ctx)
	must(t, err)
	c, err := rig.Connect(k)
	must(t, err)
	s := &settler{t: t, ctx: ctx, lab: lab, cluster: c, namespace: namespace}
	kubectl(t, lab, "create", "namespace", namespace)
	for _, e := range examples {
		s.apply(e)
	}
	t.Cleanup(func() {
		if t.Failed() {
			s.tell()
		}
		// t.Context() is over by now.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, err := lab.Kubectl(ctx, "delete", "workloads,deliverables,runnables", "--all", "-n", namespace); err != nil {
			t.Error(err)
		}
	})
	return s
}

// tell logs what the namespace looks like, for whoever reads a failure.
func (s *settler) tell() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, args := range [][]string{
		{"get", "workloads,deliverables,runnables,gitrepositories,images.kpack.io,taskruns,deployments,pods", "-o", "wide"},
		{"get", "workloads,deliverables,runnables", "-o", "jsonpath={range .items[*]}{.kind} {.metadata.name} {.status}{\"\\n\"}{end}"},
	} {
		out, err := s.lab.Kubectl(ctx, append([]string{"-n", s.namespace}, args...)...)
		s.t.Log(out, err)
	}
}

func (s *settler) kubectl(args ...string) string {
	s.t.Helper()
	return kubectl(s.t, s.lab, append([]string{"-n", s.namespace}, args...)...)
}

func (s *settler) apply(example string) {
	s.t.Helper()
	s.kubectl("apply", "-f", s.lab.Repo.Path("examples", example))
}

// shows waits until something of an object, at a JSONPath, contains a text; the
// empty text is anything at all.
func (s *settler) shows(object, path, want string) {
	s.t.Helper()
	seen := "nothing"
	err := rig.Until(s.ctx, fmt.Sprintf("%s to show %q at %s", object, want, path), 300*time.Millisecond, func() (bool, string) {
		out, err := s.lab.Kubectl(s.ctx, "-n", s.namespace, "get", object, "-o", "jsonpath="+path)
		switch {
		case s.ctx.Err() != nil: // kubectl was ended: what it said before is what helps
		case err != nil:
			seen = err.Error()
		default:
			seen = out
		}
		return err == nil && out != "" && strings.Contains(out, want), seen
	})
	must(s.t, err)
}

// runs counts the TaskRuns that were ever made here.
func (s *settler) runs(want int) {
	s.t.Helper()
	if got := strings.Fields(s.kubectl("get", "taskruns", "-o", "name")); len(got) != want {
		s.t.Errorf("%d TaskRuns %v, want %d", len(got), got, want)
	}
}

// fetch has Flux look at a repository now, and not when its interval is over.
func (s *settler) fetch(name string) {
	s.t.Helper()
	s.shows("gitrepository/"+name, "{.metadata.name}", name)
	s.kubectl("annotate", "--overwrite", "gitrepository", name, "reconcile.fluxcd.io/requestedAt="+time.Now().Format(time.RFC3339Nano))
}

// builds waits until kpack has built a commit, and remembers the image.
func (s *settler) builds(name, commit string) {
	s.t.Helper()
	object := "images.kpack.io/" + name
	s.shows(object, "{.spec.source.blob.url}", commit)
	generation := s.kubectl("get", object, "-o", "jsonpath={.metadata.generation}")
	s.shows(object, `{.status.observedGeneration} {.status.conditions[?(@.type=="Ready")].status}`, generation+" True")
	s.image = s.kubectl("get", object, "-o", "jsonpath={.status.latestImage}")
}

// answers waits until a pod of an application answers with text.
func (s *settler) answers(app, text string) {
	s.t.Helper()
	err := rig.Until(s.ctx, fmt.Sprintf("%s to answer %q", app, text), 300*time.Millisecond, func() (bool, string) {
		pods, err := s.cluster.Typed.CoreV1().Pods(s.namespace).List(s.ctx, metav1.ListOptions{LabelSelector: "app=" + app})
		if err != nil {
			return false, err.Error()
		}
		seen := "no pods"
		for _, p := range pods.Items {
			if p.DeletionTimestamp != nil {
				continue
			}
			if seen, err = s.cluster.Ask(s.ctx, s.namespace, p.Name, 8080); err != nil {
				seen = err.Error()
			}
			if strings.Contains(seen, text) {
				return true, ""
			}
		}
		return false, seen
	})
	must(s.t, err)
}

// credential is the password of the lab's git server.
func (s *settler) credential() string {
	s.t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.lab.Dir, "git", "password"))
	must(s.t, err)
	return strings.TrimSpace(string(raw))
}

// password puts the lab's git password into a secret of an example.
func (s *settler) password(secret string) {
	s.t.Helper()
	patch, err := json.Marshal(map[string]any{"stringData": map[string]string{"password": s.credential()}})
	must(s.t, err)
	s.kubectl("patch", "secret", secret, "--type", "merge", "-p", string(patch))
}

// clone is a developer's copy of a repository on the lab's git server.
type clone struct {
	*settler
	dir, name, workload string
}

// repository makes one that only this test pushes to; an example's Workload is
// pointed to it.
func (s *settler) repository(workload string) clone {
	s.t.Helper()
	c := clone{s, s.t.TempDir(), s.namespace + "/" + workload, workload}
	c.git("init", "--quiet", "--initial-branch=main")
	address := "http://git.kube-system.svc.cluster.local/" + c.name + ".git"
	s.kubectl("patch", "workload", workload, "--type", "merge", "-p", `{"spec":{"source":{"git":{"url":"`+address+`"}}}}`)
	return c
}

// git runs git as a developer; its address knows the password.
func (c clone) git(args ...string) string {
	c.t.Helper()
	args = append([]string{"-C", c.dir, "-c", "user.name=dev", "-c", "user.email=dev@example.com"}, args...)
	out, err := c.lab.Repo.Run(c.ctx, []string{"GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0"}, "git", args...)
	must(c.t, err)
	return strings.TrimSpace(out)
}

// address of a repository, with user and password.
func (s *settler) address(name string) string {
	u := url.URL{Scheme: "http", User: url.UserPassword("lab", s.credential()), Host: "localhost:" + gitPort, Path: "/" + name + ".git"}
	return u.String()
}

// push commits files and pushes them, and has Flux fetch them; it returns the
// commit. A file without text is removed.
func (c clone) push(files map[string]string) string {
	c.t.Helper()
	for name, text := range files {
		file := filepath.Join(c.dir, name)
		if text == "" {
			must(c.t, os.Remove(file))
			continue
		}
		must(c.t, os.WriteFile(file, []byte(text+"\n"), 0o600))
	}
	c.git("add", "--all", ".")
	c.git("commit", "--quiet", "--message", "another try")
	c.git("push", "--quiet", c.address(c.name), "HEAD:main")
	c.fetch(c.workload)
	return c.git("rev-parse", "HEAD")
}

// commits waits until a repository has so many commits, and its newest names
// the image that was built last.
func (s *settler) commits(name string, want int) {
	s.t.Helper()
	err := rig.Until(s.ctx, fmt.Sprintf("%d commits in %s", want, name), 500*time.Millisecond, func() (bool, string) {
		dir, err := os.MkdirTemp(s.t.TempDir(), "clone-")
		if err != nil {
			return false, err.Error()
		}
		if _, err := s.lab.Repo.Run(s.ctx, nil, "git", "clone", "--quiet", s.address(name), dir); err != nil {
			return false, err.Error()
		}
		out, err := s.lab.Repo.Run(s.ctx, nil, "git", "-C", dir, "log", "--format=%s")
		if err != nil {
			return false, err.Error()
		}
		text, err := os.ReadFile(filepath.Join(dir, "config", "hello-written.yaml"))
		if err != nil {
			return false, err.Error()
		}
		count := strings.Count(out, "\n")
		return count == want && strings.Contains(string(text), s.image), fmt.Sprintf("%d: %s", count, text)
	})
	must(s.t, err)
}
