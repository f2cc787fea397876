// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// view is a Runnable as templates see it: unset fields are there and have
// their zero values, and inputs, unlike in the API type, are plain JSON that
// a path can enter.
type view struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec   viewSpec   `json:"spec"`
	Status viewStatus `json:"status"`
}

type viewSpec struct {
	RunTemplateRef     v1alpha1.TemplateReference `json:"runTemplateRef"`
	Selector           *v1alpha1.ResourceSelector `json:"selector,omitempty"`
	Inputs             map[string]any             `json:"inputs,omitempty"`
	ServiceAccountName string                     `json:"serviceAccountName,omitempty"`
	RetentionPolicy    v1alpha1.RetentionPolicy   `json:"retentionPolicy,omitzero"`
	Concurrency        *v1alpha1.RunConcurrency   `json:"concurrency,omitempty"`
	RetryPolicy        *v1alpha1.RunRetryPolicy   `json:"retryPolicy,omitempty"`
}

type viewStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	Outputs            map[string]any     `json:"outputs,omitempty"`
	Cause              string             `json:"cause,omitempty"`
}

type pipelineView struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec   pipelineViewSpec `json:"spec"`
	Status viewStatus       `json:"status"`
}

type pipelineViewSpec struct {
	RunTemplateRef     v1alpha1.PipelineTemplateReference `json:"runTemplateRef"`
	Inputs             map[string]any                     `json:"inputs,omitempty"`
	ServiceAccountName string                             `json:"serviceAccountName,omitempty"`
}

func viewOf(r *v1alpha1.Runnable) *view {
	return &view{
		TypeMeta:   typeMeta(Kind),
		ObjectMeta: r.ObjectMeta,
		Spec: viewSpec{
			RunTemplateRef:     r.Spec.RunTemplateRef,
			Selector:           r.Spec.Selector,
			Inputs:             plain(r.Spec.Inputs),
			ServiceAccountName: r.Spec.ServiceAccountName,
			RetentionPolicy:    r.Spec.RetentionPolicy,
			Concurrency:        r.Spec.Concurrency,
			RetryPolicy:        r.Spec.RetryPolicy,
		},
		Status: viewOfStatus(r.Status),
	}
}

func viewOfPipeline(p *v1alpha1.Pipeline) *pipelineView {
	return &pipelineView{
		TypeMeta:   typeMeta(PipelineKind),
		ObjectMeta: p.ObjectMeta,
		Spec: pipelineViewSpec{
			RunTemplateRef:     p.Spec.RunTemplateRef,
			Inputs:             plain(p.Spec.Inputs),
			ServiceAccountName: p.Spec.ServiceAccountName,
		},
		Status: viewOfStatus(p.Status),
	}
}

func viewOfStatus(s v1alpha1.RunnableStatus) viewStatus {
	return viewStatus{s.ObservedGeneration, s.Conditions, plain(s.Outputs), s.Cause}
}

func typeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: kind}
}

// plain is values as JSON that can be walked. One that is not JSON, which no
// API server stores, is null.
func plain(values map[string]v1alpha1.JSON) map[string]any {
	if values == nil {
		return nil
	}
	out := make(map[string]any, len(values))
	for name, value := range values {
		var v any
		if err := json.Unmarshal(value.Raw, &v); err != nil {
			v = nil
		}
		out[name] = v
	}
	return out
}

// templateContext is what the template of a run sees.
func (r *Runnable) templateContext(selected map[string]any) map[string]any {
	out := maps.Clone(r.seen)
	out["selected"] = nil
	if selected != nil {
		out["selected"] = selected
	}
	return out
}
