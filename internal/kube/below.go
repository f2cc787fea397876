// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ways lead from an object to what it controls: those parts of it that matter now.
var ways = map[schema.GroupKind]func(*visit, *unstructured.Unstructured) []*unstructured.Unstructured{
	{Group: "apps", Kind: "Deployment"}:                   (*visit).newestReplicaSet,
	{Group: "apps", Kind: "ReplicaSet"}:                   (*visit).worstPods,
	{Group: "apps", Kind: "StatefulSet"}:                  (*visit).worstPods,
	{Group: "apps", Kind: "DaemonSet"}:                    (*visit).worstPods,
	{Group: "batch", Kind: "Job"}:                         (*visit).worstPods,
	{Group: "batch", Kind: "CronJob"}:                     (*visit).newestJob,
	{Group: "tekton.dev", Kind: "TaskRun"}:                (*visit).podOf,
	{Group: "tekton.dev", Kind: "PipelineRun"}:            (*visit).failedRuns,
	{Group: "kpack.io", Kind: "Image"}:                    (*visit).latestBuild,
	{Group: "kpack.io", Kind: "Build"}:                    (*visit).podOf,
	{Group: "serving.knative.dev", Kind: "Service"}:       (*visit).latestConfiguration,
	{Group: "serving.knative.dev", Kind: "Configuration"}: (*visit).latestRevision,
	{Group: "serving.knative.dev", Kind: "Revision"}:      (*visit).revisionDeployment,
}

func (v *visit) below(u *unstructured.Unstructured) []*unstructured.Unstructured {
	if way := ways[u.GroupVersionKind().GroupKind()]; way != nil {
		return way(v, u)
	}
	return nil
}

func (v *visit) newestReplicaSet(u *unstructured.Unstructured) []*unstructured.Unstructured {
	sets := v.list(appsv1.SchemeGroupVersion.WithResource("replicasets"), u, selectorOf(u))
	slices.SortStableFunc(sets, func(a, b *unstructured.Unstructured) int { return cmp.Compare(revision(b), revision(a)) })
	return first(sets, 1)
}

func revision(u *unstructured.Unstructured) int {
	n, _ := strconv.Atoi(u.GetAnnotations()["deployment.kubernetes.io/revision"])
	return n
}

// selectorOf is an object's own selector. One that cannot be read selects nothing.
func selectorOf(u *unstructured.Unstructured) string {
	m, _, _ := unstructured.NestedMap(u.Object, "spec", "selector")
	var s metav1.LabelSelector
	if runtime.DefaultUnstructuredConverter.FromUnstructured(m, &s) != nil {
		return labels.Nothing().String()
	}
	selector, err := metav1.LabelSelectorAsSelector(&s)
	if err != nil {
		return labels.Nothing().String()
	}
	return selector.String()
}

// worstPods are the pods that tell most: those that are not ready, the ones
// that have been tried most often first.
func (v *visit) worstPods(u *unstructured.Unstructured) []*unstructured.Unstructured {
	pods := v.list(podsResource, u, selectorOf(u))
	pods = slices.DeleteFunc(pods, isWell)
	slices.SortStableFunc(pods, func(a, b *unstructured.Unstructured) int { return cmp.Compare(restarts(b), restarts(a)) })
	return first(pods, maxPods)
}

func isWell(pod *unstructured.Unstructured) bool {
	phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase")
	return phase == "Succeeded" || phase == "Running" && isTrue(pod, "Ready")
}

func isTrue(u *unstructured.Unstructured, kind string) bool {
	list, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	return slices.ContainsFunc(list, func(e any) bool {
		c, ok := e.(map[string]any)
		return ok && c["type"] == kind && c["status"] == "True"
	})
}

func restarts(pod *unstructured.Unstructured) int64 {
	var sum int64
	list, _, _ := unstructured.NestedSlice(pod.Object, "status", "containerStatuses")
	for _, e := range list {
		if c, ok := e.(map[string]any); ok {
			n, _, _ := unstructured.NestedInt64(c, "restartCount")
			sum += n
		}
	}
	return sum
}

func first(list []*unstructured.Unstructured, n int) []*unstructured.Unstructured {
	return list[:min(n, len(list))]
}

func (v *visit) newestJob(u *unstructured.Unstructured) []*unstructured.Unstructured {
	return first(v.list(batchv1.SchemeGroupVersion.WithResource("jobs"), u, ""), 1)
}

func (v *visit) podOf(u *unstructured.Unstructured) []*unstructured.Unstructured {
	name, _, _ := unstructured.NestedString(u.Object, "status", "podName")
	return v.get(podsResource, u, name)
}

// failedRuns are those children of a run that did not succeed.
func (v *visit) failedRuns(u *unstructured.Unstructured) []*unstructured.Unstructured {
	children, _, _ := unstructured.NestedSlice(u.Object, "status", "childReferences")
	var out []*unstructured.Unstructured
	for _, e := range children {
		c, _ := e.(map[string]any)
		kind, _ := c["kind"].(string)
		name, _ := c["name"].(string)
		if kind != "TaskRun" || len(out) == maxRuns {
			continue
		}
		for _, run := range v.get(u.GroupVersionKind().GroupVersion().WithResource("taskruns"), u, name) {
			if !isTrue(run, "Succeeded") {
				out = append(out, run)
			}
		}
	}
	return out
}

func (v *visit) latestBuild(u *unstructured.Unstructured) []*unstructured.Unstructured {
	return v.named(u, "builds", "latestBuildRef")
}

func (v *visit) latestConfiguration(u *unstructured.Unstructured) []*unstructured.Unstructured {
	// Knative gives it the name of the service.
	return v.get(u.GroupVersionKind().GroupVersion().WithResource("configurations"), u, u.GetName())
}

func (v *visit) latestRevision(u *unstructured.Unstructured) []*unstructured.Unstructured {
	return v.named(u, "revisions", "latestCreatedRevisionName")
}

func (v *visit) revisionDeployment(u *unstructured.Unstructured) []*unstructured.Unstructured {
	return v.get(appsv1.SchemeGroupVersion.WithResource("deployments"), u, u.GetName()+"-deployment")
}

// named is a child of the same API group that a field of the status names.
func (v *visit) named(u *unstructured.Unstructured, resource, field string) []*unstructured.Unstructured {
	name, _, _ := unstructured.NestedString(u.Object, "status", field)
	return v.get(u.GroupVersionKind().GroupVersion().WithResource(resource), u, name)
}
