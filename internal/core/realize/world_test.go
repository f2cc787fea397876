// SPDX-License-Identifier: Apache-2.0

package realize_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/report"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/memory"
)

var noon = time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)

// run is an owner who follows a chain in a world, walk by walk.
type run struct {
	t        testing.TB
	w        *memory.World
	workload *v1alpha1.Workload
	chain    *v1alpha1.ClusterSupplyChain
	walks    int
	// did is what became of each step in the last walk.
	did map[string]realize.Realized
	err error
}

const web = `
metadata: {name: web}
spec:
  selector: {type: web}
  resources:
    - {name: source, templateRef: {kind: ClusterSourceTemplate, name: source}}
    - {name: image, templateRef: {kind: ClusterImageTemplate, name: image}, sources: [{name: code, resource: source}]}
    - {name: deploy, templateRef: {kind: ClusterTemplate, name: deploy}, images: [{name: app, resource: image}]}
`

const (
	sourceTemplate = `
metadata: {name: source}
spec:
  urlPath: .spec.url
  revisionPath: .spec.revision
  template: {apiVersion: test.run/v1, kind: Source, metadata: {name: app}, spec: {url: "http://url", revision: $(params.revision)$}}
`
	imageTemplate = `
metadata: {name: image}
spec:
  imagePath: .spec.image
  template: {apiVersion: test.run/v1, kind: Image, metadata: {name: app}, spec: {image: "app:$(source.revision)$"}}
`
	deployTemplate = `
metadata: {name: deploy}
spec:
  template: {apiVersion: test.run/v1, kind: Deployment, metadata: {name: app}, spec: {image: $(image)$}}
`
)

// follow is a workload at the start of the chain web.
func follow(t testing.TB) *run {
	t.Helper()
	r := &run{t: t, w: memory.New(), workload: &v1alpha1.Workload{}, chain: &v1alpha1.ClusterSupplyChain{}}
	load(t, web, r.chain)
	r.template(&v1alpha1.ClusterSourceTemplate{}, sourceTemplate)
	r.template(&v1alpha1.ClusterImageTemplate{}, imageTemplate)
	r.template(&v1alpha1.ClusterTemplate{}, deployTemplate)
	load(t, `{metadata: {name: app, namespace: dev, uid: u-1, generation: 1, labels: {type: web}}, spec: {params: [{name: revision, value: r1}]}}`, r.workload)
	return r
}

func load(t testing.TB, text string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

func (r *run) template(object template.Object, text string) {
	r.t.Helper()
	load(r.t, text, object)
	r.w.AddTemplate(object)
}

// secondRevision is the owner's change.
func (r *run) secondRevision() {
	r.workload.Spec.Params[0].Value = v1alpha1.JSON{Raw: []byte(`"r2"`)}
	r.workload.Generation++
}

// walk takes the owner one walk further; its writes are the world's.
func (r *run) walk() v1alpha1.OwnerStatus {
	r.t.Helper()
	r.w.Writes = nil
	r.walks++
	o := owner.OfWorkload(r.workload)
	did := realize.Walk(r.t.Context(), r.w, plan.Resolve(blueprint.OfSupplyChain(r.chain), &o))
	status := report.Status(&o, report.Facts{Walked: true, Realized: did}, noon.Add(time.Duration(r.walks)*time.Minute))
	r.did, r.err = map[string]realize.Realized{}, nil
	for _, d := range did {
		r.did[d.Name] = d
		r.err = errors.Join(r.err, d.Err)
	}
	r.workload.Status.OwnerStatus = status
	return status
}

// wrote fails unless the last walk wrote just this.
func (r *run) wrote(why string, want ...memory.Write) {
	r.t.Helper()
	if fmt.Sprint(want) != fmt.Sprint(r.w.Writes) {
		r.t.Errorf("%s: wrote %v, want %v", why, r.w.Writes, want)
	}
}

func (r *run) edit(kind string, change func(spec map[string]any)) {
	r.t.Helper()
	if !r.w.Edit(kind, "app", func(u *unstructured.Unstructured) { change(u.Object["spec"].(map[string]any)) }) {
		r.t.Fatalf("no %s", kind)
	}
}

func write(verb memory.Verb, resource string) memory.Write {
	return memory.Write{Verb: verb, Resource: resource + ".test.run", Name: "app"}
}

var everything = []memory.Write{write(memory.Create, "sources"), write(memory.Create, "images"), write(memory.Create, "deployments")}
