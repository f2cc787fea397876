// SPDX-License-Identifier: Apache-2.0

package clone

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ObjectOf reads an object that is a pod or makes pods; false, if it is of another kind. Its parts are the object's own, and
// not to be changed. Labels of its namespace are not its own: whoever needs them adds them.
func ObjectOf(from metav1.Object) (Object, bool) {
	o := Object{
		Subject: Subject{Namespace: from.GetNamespace(), Name: from.GetName(), Owner: ownerOf(from), Under: list(from.GetAnnotations()[TargetAnnotation])},
		UID:     string(from.GetUID()), Version: from.GetResourceVersion(), Own: from.GetAnnotations(),
		Ready: true, // nothing rolls out, but for those that say so below
	}
	switch x := from.(type) {
	case *appsv1.Deployment:
		o.template("Deployment", &x.Spec.Template)
		o.Ready = x.Status.Replicas > 0 && x.Status.Replicas == x.Status.ReadyReplicas
	case *appsv1.StatefulSet:
		o.template("StatefulSet", &x.Spec.Template)
		o.Ready = x.Status.Replicas > 0 && x.Status.Replicas == x.Status.ReadyReplicas
	case *appsv1.DaemonSet:
		o.template("DaemonSet", &x.Spec.Template)
		o.Ready = x.Status.DesiredNumberScheduled > 0 && x.Status.NumberReady == x.Status.DesiredNumberScheduled
	case *batchv1.CronJob:
		o.template("CronJob", &x.Spec.JobTemplate.Spec.Template)
	case *batchv1.Job:
		o.template("Job", &x.Spec.Template)
	case *corev1.Pod:
		o.Kind, o.Spec, o.Labels, o.Annotations = "Pod", &x.Spec, x.Labels, x.Annotations
	default:
		return Object{}, false
	}
	return o, true
}

func (o *Object) template(kind string, t *corev1.PodTemplateSpec) {
	o.Kind, o.Spec, o.Labels, o.Annotations = kind, &t.Spec, t.Labels, t.Annotations
}

// ownerOf is an object's controller, as Kind/name.
func ownerOf(o metav1.Object) string {
	if ref := metav1.GetControllerOf(o); ref != nil {
		return ref.Kind + "/" + ref.Name
	}
	return ""
}

// Account is the service account that an object's pods run as.
func (o Object) Account() string {
	if o.Spec.ServiceAccountName == "" {
		return "default"
	}
	return o.Spec.ServiceAccountName
}
