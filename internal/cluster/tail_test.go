// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// heard is what a Tail said.
type heard struct {
	mu    sync.Mutex
	lines []Line
	done  chan error
	stop  context.CancelFunc
}

func listen(t *testing.T, c *Cluster, o TailOptions) *heard {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	h := &heard{done: make(chan error, 1), stop: stop}
	go func() {
		h.done <- c.Tail(ctx, "shop", o, func(l Line) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.lines = append(h.lines, l)
		})
	}()
	t.Cleanup(stop)
	return h
}

// text are the lines as a person sees them.
func (h *heard) text() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, l := range h.lines {
		if !l.Began && !l.Trouble {
			out = append(out, fmt.Sprintf("%s/%s[%s] %s", l.Step, l.Pod, l.Container, l.Text))
		}
	}
	return out
}

func (h *heard) says(t *testing.T, why string, want ...string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("heard: %v", h.text())
		}
	}()
	until(t, why, func() bool { return len(h.text()) >= len(want) })
	if d := cmp.Diff(want, h.text()); d != "" {
		t.Errorf("%s (-want +got):\n%s", why, d)
	}
}

// ends stops listening; nothing must hang.
func (h *heard) ends(t *testing.T) {
	t.Helper()
	h.stop()
	select {
	case err := <-h.done:
		if err != nil {
			t.Errorf("tail ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("tail does not end")
	}
}

func container(name string) corev1.Container {
	return corev1.Container{Name: name, Image: "example/" + name}
}

func makePod(t *testing.T, c *Cluster, name string, change func(*corev1.Pod)) *corev1.Pod {
	t.Helper()
	no := false
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{AutomountServiceAccountToken: &no, Containers: []corev1.Container{container("run")}}}
	change(p)
	p, err := c.kube.CoreV1().Pods(c.Namespace).Create(t.Context(), p, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func labelled(key string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Labels = map[string]string{key: "shop"} }
}

// status of a container, by name: "init" ones are told by where the pod has them.
func setStatus(t *testing.T, c *Cluster, pod string, phase corev1.PodPhase, inits, mains []corev1.ContainerStatus) {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"status": corev1.PodStatus{Phase: phase, InitContainerStatuses: inits, ContainerStatuses: mains}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.kube.CoreV1().Pods(c.Namespace).Patch(t.Context(), pod, types.MergePatchType, raw, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
}

func running(name, id string, restarts int32) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, ContainerID: id, RestartCount: restarts, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
}

func ended(name, id string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, ContainerID: id, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ContainerID: id}}}
}

func waiting(name string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}}
}

// at is a line with a time, in seconds and nanoseconds before now.
func at(seconds, nano int, text string) string {
	return time.Now().Truncate(time.Second).Add(time.Duration(seconds)*time.Second+time.Duration(nano)).UTC().Format(time.RFC3339Nano) + " " + text
}

// The steps of a build are init containers: they come in their order, though
// all of them ended before anybody looked.
func TestTailInitContainersInOrder(t *testing.T) {
	f, c := open(t)
	makePod(t, c, "build", func(p *corev1.Pod) {
		p.Labels = map[string]string{v1alpha1.WorkloadNameLabel: "shop", v1alpha1.ResourceNameLabel: "image"}
		p.Spec.InitContainers = []corev1.Container{container("detect"), container("compile"), container("export")}
	})
	detect, compile := f.begin("build", "detect"), f.begin("build", "compile")
	f.write(detect, at(-20, 0, "detect one"), at(-20, 0, "detect two"))
	f.write(compile, at(-20, 0, "compile one"), at(-20, 0, "compile two"))
	f.end(compile)
	setStatus(t, c, "build", corev1.PodPending,
		[]corev1.ContainerStatus{ended("detect", "d"), ended("compile", "c"), waiting("export")}, []corev1.ContainerStatus{waiting("run")})
	h := listen(t, c, TailOptions{Since: time.Minute})
	first := []string{"image/build[detect] detect one", "image/build[detect] detect two"}
	h.says(t, "lines of one time are two lines", first...)
	f.write(detect, at(-19, 0, "detect three"))
	first = append(first, "image/build[detect] detect three")
	h.says(t, "the next one waits until this one has said all", first...)
	f.end(detect)
	first = append(first, "image/build[compile] compile one", "image/build[compile] compile two")
	h.says(t, "and follows it", first...)

	b := f.begin("build", "export")
	f.write(b, at(0, 0, "pushing"))
	setStatus(t, c, "build", corev1.PodPending,
		[]corev1.ContainerStatus{ended("detect", "d"), ended("compile", "c"), running("export", "e", 0)}, []corev1.ContainerStatus{waiting("run")})
	h.says(t, "one that starts later is followed", append(first, "image/build[export] pushing")...)
	f.write(b, at(0, 5, "pushed"))
	f.end(b)
	setStatus(t, c, "build", corev1.PodRunning,
		[]corev1.ContainerStatus{ended("detect", "d"), ended("compile", "c"), ended("export", "e")}, []corev1.ContainerStatus{running("run", "r", 0)})
	f.write(f.begin("build", "run"), at(1, 0, "done"))
	h.says(t, "and then the others", append(first, "image/build[export] pushing", "image/build[export] pushed", "image/build[run] done")...)
	h.ends(t)
}

