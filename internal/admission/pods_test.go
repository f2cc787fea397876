// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

// shelf is an inventory that has some copies, by the whole names of their originals.
type shelf struct {
	policies clone.Policies
	has      map[string]bool
	failure  *image.Failure
}

// newShelf follows one policy, which rewrites pods and adds a pull secret.
func newShelf(t *testing.T, has ...string) *shelf {
	t.Helper()
	p := &v1alpha1.ImageClonePolicy{}
	p.Name = "mirror"
	p.Spec.Target.PullName = "reg.example.com/m"
	p.Spec.Rewrite.Strategy = v1alpha1.RewriteAdmission
	p.Spec.Target.Pull.Auth = &v1alpha1.PullAuth{SecretRef: v1alpha1.SecretReference{Name: "pull"}}
	compiled, problems := clone.Compile(p)
	if problems != nil {
		t.Fatal(problems)
	}
	s := &shelf{policies: clone.Policies{compiled}, has: map[string]bool{}}
	for _, h := range has {
		s.has[h] = true
	}
	return s
}

func (s *shelf) Incoming(_ context.Context, namespace string, pod *corev1.Pod, before *corev1.PodSpec) (clone.Policies, clone.Incoming) {
	return s.policies, clone.Incoming{
		Subject: clone.Subject{Kind: "Pod", Namespace: namespace, Name: pod.Name, Labels: pod.Labels}, Own: pod.Annotations, Spec: &pod.Spec, Before: before,
	}
}

func (s *shelf) Known(context.Context, []clone.Choice) func(clone.Choice) clone.Known {
	return func(c clone.Choice) clone.Known {
		if s.has[clone.FullName(c.Origin)] {
			return clone.Known{There: true}
		}
		return clone.Known{Failure: s.failure}
	}
}

// ofPod asks about a pod.
func ofPod(kind, operation, subresource, object, old string) string {
	q := map[string]any{
		"uid": "u-1", "operation": operation, "namespace": "demo", "kind": map[string]any{"version": "v1", "kind": kind}, "object": json.RawMessage(object),
	}
	if subresource != "" {
		q["subResource"] = subresource
	}
	if old != "" {
		q["oldObject"] = json.RawMessage(old)
	}
	raw, err := json.Marshal(map[string]any{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": q})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func TestPodReviews(t *testing.T) {
	const (
		nginx  = `{"spec":{"containers":[{"name":"a","image":"nginx:1"}]}}`
		debug  = `{"spec":{"containers":[{"name":"a","image":"nginx:1"}],"ephemeralContainers":[{"name":"d","image":"nginx:1"}]}}`
		copied = `"path":"/spec/containers/0/image","value":"reg.example.com/m/docker.io/library/nginx:1"`
		added  = `"path":"/spec/ephemeralContainers/0/image","value":"reg.example.com/m/docker.io/library/nginx:1"`
	)
	down := &image.Failure{Reason: image.ReasonUnreachable, Detail: "no route to reg.example.com"}
	for name, c := range map[string]struct {
		why, question string
		has           bool
		failure       *image.Failure
		code          int
		patch         string // a part of it; empty is none
		warned        bool
	}{
		"Made":      {"the copy is there", ofPod("Pod", "CREATE", "", nginx, ""), true, nil, 200, copied, false},
		"Unknown":   {"it is not yet, and that is written down", ofPod("Pod", "CREATE", "", nginx, ""), false, nil, 200, `Copying: a: its copy is not there yet`, false},
		"Down":      {"the target is down: the pod starts with its original", ofPod("Pod", "CREATE", "", nginx, ""), false, down, 200, `OriginKept: a: no route`, false},
		"Debugged":  {"of a pod that runs only what is new can be changed", ofPod("Pod", "UPDATE", "ephemeralcontainers", debug, nginx), true, nil, 200, added, true},
		"Updated":   {"other changes are nobody's business", ofPod("Pod", "UPDATE", "", nginx, nginx), true, nil, 200, "", false},
		"OtherKind": {"whoever asks about something else has made a mistake", ofPod("Binding", "CREATE", "", nginx, ""), true, nil, 400, "", false},
		"Garbage":   {"what cannot be read is not answered, and does no harm: the API server ignores it", "{", true, nil, 400, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			s.has["docker.io/library/nginx:1"], s.failure = c.has, c.failure
			recorder := httptest.NewRecorder()
			Handler(s).ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, podsPath, strings.NewReader(c.question)))
			if recorder.Code != c.code {
				t.Fatalf("%s: answered %d %s", c.why, recorder.Code, recorder.Body)
			}
			if c.code != http.StatusOK {
				return
			}
			var review admissionv1.AdmissionReview
			if err := json.Unmarshal(recorder.Body.Bytes(), &review); err != nil {
				t.Fatal(err)
			}
			r := review.Response
			if !r.Allowed || r.UID != "u-1" || len(r.Warnings) > 0 != c.warned {
				t.Errorf("%s: %+v", c.why, r)
			}
			if c.patch == "" && len(r.Patch) > 0 || !strings.Contains(string(r.Patch), c.patch) {
				t.Errorf("%s: patch %s, want %s", c.why, r.Patch, c.patch)
			}
		})
	}
}

// Without an image cloner nobody answers for pods.
func TestNoImages(t *testing.T) {
	if code, _ := post(podsPath, ofPod("Pod", "CREATE", "", `{}`, "")); code != http.StatusNotFound {
		t.Errorf("answered %d", code)
	}
}
