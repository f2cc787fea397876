// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/internal/core/clone"
)

// made are the objects with pods, by kind.
var made = map[string]func() client.Object{
	"Deployment":  func() client.Object { return &appsv1.Deployment{} },
	"StatefulSet": func() client.Object { return &appsv1.StatefulSet{} },
	"DaemonSet":   func() client.Object { return &appsv1.DaemonSet{} },
	"CronJob":     func() client.Object { return &batchv1.CronJob{} },
	"Job":         func() client.Object { return &batchv1.Job{} },
	"Pod":         func() client.Object { return &corev1.Pod{} },
}

// lists are lists of them, by kind.
var lists = map[string]func() client.ObjectList{
	"Deployment":  func() client.ObjectList { return &appsv1.DeploymentList{} },
	"StatefulSet": func() client.ObjectList { return &appsv1.StatefulSetList{} },
	"DaemonSet":   func() client.ObjectList { return &appsv1.DaemonSetList{} },
	"CronJob":     func() client.ObjectList { return &batchv1.CronJobList{} },
	"Job":         func() client.ObjectList { return &batchv1.JobList{} },
	"Pod":         func() client.ObjectList { return &corev1.PodList{} },
}

// Kinds are all kinds that have pods.
func Kinds() []string { return slices.Sorted(maps.Keys(made)) }

// Objects is one of each kind that has pods.
func Objects() []client.Object {
	out := make([]client.Object, 0, len(made))
	for _, kind := range slices.Sorted(maps.Keys(made)) {
		out = append(out, made[kind]())
	}
	return out
}

// state is an object, read.
type state struct {
	clone.Object
	// settled is set where all its pods are of its newest template, and available.
	settled    bool
	generation int64
	object     client.Object
}

// read reads an object. The parts of it are the cache's, and not to be changed.
func read(o client.Object) state {
	s := state{Object: clone.Object{
		Subject: clone.Subject{Namespace: o.GetNamespace(), Name: o.GetName(), Owner: owner(o)},
		UID:     string(o.GetUID()), Version: o.GetResourceVersion(), Own: o.GetAnnotations(),
	}, generation: o.GetGeneration(), object: o}
	switch o := o.(type) {
	case *appsv1.Deployment:
		s.template("Deployment", &o.Spec.Template)
		st := o.Status
		s.Ready = st.Replicas > 0 && st.Replicas == st.ReadyReplicas
		want := wanted(o.Spec.Replicas)
		s.settled = st.ObservedGeneration >= o.Generation && st.UpdatedReplicas == want && st.AvailableReplicas == want && st.Replicas == want
	case *appsv1.StatefulSet:
		s.template("StatefulSet", &o.Spec.Template)
		st := o.Status
		s.Ready = st.Replicas > 0 && st.Replicas == st.ReadyReplicas
		want := wanted(o.Spec.Replicas)
		s.settled = st.ObservedGeneration >= o.Generation && st.UpdatedReplicas >= want && st.AvailableReplicas == want
	case *appsv1.DaemonSet:
		s.template("DaemonSet", &o.Spec.Template)
		st := o.Status
		s.Ready = st.DesiredNumberScheduled > 0 && st.NumberReady == st.DesiredNumberScheduled
		s.settled = st.ObservedGeneration >= o.Generation && st.UpdatedNumberScheduled == st.DesiredNumberScheduled && st.NumberAvailable == st.DesiredNumberScheduled
	case *batchv1.CronJob:
		s.template("CronJob", &o.Spec.JobTemplate.Spec.Template)
		s.Ready, s.settled = true, true // nothing rolls out
	case *batchv1.Job:
		s.template("Job", &o.Spec.Template)
		s.Ready, s.settled = true, true
	case *corev1.Pod:
		s.Kind, s.Spec, s.Labels, s.Annotations = "Pod", &o.Spec, o.Labels, o.Annotations
		s.Ready, s.settled = true, true
	}
	return s
}

func (s *state) template(kind string, t *corev1.PodTemplateSpec) {
	s.Kind, s.Spec, s.Labels, s.Annotations = kind, &t.Spec, t.Labels, t.Annotations
}

// wanted is the number of replicas that a spec asks for.
func wanted(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// owner is an object's controller, as Kind/name.
func owner(o client.Object) string {
	if ref := metav1.GetControllerOf(o); ref != nil {
		return fmt.Sprintf("%s/%s", ref.Kind, ref.Name)
	}
	return ""
}
