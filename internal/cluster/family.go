// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/view"
)

// maxAncestors bounds the climb: Pod, TaskRun, PipelineRun, Runnable are four.
const maxAncestors = 6

// family tells the pods of a workload from others: by their labels, or because
// somebody in the line of those who made them is a stamped object. Templates
// need not label pods for that.
type family struct {
	cluster *Cluster
	name    string
	// stamped is the step of each stamped object, by kind and name.
	stamped map[string]string

	mu sync.Mutex
	// line is what is known of objects in between, by UID: they never change who made them.
	line map[types.UID]link
}

// link is an object's step, or who made it.
type link struct {
	step   string
	ours   bool
	parent *metav1.OwnerReference
}

func (c *Cluster) family(w *v1alpha1.Workload, d *v1alpha1.Deliverable) *family {
	f := &family{cluster: c, name: w.Name, line: map[types.UID]link{}}
	f.learn(w, d)
	return f
}

// learn takes what the status names now: steps come while one is watching.
func (f *family) learn(w *v1alpha1.Workload, d *v1alpha1.Deliverable) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stamped = map[string]string{}
	all := w.Status.Resources
	if d != nil {
		all = append(slices.Clip(all), d.Status.Resources...)
	}
	for i := range all {
		if ref := all[i].StampedRef; ref != nil && ref.ObjectReference != nil {
			f.stamped[keyOf(ref.APIVersion, ref.Kind, ref.Name)] = all[i].Name
		}
	}
}

func keyOf(apiVersion, kind, name string) string {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return ""
	}
	return gv.Group + "/" + kind + "/" + name
}

// step says whether a pod is the workload's, and of which step it is.
func (f *family) step(ctx context.Context, p *corev1.Pod) (string, bool) {
	step, decided, ours := f.labelled(p.Labels)
	if decided && (step != "" || !ours) {
		return step, ours
	}
	if made, yes := f.climb(ctx, metav1.GetControllerOf(p), 0); yes {
		return made, true
	}
	return p.Labels[view.ComponentLabel], ours
}

// labelled reads what labels say. A workload that shares its part-of label with
// others is still told from them by its name.
func (f *family) labelled(labels map[string]string) (step string, decided, ours bool) {
	if name, there := labels[v1alpha1.WorkloadNameLabel]; there {
		return labels[v1alpha1.ResourceNameLabel], true, name == f.name
	}
	if labels[view.AppLabel] == f.name {
		return labels[v1alpha1.ResourceNameLabel], true, true
	}
	return "", false, false
}

func (f *family) climb(ctx context.Context, ref *metav1.OwnerReference, depth int) (string, bool) {
	if ref == nil || depth > maxAncestors {
		return "", false
	}
	f.mu.Lock()
	step, stamped := f.stamped[keyOf(ref.APIVersion, ref.Kind, ref.Name)]
	known, seen := f.line[ref.UID]
	f.mu.Unlock()
	if stamped {
		return step, true
	}
	if !seen {
		if known, seen = f.look(ctx, ref); !seen {
			return "", false
		}
	}
	if known.ours {
		return known.step, true
	}
	return f.climb(ctx, known.parent, depth+1)
}

// look asks for who made an object; whoever may not be read ends the climb.
func (f *family) look(ctx context.Context, ref *metav1.OwnerReference) (link, bool) {
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil {
		return link{}, false
	}
	m, err := f.cluster.partial.Resource(gv.WithResource(plural(ref.Kind))).Namespace(f.cluster.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil || m.UID != ref.UID {
		return link{}, false
	}
	out := link{parent: metav1.GetControllerOf(m)}
	out.step, _, out.ours = f.labelled(m.Labels)
	f.mu.Lock()
	f.line[ref.UID] = out
	f.mu.Unlock()
	return out, true
}

// plural is the resource of a kind, as all kinds that make pods are spelled.
func plural(kind string) string {
	s := strings.ToLower(kind)
	switch {
	case strings.HasSuffix(s, "s"), strings.HasSuffix(s, "x"), strings.HasSuffix(s, "ch"):
		return s + "es"
	case strings.HasSuffix(s, "y"):
		return strings.TrimSuffix(s, "y") + "ies"
	}
	return s + "s"
}
