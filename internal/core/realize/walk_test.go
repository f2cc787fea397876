// SPDX-License-Identifier: Apache-2.0

package realize_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/fault"
	"rhumb.run/rhumb/internal/memory"
)

func TestWalkWritesWhatDiffers(t *testing.T) {
	r := follow(t)
	r.walk()
	r.wrote("nothing is there", everything...)
	r.walk()
	r.wrote("all is there")
	r.secondRevision()
	r.walk()
	r.wrote("a new revision runs down the chain in one walk", write(memory.Patch, "sources"), write(memory.Patch, "images"), write(memory.Patch, "deployments"))
	r.walk()
	r.wrote("and is there")
	r.template(&v1alpha1.ClusterTemplate{}, strings.Replace(deployTemplate, "image: $(image)$", "image: $(image)$, replicas: 2", 1))
	r.walk()
	r.wrote("a template changed", write(memory.Patch, "deployments"))
	if r.err != nil {
		t.Error(r.err)
	}
}

// What the core knows of the past stands on the objects: with the status lost,
// as after a restore, nothing is written again.
func TestWalkWithoutAStatus(t *testing.T) {
	r := follow(t)
	r.walk()
	r.workload.Status = v1alpha1.WorkloadStatus{}
	r.walk()
	r.wrote("all is there, though nobody remembers")
}

func TestWalkReadsOnlyWhatBelongs(t *testing.T) {
	r := follow(t)
	r.template(&v1alpha1.ClusterImageTemplate{}, strings.Replace(imageTemplate, ".spec.image", ".status.image", 1))
	about := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "test.run/v1", "kind": "Image", "metadata": map[string]any{"name": "app", "namespace": "dev"}}}
	built := func(generation int64, image string) {
		r.w.Report(about, map[string]any{"observedGeneration": generation, "image": image})
	}
	deployed := func() any {
		u := r.w.Find("Deployment", "app")
		if u == nil {
			return nil
		}
		return u.Object["spec"].(map[string]any)["image"]
	}
	r.walk()
	if deployed() != nil {
		t.Error("deployed before anything was built")
	}
	built(1, "one")
	status := r.walk()
	if deployed() != "one" || status.Resources[1].Record.ObservedGeneration != 1 {
		t.Errorf("deployed %v, observed at %d", deployed(), status.Resources[1].Record.ObservedGeneration)
	}
	r.secondRevision()
	status = r.walk()
	if deployed() != "one" || len(status.Resources[1].Outputs) != 0 {
		t.Errorf("the image of the older spec was handed on: deployed %v, outputs %v", deployed(), status.Resources[1].Outputs)
	}
	built(2, "two")
	if r.walk(); deployed() != "two" {
		t.Errorf("deployed %v", deployed())
	}
}

// The deployment of a delivery's step reaches its template as a source without a name.
func TestWalkGivesTheDeployment(t *testing.T) {
	r := follow(t)
	r.template(&v1alpha1.ClusterTemplate{}, `
metadata: {name: deploy}
spec: {template: {apiVersion: test.run/v1, kind: Deployment, metadata: {name: app}, spec: {deployment: $(deployment)$}}}`)
	b := blueprint.OfSupplyChain(r.chain)
	for deployment, want := range map[string]any{
		"source": map[string]any{"url": "http://url", "revision": "r1", "name": ""},
		"image":  nil, // not of that sort
		"":       nil,
	} {
		b.Resources[2].Images, b.Resources[2].Deployment = nil, deployment
		o := owner.OfWorkload(r.workload)
		realize.Walk(t.Context(), r.w, plan.Resolve(b, &o))
		if diff := cmp.Diff(map[string]any{"deployment": want}, r.w.Find("Deployment", "app").Object["spec"]); diff != "" {
			t.Errorf("deployment %q:\n%s", deployment, diff)
		}
	}
}

// Inputs of the wrong sort, which admission refuses, are no inputs.
func TestWalkGivesInputsOfTheirSort(t *testing.T) {
	r := follow(t)
	r.chain.Spec.Resources[2].Sources = []v1alpha1.ResourceReference{{Name: "not-a-source", Resource: "image"}}
	r.chain.Spec.Resources[2].Images = []v1alpha1.ResourceReference{{Name: "not-an-image", Resource: "source"}}
	r.template(&v1alpha1.ClusterTemplate{}, `
metadata: {name: deploy}
spec: {template: {apiVersion: test.run/v1, kind: Deployment, metadata: {name: app}, spec: {sources: $(sources)$, images: $(images)$}}}`)
	r.walk()
	want := map[string]any{"sources": map[string]any{}, "images": map[string]any{}}
	if diff := cmp.Diff(want, r.w.Find("Deployment", "app").Object["spec"]); diff != "" {
		t.Error(diff)
	}
}

