// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/view"
)

// Line is what a container wrote.
type Line struct {
	Pod, Container, Step string
	Text                 string
	// Time is when it was written, as the node has it.
	Time time.Time
	// Began says that the container is followed from now on; there is no text.
	Began bool
	// Trouble says that Text is why the log cannot be read at the moment.
	Trouble bool
}

// TailOptions say which lines.
type TailOptions struct {
	// Since is how far back the first lines may be. Pods that come later are read from their first line.
	Since time.Duration
	// Component is a pod's component label, or the name of its step; empty for all.
	Component string
}

// Tail hands on the lines of every container of every pod of a workload, each
// once, in the order in which they come, until the context ends. Pods that come
// later are followed, too.
func (c *Cluster) Tail(ctx context.Context, name string, o TailOptions, emit func(Line)) error {
	w, err := c.Workload(ctx, name)
	if err != nil {
		return err
	}
	if w == nil {
		w = &v1alpha1.Workload{}
		w.Name = name
	}
	d, _ := c.deliverable(ctx, name) // whoever may not read it sees the pods that labels tell
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t := &tail{cluster: c, family: c.family(w, d), options: o, emit: emit, first: map[types.UID]bool{}, pods: map[types.UID]*podTail{}}
	there, err := c.partial.Resource(podKind).Namespace(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing pods: %w", err)
	}
	for i := range there.Items {
		t.first[there.Items[i].UID] = true
	}
	var feeds sync.WaitGroup
	follow := func(f *feed, what string) {
		feeds.Go(func() {
			if err := f.run(ctx, what); err != nil {
				cancel(err)
			}
		})
	}
	follow(&feed{c.podSource(), &corev1.Pod{}, func(o any) { t.see(ctx, o) }, t.lose}, "pods")
	follow(&feed{c.dynamicSource(workloads, name), &unstructured.Unstructured{}, func(o any) { t.learn(ctx, o, d) }, func(any) {}}, "workloads")
	feeds.Wait()
	t.containers.Wait()
	if cause := context.Cause(ctx); cause != nil && !isEnd(cause) {
		return cause
	}
	return nil
}

// tail is one run of Tail.
type tail struct {
	cluster *Cluster
	family  *family
	options TailOptions

	writing sync.Mutex
	emit    func(Line)

	// first are the pods that were there at the beginning.
	first map[types.UID]bool

	mu   sync.Mutex
	pods map[types.UID]*podTail
	// strangers are pods that are nobody's as far as the status tells; a step that comes may claim them.
	strangers  map[types.UID]*corev1.Pod
	containers sync.WaitGroup
}

func (t *tail) say(l Line) {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.emit(l)
}

// see takes the news of a pod.
func (t *tail) see(ctx context.Context, object any) {
	p, ok := object.(*corev1.Pod)
	if !ok {
		return
	}
	t.mu.Lock()
	known := t.pods[p.UID]
	t.mu.Unlock()
	if known != nil {
		known.update(p)
		return
	}
	step, ours := t.family.step(ctx, p)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !ours {
		if t.strangers == nil {
			t.strangers = map[types.UID]*corev1.Pod{}
		}
		t.strangers[p.UID] = p
		return
	}
	delete(t.strangers, p.UID)
	if t.pods[p.UID] != nil || t.options.Component != "" && t.options.Component != p.Labels[view.ComponentLabel] && t.options.Component != step {
		return
	}
	one := &podTail{tail: t, step: step, old: t.first[p.UID], pod: p, changed: make(chan struct{})}
	t.pods[p.UID] = one
	t.containers.Go(func() { one.run(ctx) })
}

func (t *tail) lose(object any) {
	p, ok := object.(*corev1.Pod)
	if !ok {
		return
	}
	t.mu.Lock()
	delete(t.strangers, p.UID)
	known := t.pods[p.UID]
	t.mu.Unlock()
	if known != nil {
		known.end()
	}
}

// learn takes the steps that the workload has now, and looks again at the pods that were nobody's.
func (t *tail) learn(ctx context.Context, object any, d *v1alpha1.Deliverable) {
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return
	}
	w, err := typed(u, &v1alpha1.Workload{})
	if err != nil {
		return
	}
	t.family.learn(w, d)
	t.mu.Lock()
	again := make([]*corev1.Pod, 0, len(t.strangers))
	for _, p := range t.strangers {
		again = append(again, p)
	}
	t.mu.Unlock()
	for _, p := range again {
		t.see(ctx, p)
	}
}
