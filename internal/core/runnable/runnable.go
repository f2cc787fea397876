// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	"fmt"
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/template"
)

// The kinds of runnable, and what messages call them.
const (
	Kind         = "Runnable"
	PipelineKind = "Pipeline"
)

// Object is a Runnable or a Pipeline as the API server stores it.
type Object interface {
	metav1.Object
	runtime.Object
}

// New makes an empty API object of each kind.
var New = map[string]func() Object{
	Kind:         func() Object { return &v1alpha1.Runnable{} },
	PipelineKind: func() Object { return &v1alpha1.Pipeline{} },
}

// Of views a Runnable or a Pipeline.
func Of(object Object) Runnable {
	switch o := object.(type) {
	case *v1alpha1.Runnable:
		return ofRunnable(o)
	case *v1alpha1.Pipeline:
		return ofPipeline(o)
	}
	panic(fmt.Sprintf("no such runnable kind: %T", object))
}

// Runnable is what the core needs to know of a Runnable or a Pipeline.
type Runnable struct {
	Kind       string
	Namespace  string
	Name       string
	UID        types.UID
	Generation int64

	Template       template.Ref
	Selector       *v1alpha1.ResourceSelector
	ServiceAccount string
	Retention      v1alpha1.RetentionPolicy
	// CancelSuperseded ends what has not finished when newer inputs make another run.
	CancelSuperseded bool
	// Retry is nil if a run that failed is left at that.
	Retry *v1alpha1.RunRetryPolicy

	Status v1alpha1.RunnableStatus

	// AnyRun reads outputs of the newest run that shows all of them, whether
	// or not it has succeeded, as pipelines did.
	AnyRun bool

	// seen is what templates see under each name.
	seen map[string]any
	// extra are labels beside those of every run.
	extra map[string]string
}

func ofRunnable(r *v1alpha1.Runnable) Runnable {
	return Runnable{
		Kind: Kind, Namespace: r.Namespace, Name: r.Name, UID: r.UID, Generation: r.Generation,
		Template:         template.Ref{Kind: template.RunKind, Name: r.Spec.RunTemplateRef.Name},
		Selector:         r.Spec.Selector,
		ServiceAccount:   r.Spec.ServiceAccountName,
		Retention:        r.Spec.RetentionPolicy,
		CancelSuperseded: r.Spec.Concurrency != nil && r.Spec.Concurrency.CancelSuperseded,
		Retry:            r.Spec.RetryPolicy,
		Status:           r.Status,
		seen:             map[string]any{"runnable": viewOf(r)},
	}
}

// ofPipeline views a Pipeline. Templates see it as runnable too.
func ofPipeline(p *v1alpha1.Pipeline) Runnable {
	ref := template.Ref{Kind: template.NamespacedRunKind, Name: p.Spec.RunTemplateRef.Name, Namespace: p.Spec.RunTemplateRef.Namespace}
	switch {
	case p.Spec.RunTemplateRef.Kind == template.RunKind:
		ref.Kind, ref.Namespace = template.RunKind, ""
	case ref.Namespace == "":
		ref.Namespace = p.Namespace
	}
	seen := viewOfPipeline(p)
	return Runnable{
		Kind: PipelineKind, Namespace: p.Namespace, Name: p.Name, UID: p.UID, Generation: p.Generation,
		Template:       ref,
		ServiceAccount: p.Spec.ServiceAccountName,
		Status:         p.Status,
		AnyRun:         true,
		seen:           map[string]any{"runnable": seen, "pipeline": seen},
		extra: map[string]string{
			v1alpha1.PipelineNameLabel:         p.Name,
			v1alpha1.PipelineNamespaceLabel:    p.Namespace,
			v1alpha1.RunTemplateNamespaceLabel: ref.Namespace,
		},
	}
}

// Account is the service account in whose name runs are made.
func (r *Runnable) Account() types.NamespacedName {
	if r.ServiceAccount == "" {
		return types.NamespacedName{Namespace: r.Namespace, Name: "default"}
	}
	return types.NamespacedName{Namespace: r.Namespace, Name: r.ServiceAccount}
}

// Reference is what runs carry of the one whose they are.
func (r *Runnable) Reference() metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{
		APIVersion:         v1alpha1.SchemeGroupVersion.String(),
		Kind:               r.Kind,
		Name:               r.Name,
		UID:                r.UID,
		Controller:         &yes,
		BlockOwnerDeletion: &yes,
	}
}

// labels are the marks by which runs are found again.
func (r *Runnable) labels() map[string]string {
	out := map[string]string{
		v1alpha1.RunnableNameLabel:    r.Name,
		v1alpha1.RunTemplateNameLabel: r.Template.Name,
	}
	maps.Copy(out, r.extra)
	for key, value := range out {
		out[key] = realize.LabelValue(value)
	}
	return out
}