func TestWalkRecords(t *testing.T) {
	r := follow(t)
	first := r.walk()
	rec := func(s v1alpha1.OwnerStatus, i int) v1alpha1.Record { return *s.Resources[i].Record }
	for i, resource := range first.Resources {
		if rec(first, i).InputsDigest == "" || rec(first, i).AppliedDigest == "" {
			t.Errorf("%s: record %+v", resource.Name, rec(first, i))
		}
	}
	if got, want := r.w.Find("Image", "app").GetAnnotations()[realize.DigestAnnotation], rec(first, 1).AppliedDigest; got != want {
		t.Errorf("the object says %s, the record %s", got, want)
	}
	r.secondRevision()
	second := r.walk()
	for i, resource := range second.Resources {
		if rec(first, i).InputsDigest == rec(second, i).InputsDigest || rec(first, i).AppliedDigest == rec(second, i).AppliedDigest {
			t.Errorf("%s: other inputs, the same record", resource.Name)
		}
	}
	tagged := &v1alpha1.ClusterTemplate{}
	tagged.UID, tagged.Generation = "t-1", 4
	r.template(tagged, strings.Replace(deployTemplate, "name: deploy", "name: deploy, uid: t-1, generation: 4", 1))
	third := rec(r.walk(), 2)
	if third.TemplateUID != "t-1" || third.TemplateGeneration != 4 || third.InputsDigest != rec(second, 2).InputsDigest {
		t.Errorf("another template, the same inputs: %+v after %+v", third, rec(second, 2))
	}
}

// What an error asks of the loop, by where it comes from.
func TestWalkClasses(t *testing.T) {
	lost := errors.New("connection lost")
	refused := fault.As(fault.Deny, "", errors.New("forbidden"))
	cases := map[string]struct {
		why    string
		call   string
		err    error
		class  fault.Class
		reason string
	}{
		"TemplateLost":  {"a template that cannot be read passes", "read clusterimagetemplates.carto.run/image", lost, fault.Retry, "TemplateObjectRetrievalFailure"},
		"ObserveLost":   {"so does an object that cannot be", "observe images.test.run/app", lost, fault.Retry, "TemplateRejectedByAPIServer"},
		"ObserveDenied": {"a right may be missing to look", "observe images.test.run/app", refused, fault.Deny, "TemplateRejectedByAPIServer"},
		"ApplyLost":     {"and to write", "create images.test.run/app", lost, fault.Retry, "TemplateRejectedByAPIServer"},
		"ApplyDenied":   {"or the connection", "create images.test.run/app", refused, fault.Deny, "TemplateRejectedByAPIServer"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := follow(t)
			r.w.Before = func(call memory.Call) error {
				if call.String() == c.call {
					return c.err
				}
				return nil
			}
			r.walk()
			if class, reason := fault.Of(r.did["image"].Err); class != c.class || reason != c.reason {
				t.Errorf("%s: %v %s, want %v %s: %v", c.why, class, reason, c.class, c.reason, r.did["image"].Err)
			}
			if class, reason := fault.Of(r.did["deploy"].Err); class != fault.Reject || reason != "TemplateStampFailure" {
				t.Errorf("what waits for it: %v %s", class, reason)
			}
			if r.did["source"].Err != nil {
				t.Errorf("what comes before it: %v", r.did["source"].Err)
			}
		})
	}
	t.Run("NoTemplate", func(t *testing.T) {
		r := follow(t)
		r.w.RemoveTemplate(template.Ref{Kind: template.ImageKind, Name: "image"})
		r.walk()
		if class, reason := fault.Of(r.did["image"].Err); class != fault.Reject || reason != "TemplateObjectRetrievalFailure" {
			t.Errorf("a template that is not there wakes us when it is: %v %s", class, reason)
		}
	})
}

