// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"strings"
	"unique"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Lean drops, in place, all that is never read of an object that is a pod or makes pods; false, if it is of another kind, and
// left as it is. A cluster has thousands of them, and what they hold is nobody's business: the values of their environment
// least of all. What is left must do for ObjectOf, for Decide and for telling whether a rollout is at its end.
func Lean(o any) bool {
	switch x := o.(type) {
	case *appsv1.Deployment:
		s := x.Status
		x.Spec = appsv1.DeploymentSpec{Replicas: x.Spec.Replicas, Template: leanTemplate(&x.Spec.Template)}
		x.Status = appsv1.DeploymentStatus{
			ObservedGeneration: s.ObservedGeneration, Replicas: s.Replicas, UpdatedReplicas: s.UpdatedReplicas,
			ReadyReplicas: s.ReadyReplicas, AvailableReplicas: s.AvailableReplicas,
		}
		x.ObjectMeta = leanMaker(&x.ObjectMeta)
	case *appsv1.StatefulSet:
		s := x.Status
		x.Spec = appsv1.StatefulSetSpec{Replicas: x.Spec.Replicas, Template: leanTemplate(&x.Spec.Template)}
		x.Status = appsv1.StatefulSetStatus{
			ObservedGeneration: s.ObservedGeneration, Replicas: s.Replicas, UpdatedReplicas: s.UpdatedReplicas,
			ReadyReplicas: s.ReadyReplicas, AvailableReplicas: s.AvailableReplicas,
		}
		x.ObjectMeta = leanMaker(&x.ObjectMeta)
	case *appsv1.DaemonSet:
		s := x.Status
		x.Spec = appsv1.DaemonSetSpec{Template: leanTemplate(&x.Spec.Template)}
		x.Status = appsv1.DaemonSetStatus{
			ObservedGeneration: s.ObservedGeneration, DesiredNumberScheduled: s.DesiredNumberScheduled, NumberReady: s.NumberReady,
			UpdatedNumberScheduled: s.UpdatedNumberScheduled, NumberAvailable: s.NumberAvailable,
		}
		x.ObjectMeta = leanMaker(&x.ObjectMeta)
	case *batchv1.CronJob:
		x.Spec = batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: leanTemplate(&x.Spec.JobTemplate.Spec.Template)}}}
		x.Status, x.ObjectMeta = batchv1.CronJobStatus{}, leanMaker(&x.ObjectMeta)
	case *batchv1.Job:
		x.Spec = batchv1.JobSpec{Template: leanTemplate(&x.Spec.Template)}
		x.Status, x.ObjectMeta = batchv1.JobStatus{}, leanMaker(&x.ObjectMeta)
	case *corev1.Pod:
		x.Spec, x.Status = leanSpec(&x.Spec), corev1.PodStatus{}
		labels, annotations := x.Labels, x.Annotations // by which policies choose
		x.ObjectMeta = leanMeta(&x.ObjectMeta)
		x.Labels, x.Annotations = labels, chosenBy(annotations)
	default:
		return false
	}
	return true
}

// leanMaker is the metadata of what makes pods: policies choose by that of the pods, and only our own annotations are read.
func leanMaker(m *metav1.ObjectMeta) metav1.ObjectMeta {
	out := leanMeta(m)
	for key, value := range m.Annotations {
		if !strings.HasPrefix(key, annotationPrefix) {
			continue
		}
		if out.Annotations == nil {
			out.Annotations = map[string]string{}
		}
		out.Annotations[key] = value
	}
	return out
}

// annotationPrefix is that of all our annotations.
const annotationPrefix = "rhumb.run/"

// leanMeta is who an object is, of which version, and who owns it.
func leanMeta(m *metav1.ObjectMeta) metav1.ObjectMeta {
	out := metav1.ObjectMeta{
		Name: m.Name, Namespace: one(m.Namespace), UID: m.UID, ResourceVersion: m.ResourceVersion, Generation: m.Generation,
		DeletionTimestamp: m.DeletionTimestamp,
	}
	if ref := metav1.GetControllerOf(m); ref != nil {
		yes := true
		out.OwnerReferences = []metav1.OwnerReference{{APIVersion: one(ref.APIVersion), Kind: one(ref.Kind), Name: one(ref.Name), Controller: &yes}}
	}
	return out
}

func leanTemplate(t *corev1.PodTemplateSpec) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: t.Labels, Annotations: chosenBy(t.Annotations)},
		Spec:       leanSpec(&t.Spec),
	}
}

// chosenBy are the annotations that a policy may choose by: all, but for a copy of the whole object.
func chosenBy(annotations map[string]string) map[string]string {
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	return annotations
}

// leanSpec is what names images, and the pull secrets.
func leanSpec(s *corev1.PodSpec) corev1.PodSpec {
	out := corev1.PodSpec{
		InitContainers: leanContainers(s.InitContainers), Containers: leanContainers(s.Containers),
		ImagePullSecrets: s.ImagePullSecrets, ServiceAccountName: one(s.ServiceAccountName),
	}
	for _, v := range s.Volumes {
		if v.Image == nil {
			continue
		}
		out.Volumes = append(out.Volumes, corev1.Volume{Name: one(v.Name), VolumeSource: corev1.VolumeSource{
			Image: &corev1.ImageVolumeSource{Reference: one(v.Image.Reference), PullPolicy: v.Image.PullPolicy},
		}})
	}
	for _, c := range s.EphemeralContainers {
		out.EphemeralContainers = append(out.EphemeralContainers, corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name: one(c.Name), Image: one(c.Image), ImagePullPolicy: pull(c.ImagePullPolicy),
		}})
	}
	return out
}

func leanContainers(all []corev1.Container) []corev1.Container {
	if len(all) == 0 {
		return nil
	}
	out := make([]corev1.Container, 0, len(all))
	for _, c := range all {
		out = append(out, corev1.Container{Name: one(c.Name), Image: one(c.Image), ImagePullPolicy: pull(c.ImagePullPolicy)})
	}
	return out
}

func pull(p corev1.PullPolicy) corev1.PullPolicy { return corev1.PullPolicy(one(string(p))) }

// one is the text that stands for all equal ones: pods of one template say the same.
func one(text string) string {
	if text == "" {
		return ""
	}
	return unique.Make(text).Value()
}
