// SPDX-License-Identifier: Apache-2.0

package blueprint_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/fault"
)

func delivery(t *testing.T, text string) *v1alpha1.ClusterDelivery {
	t.Helper()
	d := &v1alpha1.ClusterDelivery{}
	if err := yaml.UnmarshalStrict([]byte(text), d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOfDelivery(t *testing.T) {
	b := blueprint.Of(delivery(t, `
metadata: {name: d, uid: u, generation: 2}
spec:
  selector: {type: web}
  serviceAccountRef: {name: deployer, namespace: ops}
  params: [{name: p, value: 1}]
  resources:
    - {name: config, templateRef: {kind: ClusterSourceTemplate, name: git}}
    - name: deploy
      templateRef:
        kind: ClusterDeploymentTemplate
        options:
          - {name: a, selector: {matchLabels: {x: a}}}
          - {passThrough: b, selector: {matchLabels: {x: b}}}
      params: [{name: q, default: 2}]
      deployment: {resource: config}
    - {name: test, templateRef: {kind: ClusterTemplate, name: test}, sources: [{name: s, resource: deploy}], configs: [{name: c, resource: other}]}
status: {observedGeneration: 2, conditions: [{type: Ready, status: "True", reason: Ready, message: "", lastTransitionTime: null}]}`))
	if b.Kind != "ClusterDelivery" || b.Name != "d" || b.UID != "u" || b.Generation != 2 || b.ServiceAccount.Namespace != "ops" || len(b.Params) != 1 || b.Ready == nil {
		t.Errorf("compiled %+v", b)
	}
	var producers [][]string
	var templates [][]template.Ref
	for i := range b.Resources {
		producers = append(producers, b.Resources[i].Producers())
		templates = append(templates, b.Resources[i].Templates())
	}
	if diff := cmp.Diff([][]string{nil, {"config"}, {"deploy", "other"}}, producers); diff != "" {
		t.Errorf("who feeds whom:\n%s", diff)
	}
	want := [][]template.Ref{{{Kind: "ClusterSourceTemplate", Name: "git"}}, {{Kind: "ClusterDeploymentTemplate", Name: "a"}}, {{Kind: "ClusterTemplate", Name: "test"}}}
	if diff := cmp.Diff(want, templates); diff != "" {
		t.Errorf("what is stamped:\n%s", diff)
	}
}

// A selector is matched against a deliverable as against a workload, and its trouble told in words that fit.
func TestChooseDelivery(t *testing.T) {
	d := &v1alpha1.Deliverable{}
	d.Labels = map[string]string{"type": "web"}
	o := owner.OfDeliverable(d)
	ready := `status: {conditions: [{type: Ready, status: "True", reason: Ready, message: "", lastTransitionTime: null}]}`
	plain := blueprint.Of(delivery(t, "metadata: {name: plain}\nspec: {selector: {type: web}, resources: []}\n"+ready))
	local := blueprint.Of(delivery(t, "metadata: {name: local}\nspec: {selector: {type: web}, selectorMatchFields: [{key: spec.serviceAccountName, operator: Exists}], resources: []}\n"+ready))
	got, err := blueprint.Choose(&o, []*blueprint.Blueprint{plain, local})
	if err != nil || got.Name != "local" {
		t.Errorf("chose %v, %v, want the one that says more", got, err)
	}
	broken := blueprint.Of(delivery(t, "metadata: {name: broken}\nspec: {selector: {type: web}, selectorMatchFields: [{key: 'spec.params[0]', operator: Exists}], resources: []}"))
	_, err = blueprint.Choose(&o, []*blueprint.Blueprint{plain, broken})
	class, reason := fault.Of(err)
	const want = "matching delivery [broken]: unable to match field requirement with key [spec.params[0]]: evaluate: failed to find results: array index out of bounds: index 0, length 0"
	if class != fault.Reject || reason != "SelectorError" || err.Error() != want {
		t.Errorf("err = %v %v %v, want %s", class, reason, err, want)
	}
}

// The status of every kind is where its object shows it.
func TestStatus(t *testing.T) {
	for kind, empty := range blueprint.New {
		t.Run(kind, func(t *testing.T) {
			object := empty()
			object.SetGeneration(4)
			*blueprint.Status(object) = v1alpha1.BlueprintStatus{ObservedGeneration: 4, Conditions: []metav1.Condition{{Type: "Ready", Reason: "Said"}}}
			if b := blueprint.Of(object); b.Kind != kind || b.Ready == nil || b.Ready.Reason != "Said" {
				t.Errorf("compiled %+v", b)
			}
		})
	}
}
