// SPDX-License-Identifier: Apache-2.0

package imageadmission

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/internal/core/clone"
)

// made are the kinds that pods come from, and that policies tell apart.
var made = map[string]func() client.Object{
	"Deployment":  func() client.Object { return &appsv1.Deployment{} },
	"StatefulSet": func() client.Object { return &appsv1.StatefulSet{} },
	"DaemonSet":   func() client.Object { return &appsv1.DaemonSet{} },
	"CronJob":     func() client.Object { return &batchv1.CronJob{} },
	"Job":         func() client.Object { return &batchv1.Job{} },
}

// owners is one of each kind that is asked about.
func owners() []client.Object {
	out := []client.Object{&corev1.Namespace{}}
	for _, of := range made {
		out = append(out, of())
	}
	return out
}

// Incoming is a pod as policies see it: by what is at the top of its owners.
func (i *Inventory) Incoming(ctx context.Context, namespace string, pod *corev1.Pod, before *corev1.PodSpec) (clone.Policies, clone.Incoming) {
	in := clone.Incoming{
		Subject: clone.Subject{Kind: "Pod", Namespace: namespace, Name: pod.Name, Labels: pod.Labels, Annotations: pod.Annotations},
		Own:     pod.Annotations, Spec: &pod.Spec, Before: before,
	}
	policies := i.Policies()
	if len(policies) == 0 {
		return nil, in
	}
	var ns corev1.Namespace
	if err := i.reader.Get(ctx, types.NamespacedName{Name: namespace}, &ns); err == nil {
		in.NamespaceLabels = ns.Labels
	}
	i.climb(ctx, namespace, pod, &in.Subject)
	return policies, in
}

// climb goes up from a pod to what policies know by its kind, and whether another controller owns that.
func (i *Inventory) climb(ctx context.Context, namespace string, pod *corev1.Pod, s *clone.Subject) {
	ref := metav1.GetControllerOf(pod)
	if ref == nil {
		return
	}
	s.Owner = ref.Kind + "/" + ref.Name
	kind, name, known := clone.MakerOf(pod)
	for range 3 { // a pod, a Job, a CronJob, and who has made that
		if !known {
			return
		}
		s.Kind, s.Name, s.Owner = kind, name, ""
		o := made[kind]()
		if !i.get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, o) {
			return
		}
		up := metav1.GetControllerOf(o)
		if up == nil {
			return
		}
		s.Owner = up.Kind + "/" + up.Name
		kind, name, known = clone.MakerOf(o)
	}
}

const (
	// lag is how far memory may be behind the pods of an object that was just made.
	lag  = 200 * time.Millisecond
	tick = 10 * time.Millisecond
)

// get reads from memory, and waits a moment for what was made just now.
func (i *Inventory) get(ctx context.Context, name types.NamespacedName, o client.Object) bool {
	ctx, cancel := context.WithTimeout(ctx, lag)
	defer cancel()
	for {
		if err := i.reader.Get(ctx, name, o); err == nil {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(tick):
		}
	}
}
