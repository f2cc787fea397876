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
	"k8s.io/apimachinery/pkg/runtime"
)

const (
	good   = `{"spec":{"template":{"kind":"A"}}}`
	bad    = `{"spec":{}}`
	reason = "invalid template: must specify one of template or ytt, found neither"
)

func question(version, kind, operation, object, old string) string {
	q := map[string]any{"uid": "u-1", "operation": operation, "kind": map[string]any{"group": "carto.run", "version": "v1alpha1", "kind": kind}}
	if object != "" {
		q["object"] = json.RawMessage(object)
	}
	if old != "" {
		q["oldObject"] = json.RawMessage(old)
	}
	raw, err := json.Marshal(map[string]any{"apiVersion": "admission.k8s.io/" + version, "kind": "AdmissionReview", "request": q})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func post(path, body string) (int, string) {
	recorder := httptest.NewRecorder()
	Handler(nil).ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	return recorder.Code, recorder.Body.String()
}

const templates = "/validate-carto-run-v1alpha1-clustertemplate"

func TestVerdicts(t *testing.T) {
	cases := map[string]struct {
		why, question string
		allowed       bool
		message       string
		warnings      int
	}{
		"Good":      {"", question("v1", "ClusterTemplate", "CREATE", good, ""), true, "", 0},
		"Bad":       {"what cannot work is refused", question("v1", "ClusterTemplate", "CREATE", bad, ""), false, reason, 0},
		"Older":     {"older API servers ask in older words", question("v1beta1", "ClusterTemplate", "UPDATE", bad, good), false, reason, 0},
		"Delete":    {"nothing keeps an object from going", question("v1", "ClusterTemplate", "DELETE", "", bad), true, "", 0},
		"SlippedIn": {"what slipped in can be labelled, and is told of", question("v1", "ClusterTemplate", "UPDATE", bad, bad), true, "", 1},
		"Worse":     {"but not be changed for the worse", question("v1", "ClusterTemplate", "UPDATE", `{"spec":{"ytt":""}}`, bad), false, reason, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			status, body := post(templates, c.question)
			var got admissionv1.AdmissionReview
			if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
				t.Fatalf("answered %d %s", status, body)
			}
			r := got.Response
			if r.UID != "u-1" || r.Allowed != c.allowed || len(r.Warnings) != c.warnings || !strings.Contains(c.question, got.APIVersion) {
				t.Errorf("%s: answered %s", c.why, body)
			}
			if r.Result != nil && r.Result.Message != c.message || (r.Result == nil) != c.allowed {
				t.Errorf("%s: said %+v, want %q", c.why, r.Result, c.message)
			}
		})
	}
}

// Every kind that Cartographer's webhooks judged is judged on the same path.
func TestPaths(t *testing.T) {
	for _, kind := range []string{
		"ClusterSupplyChain", "ClusterDelivery", "ClusterSourceTemplate", "ClusterImageTemplate", "ClusterConfigTemplate",
		"ClusterDeploymentTemplate", "ClusterTemplate", "ClusterRunTemplate",
	} {
		status, body := post(prefix+strings.ToLower(kind), question("v1", kind, "CREATE", bad, ""))
		if status != http.StatusOK || !strings.Contains(body, `"allowed":false`) {
			t.Errorf("%s: answered %d %s", kind, status, body)
		}
	}
}

// Whatever arrives is answered.
func TestHostileQuestions(t *testing.T) {
	judged["panics"] = func() runtime.Object { panic("a poison object") }
	defer delete(judged, "panics")
	cases := map[string]struct {
		why, path, body string
		want            int
	}{
		"NoPath":     {"nobody is judged there", "/validate", question("v1", "ClusterTemplate", "CREATE", good, ""), http.StatusNotFound},
		"NoKind":     {"a kind that is not ours", prefix + "pod", question("v1", "Pod", "CREATE", good, ""), http.StatusNotFound},
		"OtherKind":  {"another kind than the path says", templates, question("v1", "Workload", "CREATE", good, ""), http.StatusBadRequest},
		"NoRequest":  {"a review of nothing", templates, `{}`, http.StatusBadRequest},
		"Empty":      {"nothing at all", templates, ``, http.StatusBadRequest},
		"NoJSON":     {"text", templates, `hello`, http.StatusBadRequest},
		"NoObject":   {"a question about nothing", templates, question("v1", "ClusterTemplate", "CREATE", "", ""), http.StatusBadRequest},
		"WrongShape": {"a field of another type", templates, question("v1", "ClusterTemplate", "CREATE", `{"spec":{"ytt":1}}`, ""), http.StatusBadRequest},
		"Deep":       {"lists in lists", templates, question("v1", "ClusterTemplate", "CREATE", `{"spec":{"template":{"kind":"A","a":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+`}}}`, ""), http.StatusOK},
		"TooLarge":   {"more than an API server stores", templates, question("v1", "ClusterTemplate", "CREATE", `"`+strings.Repeat("a", maxBody)+`"`, ""), http.StatusRequestEntityTooLarge},
		"Panic":      {"one that makes us panic", prefix + "panics", question("v1", "Panics", "CREATE", good, ""), http.StatusInternalServerError},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if status, body := post(c.path, c.body); status != c.want {
				t.Errorf("%s: answered %d %.200s, want %d", c.why, status, body, c.want)
			}
		})
	}
	recorder := httptest.NewRecorder()
	Handler(nil).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, templates, nil))
	if recorder.Code != http.StatusMethodNotAllowed {
		t.Errorf("a GET was answered %d", recorder.Code)
	}
}

// FuzzReview: whatever is asked is answered, and never with a crash that was caught.
func FuzzReview(f *testing.F) {
	f.Add("clustertemplate", question("v1", "ClusterTemplate", "CREATE", good, ""))
	f.Add("clustersupplychain", question("v1", "ClusterSupplyChain", "UPDATE", `{"spec":{"selectorMatchFields":[{"key":"spec.params[?("}]}}`, good))
	f.Add("clusterdelivery", question("v1beta1", "ClusterDelivery", "CREATE", `{"spec":{"resources":[{"deployment":null}]}}`, ""))
	f.Fuzz(func(t *testing.T, kind, body string) {
		if judged[kind] == nil {
			return
		}
		if status, said := review(t.Context(), kind, strings.NewReader(body), judgeOf(kind)); status == http.StatusInternalServerError {
			t.Errorf("answered %d %s", status, said)
		}
	})
}

func judgeOf(kind string) judgement {
	return func(_ context.Context, question []byte) (*admissionv1.AdmissionReview, error) {
		return answer(kind, question)
	}
}
