// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"rhumb.run/rhumb/internal/core/cause"
)

// Lookout finds what is below an object that is not well, with the
// controller's own rights. What it may not read it does without.
type Lookout struct {
	objects dynamic.Interface
	pods    corev1client.PodsGetter
}

// NewLookout shares the transport of httpClient.
func NewLookout(config *rest.Config, httpClient *http.Client, objects dynamic.Interface) (*Lookout, error) {
	pods, err := corev1client.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("making a client for logs: %w", err)
	}
	return &Lookout{objects, pods}, nil
}

// Bounds of one look.
const (
	maxReads  = 24
	maxListed = 50
	maxPods   = 2
	maxRuns   = 3
	maxLog    = 16 << 10
	logLines  = 30
)

// Look follows the object down: to pods, their events and their last words.
func (l *Lookout) Look(ctx context.Context, object *unstructured.Unstructured) *cause.Node {
	return (&visit{Lookout: l, ctx: ctx, left: maxReads}).node(object, 0)
}

// visit is one look, which ends when it has read enough.
type visit struct {
	*Lookout
	ctx  context.Context //nolint:containedctx // lives as long as one call
	left int
}

// maxDepth is PipelineRun, TaskRun, pod, and one more than anybody has.
const maxDepth = 6

func (v *visit) node(u *unstructured.Unstructured, depth int) *cause.Node {
	n := &cause.Node{Object: u}
	if depth > maxDepth {
		return n
	}
	if isPod(u) {
		n.Events = v.events(u)
		n.Tails = v.tails(u)
		return n
	}
	for _, child := range v.below(u) {
		n.Below = append(n.Below, v.node(child, depth+1))
	}
	if len(n.Below) == 0 {
		// Why nothing is below it is told in events, by whoever could not make it.
		n.Events = v.events(u)
	}
	return n
}

func isPod(u *unstructured.Unstructured) bool {
	return u.GetKind() == "Pod" && u.GetAPIVersion() == "v1"
}

// may counts a read.
func (v *visit) may() bool {
	v.left--
	return v.left >= 0 && v.ctx.Err() == nil
}

func (v *visit) get(gvr schema.GroupVersionResource, owner *unstructured.Unstructured, name string) []*unstructured.Unstructured {
	if name == "" || !v.may() {
		return nil
	}
	u, err := v.objects.Resource(gvr).Namespace(owner.GetNamespace()).Get(v.ctx, name, metav1.GetOptions{})
	// A name in a status is anybody's word: only what the object controls is its own.
	if err != nil || !controlledBy(u, owner.GetUID()) {
		return nil
	}
	return []*unstructured.Unstructured{u}
}

// list gives what the owner controls of a kind, newest first.
func (v *visit) list(gvr schema.GroupVersionResource, owner *unstructured.Unstructured, selector string) []*unstructured.Unstructured {
	if !v.may() {
		return nil
	}
	all, err := v.objects.Resource(gvr).Namespace(owner.GetNamespace()).List(v.ctx, metav1.ListOptions{LabelSelector: selector, Limit: maxListed})
	if err != nil {
		return nil
	}
	var out []*unstructured.Unstructured
	for i := range all.Items {
		if controlledBy(&all.Items[i], owner.GetUID()) {
			out = append(out, &all.Items[i])
		}
	}
	slices.SortStableFunc(out, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(b.GetCreationTimestamp().Compare(a.GetCreationTimestamp().Time), cmp.Compare(a.GetName(), b.GetName()))
	})
	return out
}

var (
	podsResource   = corev1.SchemeGroupVersion.WithResource("pods")
	eventsResource = corev1.SchemeGroupVersion.WithResource("events")
)

// events are the warnings about an object, oldest first.
func (v *visit) events(u *unstructured.Unstructured) []cause.Event {
	if u.GetUID() == types.UID("") || !v.may() {
		return nil
	}
	list, err := v.objects.Resource(eventsResource).Namespace(u.GetNamespace()).List(v.ctx, metav1.ListOptions{
		FieldSelector: fields.Set{"involvedObject.uid": string(u.GetUID()), "type": corev1.EventTypeWarning}.String(),
		Limit:         maxListed,
	})
	if err != nil {
		return nil
	}
	slices.SortStableFunc(list.Items, func(a, b unstructured.Unstructured) int { return cmp.Compare(when(&a), when(&b)) })
	var out []cause.Event
	for i := range list.Items {
		e := list.Items[i].Object
		reason, _ := e["reason"].(string)
		message, _ := e["message"].(string)
		out = append(out, cause.Event{Reason: reason, Message: message})
	}
	return out
}

// when an event was seen last: times of RFC 3339 sort as text.
func when(e *unstructured.Unstructured) string {
	for _, path := range [][]string{{"series", "lastObservedTime"}, {"lastTimestamp"}, {"eventTime"}, {"metadata", "creationTimestamp"}} {
		if at, ok, _ := unstructured.NestedString(e.Object, path...); ok && at != "" {
			return at
		}
	}
	return ""
}

// tails are the last words of the container that failed, if one did.
func (v *visit) tails(pod *unstructured.Unstructured) map[string]string {
	container, previous := cause.Talking(pod)
	if container == "" || !v.may() {
		return nil
	}
	lines, limit := int64(logLines), int64(maxLog)
	raw, err := v.pods.Pods(pod.GetNamespace()).GetLogs(pod.GetName(), &corev1.PodLogOptions{
		Container: container, Previous: previous, TailLines: &lines, LimitBytes: &limit,
	}).Do(v.ctx).Raw()
	if err != nil {
		return nil
	}
	return map[string]string{container: string(raw)}
}