// Each line once: through restarts, also such that nobody saw, and broken connections.
func TestTailEachLineOnce(t *testing.T) {
	f, c := open(t)
	makePod(t, c, "app", labelled(v1alpha1.WorkloadNameLabel))
	first := f.begin("app", "run")
	f.write(first, at(-300, 0, "long ago"), at(-10, 1, "a"), at(-10, 1, "b"))
	setStatus(t, c, "app", corev1.PodRunning, nil, []corev1.ContainerStatus{running("run", "1", 0)})
	h := listen(t, c, TailOptions{Since: time.Minute})
	h.says(t, "what is too old is left out", "/app[run] a", "/app[run] b")

	f.cut(first)
	f.write(first, at(-10, 1, "c"), at(-10, 2, "d"))
	h.says(t, "a line that breaks is taken up where it was left", "/app[run] a", "/app[run] b", "/app[run] c", "/app[run] d")

	f.end(first)
	second := f.begin("app", "run")
	f.write(second, at(-5, 0, "again"))
	setStatus(t, c, "app", corev1.PodRunning, nil, []corev1.ContainerStatus{running("run", "2", 1)})
	all := []string{"/app[run] a", "/app[run] b", "/app[run] c", "/app[run] d", "/app[run] again"}
	h.says(t, "another life begins at its first line", all...)

	third := f.begin("app", "run")
	f.write(third, at(-4, 0, "unseen"))
	f.end(third)
	fourth := f.begin("app", "run")
	f.write(fourth, at(-3, 0, "fourth"))
	setStatus(t, c, "app", corev1.PodRunning, nil, []corev1.ContainerStatus{running("run", "4", 3)})
	f.end(second)
	h.says(t, "a life that came and went between two looks is read as well", append(all, "/app[run] unseen", "/app[run] fourth")...)
	h.ends(t)
}

// Pods belong by their labels or by who made them, whenever they come.
func TestTailFindsPods(t *testing.T) {
	f, c := open(t)
	write := func(pod string) {
		f.write(f.begin(pod, "run"), at(-300, 0, "here"))
		setStatus(t, c, pod, corev1.PodRunning, nil, []corev1.ContainerStatus{running("run", pod, 0)})
	}
	makePod(t, c, "foreign", func(p *corev1.Pod) {
		p.Labels = map[string]string{v1alpha1.WorkloadNameLabel: "other", "app.kubernetes.io/part-of": "shop"}
	})
	write("foreign")
	makePod(t, c, "first", labelled(v1alpha1.WorkloadNameLabel))
	f.write(f.begin("first", "run"), at(-300, 0, "long ago"), at(-1, 0, "here"))
	setStatus(t, c, "first", corev1.PodRunning, nil, []corev1.ContainerStatus{running("run", "first", 0)})
	h := listen(t, c, TailOptions{Since: time.Minute})
	h.says(t, "of a pod that is there, only what is new enough", "/first[run] here")
	makePod(t, c, "test", labelled("app.kubernetes.io/part-of"))
	write("test")
	h.says(t, "a pod that comes later is read from its first line", "/first[run] here", "/test[run] here")

	made := makeMiddle(t, c, "shop-1")
	makePod(t, c, "shop-1-a", func(p *corev1.Pod) {
		yes := true
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: made.Name, UID: made.UID, Controller: &yes}}
	})
	write("shop-1-a")
	makeWorkload(t, c, "Runnable", "carto.run/v1alpha1", "stamped")
	h.says(t, "a step that comes claims the pods of what it stamped", "/first[run] here", "/test[run] here", "deployer/shop-1-a[run] here")
	h.ends(t)

	only := listen(t, c, TailOptions{Since: time.Hour, Component: "deployer"})
	only.says(t, "one step alone", "deployer/shop-1-a[run] here")
	only.ends(t)
	facts, err := c.Facts(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range facts.Pods {
		names = append(names, facts.Pods[i].Name)
	}
	if d := cmp.Diff([]string{"first", "shop-1-a", "test"}, slices.Sorted(slices.Values(names))); d != "" {
		t.Errorf("get shows the same pods (-want +got):\n%s", d)
	}
}

// A person who may not watch is told, and does not wait.
func TestTailForbidden(t *testing.T) {
	f, c := open(t)
	f.as = "nobody"
	err := c.Tail(t.Context(), "shop", TailOptions{}, func(Line) {})
	if err == nil || !strings.Contains(err.Error(), `User "nobody" cannot get resource "workloads"`) {
		t.Errorf("got %v", err)
	}
	if err := c.Changes(t.Context(), "shop", func() {}); err == nil || !strings.Contains(err.Error(), `User "nobody" cannot list resource "workloads"`) {
		t.Errorf("got %v", err)
	}
}
