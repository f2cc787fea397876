// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/internal/core/clone"
)

const (
	// podsPath is where pods are asked about.
	podsPath = "/mutate-pods"
	podKind  = "pod"
	// within is how long an answer may take: less than the API server waits.
	within = 900 * time.Millisecond
)

// Images knows what a pod's images have to be known by.
type Images interface {
	// Incoming is a pod as policies see it. Before is what it was, if it runs and containers are added to it.
	Incoming(ctx context.Context, namespace string, pod *corev1.Pod, before *corev1.PodSpec) (clone.Policies, clone.Incoming)
	// Known is how the copies are. It answers when ctx ends at the latest.
	Known(ctx context.Context, choices []clone.Choice) func(clone.Choice) clone.Known
}

// answerPod says which copies a pod is to use. It never refuses one.
func answerPod(ctx context.Context, images Images, body []byte) (*admissionv1.AdmissionReview, error) {
	review := &admissionv1.AdmissionReview{}
	if err := json.Unmarshal(body, review); err != nil {
		return nil, fmt.Errorf("reading the review: %w", err)
	}
	if review.Request == nil {
		return nil, errors.New("reading the review: it has no request")
	}
	began := time.Now()
	response, err := admitPod(ctx, images, review.Request)
	if err != nil {
		return nil, err
	}
	podSeconds.Observe(time.Since(began).Seconds())
	response.UID, response.Allowed = review.Request.UID, true
	return &admissionv1.AdmissionReview{TypeMeta: review.TypeMeta, Response: response}, nil
}

// subresource is how containers are added to a pod that runs.
const subresource = "ephemeralcontainers"

func admitPod(ctx context.Context, images Images, q *admissionv1.AdmissionRequest) (*admissionv1.AdmissionResponse, error) {
	made := q.Operation == admissionv1.Create && q.SubResource == ""
	added := q.Operation == admissionv1.Update && q.SubResource == subresource
	if !made && !added {
		return &admissionv1.AdmissionResponse{}, nil
	}
	if q.Kind != (metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}) {
		return nil, fmt.Errorf("asked about a %s where pods are", q.Kind.Kind)
	}
	pod, before := &corev1.Pod{}, (*corev1.PodSpec)(nil)
	if err := json.Unmarshal(q.Object.Raw, pod); err != nil {
		return nil, fmt.Errorf("reading the pod: %w", err)
	}
	if added {
		was := &corev1.Pod{}
		if err := json.Unmarshal(q.OldObject.Raw, was); err != nil {
			return nil, fmt.Errorf("reading the pod as it was: %w", err)
		}
		before = &was.Spec
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	policies, in := images.Incoming(ctx, q.Namespace, pod, before)
	if len(policies) == 0 {
		return &admissionv1.AdmissionResponse{}, nil
	}
	known := func(clone.Choice) clone.Known { return clone.Known{} }
	if asks := policies.Asks(in); len(asks) > 0 {
		known = images.Known(ctx, asks)
	}
	return respond(policies.Admit(in, known))
}

func respond(admitted clone.Admitted) (*admissionv1.AdmissionResponse, error) {
	response := &admissionv1.AdmissionResponse{Warnings: admitted.Told}
	for _, v := range admitted.Verdicts {
		result := v.Why
		if v.To != "" {
			result = resultRewritten
		}
		podImages.WithLabelValues(result).Inc()
	}
	if len(admitted.Patch) == 0 {
		return response, nil
	}
	raw, err := json.Marshal(admitted.Patch)
	if err != nil {
		return nil, fmt.Errorf("encoding the patch: %w", err)
	}
	kind := admissionv1.PatchTypeJSONPatch
	response.Patch, response.PatchType = raw, &kind
	return response, nil
}
