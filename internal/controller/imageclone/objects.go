// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
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
	s := state{generation: o.GetGeneration(), object: o, settled: true}
	s.Object, _ = clone.ObjectOf(o)
	switch o := o.(type) {
	case *appsv1.Deployment:
		st, want := o.Status, wanted(o.Spec.Replicas)
		s.settled = st.ObservedGeneration >= o.Generation && st.UpdatedReplicas == want && st.AvailableReplicas == want && st.Replicas == want
	case *appsv1.StatefulSet:
		st, want := o.Status, wanted(o.Spec.Replicas)
		s.settled = st.ObservedGeneration >= o.Generation && st.UpdatedReplicas >= want && st.AvailableReplicas == want
	case *appsv1.DaemonSet:
		st := o.Status
		s.settled = st.ObservedGeneration >= o.Generation && st.UpdatedNumberScheduled == st.DesiredNumberScheduled && st.NumberAvailable == st.DesiredNumberScheduled
	}
	return s
}

// wanted is the number of replicas that a spec asks for.
func wanted(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}