func TestWalkRefusesToStamp(t *testing.T) {
	cases := map[string]struct {
		why, lifecycle, metadata, param, want string
	}{
		"Param":        {"a param that is no JSON", "mutable", "{name: app}", `{`, "reading param [revision]: "},
		"Nameless":     {"an object that is kept up to date is found by its name", "mutable", "{generateName: app-}", `"r1"`, "rendered object has no metadata.name"},
		"NamelessRuns": {"a run's name begins with something", "immutable", "{}", `"r1"`, "rendered object has neither metadata.name nor metadata.generateName"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := follow(t)
			r.template(&v1alpha1.ClusterTemplate{}, strings.NewReplacer("  template:", "  lifecycle: "+c.lifecycle+"\n  template:", "{name: app}", c.metadata).Replace(deployTemplate))
			r.workload.Spec.Params[0].Value.Raw = []byte(c.param)
			r.walk()
			err := r.did["deploy"].Err
			class, reason := fault.Of(err)
			if err == nil || !strings.Contains(err.Error(), c.want) || class != fault.Reject || reason != "TemplateStampFailure" {
				t.Errorf("%s: %v %s: %v, want %q", c.why, class, reason, err, c.want)
			}
			if r.w.Find("Deployment", "app") != nil {
				t.Errorf("%s: stamped all the same", c.why)
			}
		})
	}
}

// An object that yields nothing is never awaited; what it has observed is on record all the same.
func TestWalkRecordsWhatWasObserved(t *testing.T) {
	r := follow(t)
	r.walk()
	r.secondRevision()
	about := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "test.run/v1", "kind": "Deployment", "metadata": map[string]any{"name": "app", "namespace": "dev"}}}
	r.w.Report(about, map[string]any{"observedGeneration": int64(1)})
	status := r.walk()
	if got := status.Resources[2].Record.ObservedGeneration; got != 1 || r.did["deploy"].Err != nil {
		t.Errorf("observed %d, %v; want 1 of 2, and no complaint", got, r.did["deploy"].Err)
	}
}

// Killed before or after any call to the world, the next walks come to the
// same end, and write nothing that is there.
func TestWalkSurvivesBeingKilled(t *testing.T) {
	undisturbed := follow(t)
	undisturbed.walk()
	undisturbed.secondRevision()
	undisturbed.walk()
	want := end(t, undisturbed)
	killed := errors.New("killed")
	for _, after := range []bool{false, true} {
		for k := 1; ; k++ {
			r := follow(t)
			r.walk()
			r.secondRevision()
			calls := 0
			kill := func(memory.Call) error {
				if calls++; calls >= k {
					return killed
				}
				return nil
			}
			if after {
				r.w.After = kill
			} else {
				r.w.Before = kill
			}
			before := r.workload.Status
			r.walk()
			r.workload.Status = before // no status was written either
			r.w.Before, r.w.After = nil, nil
			if calls < k {
				break
			}
			r.walk()
			if diff := cmp.Diff(want, end(t, r)); diff != "" {
				t.Errorf("killed at call %d (after it: %v), the end is another:\n%s", k, after, diff)
			}
			r.walk()
			r.wrote(fmt.Sprintf("killed at call %d, then all was put right", k))
		}
	}
}

// end is where a run came to: every object and the status, times aside.
func end(t *testing.T, r *run) string {
	t.Helper()
	raw, err := json.MarshalIndent(map[string]any{"objects": r.w.Objects(), "status": r.workload.Status}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return times.ReplaceAllString(string(raw), "")
}

var times = regexp.MustCompile(`"lastTransitionTime": "[^"]*"`)

// The same facts give the same bytes, however often and in whichever process.
func TestWalkIsByteStable(t *testing.T) {
	first := ""
	for i := range 100 {
		r := follow(t)
		r.template(&v1alpha1.ClusterTemplate{}, `
metadata: {name: deploy}
spec:
  params: [{name: a, default: {z: 1, y: [{x: 2, w: 3}]}}]
  template:
    apiVersion: test.run/v1
    kind: Deployment
    metadata: {name: app}
    spec: {i: $(image)$, p: $(params)$, t: "p=$(params)$ l=$(labels)$", w: "$(workload.metadata.labels)$", $(x)$: key}`)
		raw, err := json.Marshal(map[string]any{"status": r.walk(), "objects": r.w.Objects()})
		if err != nil || r.err != nil {
			t.Fatal(err, r.err)
		}
		if i == 0 {
			first = string(raw)
		}
		if string(raw) != first {
			t.Fatalf("run %d differs:\n%s", i, cmp.Diff(first, string(raw)))
		}
	}
}
