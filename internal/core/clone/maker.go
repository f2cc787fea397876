// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// makers are the kinds that pods come from, and that policies tell apart, with their groups: a Deployment of another group is
// somebody's own kind.
var makers = map[string]string{
	"Deployment": appsv1.GroupName, "StatefulSet": appsv1.GroupName, "DaemonSet": appsv1.GroupName,
	"CronJob": batchv1.GroupName, "Job": batchv1.GroupName,
}

// MakerOf is what made a pod or a Job, as far as policies know its kind. A ReplicaSet's Deployment is found by the name, which
// ends with the hash that its pods carry, so that ReplicaSets need not be remembered.
func MakerOf(o metav1.Object) (kind, name string, known bool) {
	ref := metav1.GetControllerOf(o)
	if ref == nil {
		return "", "", false
	}
	of := schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind)
	if of.Group == appsv1.GroupName && of.Kind == "ReplicaSet" {
		hash := o.GetLabels()[appsv1.DefaultDeploymentUniqueLabelKey]
		deployment, is := strings.CutSuffix(ref.Name, "-"+hash)
		return "Deployment", deployment, is && hash != ""
	}
	group, is := makers[of.Kind]
	return of.Kind, ref.Name, is && group == of.Group
}
