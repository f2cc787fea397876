// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/admit"
)

// judged makes an empty object of each kind that is asked about, by the last
// part of its path, as Cartographer's webhooks had it. Owners are not among
// them: a request for each would be a tax on what there is most of.
var judged = map[string]func() runtime.Object{}

func init() {
	for _, object := range []runtime.Object{
		&v1alpha1.ClusterSupplyChain{}, &v1alpha1.ClusterDelivery{}, &v1alpha1.ClusterSourceTemplate{},
		&v1alpha1.ClusterImageTemplate{}, &v1alpha1.ClusterConfigTemplate{}, &v1alpha1.ClusterDeploymentTemplate{},
		&v1alpha1.ClusterTemplate{}, &v1alpha1.ClusterRunTemplate{},
	} {
		kind := reflect.TypeOf(object).Elem()
		judged[strings.ToLower(kind.Name())] = func() runtime.Object {
			return reflect.New(kind).Interface().(runtime.Object)
		}
	}
}

// answer judges what a review asks about. An error means that the question was
// not understood; the API server then does as its configuration says.
func answer(kind string, body []byte) (*admissionv1.AdmissionReview, error) {
	// v1beta1 has the same shape, and is answered in its own name.
	review := &admissionv1.AdmissionReview{}
	if err := json.Unmarshal(body, review); err != nil {
		return nil, fmt.Errorf("reading the review: %w", err)
	}
	if review.Request == nil {
		return nil, errors.New("reading the review: it has no request")
	}
	out := &admissionv1.AdmissionReview{TypeMeta: review.TypeMeta}
	response, err := judge(kind, review.Request)
	if err != nil {
		return nil, err
	}
	response.UID = review.Request.UID
	out.Response = response
	return out, nil
}

func judge(kind string, request *admissionv1.AdmissionRequest) (*admissionv1.AdmissionResponse, error) {
	if request.Operation != admissionv1.Create && request.Operation != admissionv1.Update {
		return &admissionv1.AdmissionResponse{Allowed: true}, nil
	}
	if got := strings.ToLower(request.Kind.Kind); got != kind {
		return nil, fmt.Errorf("asked about a %q where a %q is judged", got, kind)
	}
	object := judged[kind]()
	if err := json.Unmarshal(request.Object.Raw, object); err != nil {
		return nil, fmt.Errorf("reading the object: %w", err)
	}
	problems, _ := admit.Of(object)
	message, refused := admit.Refusal(problems)
	response := &admissionv1.AdmissionResponse{Allowed: true, Warnings: admit.Warnings(problems)}
	switch {
	case refused && request.Operation == admissionv1.Update && sameSpec(request.OldObject.Raw, request.Object.Raw):
		// What slipped in once can still be labelled, and let go.
		response.Warnings = append(response.Warnings, message)
	case refused:
		response.Allowed, response.Warnings = false, nil
		response.Result = &metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: message,
		}
	}
	return response, nil
}

func sameSpec(before, after []byte) bool {
	var a, b struct{ Spec any }
	return json.Unmarshal(before, &a) == nil && json.Unmarshal(after, &b) == nil && reflect.DeepEqual(a.Spec, b.Spec)
}
