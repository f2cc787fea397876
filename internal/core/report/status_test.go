// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/report"
	"rhumb.run/rhumb/internal/fault"
	"rhumb.run/rhumb/internal/memory"
)

var noon = time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)

func app(status v1alpha1.OwnerStatus) owner.Owner {
	w := &v1alpha1.Workload{}
	w.Namespace, w.Name, w.UID, w.Generation = "dev", "app", "u-1", 7
	w.Status.OwnerStatus = status
	return owner.OfWorkload(w)
}

func at(condition metav1.Condition) metav1.Condition {
	condition.LastTransitionTime = metav1.NewTime(noon)
	return condition
}

// How far an owner came decides which conditions it has; what it knew of its
// resources stays until they are walked again.
func TestStatusShortOfAWalk(t *testing.T) {
	before := shown("x", yields("url", "1"), health("True"))
	before.Orphans = []v1alpha1.StampedRef{*ref("v1", "ConfigMap", "orphan")}
	before.Conditions = []metav1.Condition{{Type: "ResourcesHealthy", Status: "True", Reason: "HealthyConditionRule"}, {Type: "Ready", Status: "True", Reason: "Ready"}}
	cases := map[string]struct {
		why   string
		facts report.Facts
		want  []metav1.Condition
	}{
		"NoBlueprint": {"no chain: nothing is said of resources", report.Facts{BlueprintErr: fault.Rejectf("SupplyChainNotFound", "none")}, []metav1.Condition{
			at(metav1.Condition{Type: "SupplyChainReady", Status: "False", Reason: "SupplyChainNotFound", Message: "none"}),
			at(metav1.Condition{Type: "Ready", Status: "False", Reason: "SupplyChainNotFound", Message: "none"}),
		}},
		"NotChecked": {"a chain that is awaited is no chain yet", report.Facts{BlueprintErr: fault.Waitf("BlueprintNotReady", "soon")}, []metav1.Condition{
			at(metav1.Condition{Type: "SupplyChainReady", Status: "Unknown", Reason: "BlueprintNotReady", Message: "soon"}),
			at(metav1.Condition{Type: "Ready", Status: "Unknown", Reason: "BlueprintNotReady", Message: "soon"}),
		}},
		"Unlisted": {"an error without a reason has one", report.Facts{BlueprintErr: errors.New("eof")}, []metav1.Condition{
			at(metav1.Condition{Type: "SupplyChainReady", Status: "False", Reason: "UnknownError", Message: "eof"}),
			at(metav1.Condition{Type: "Ready", Status: "False", Reason: "UnknownError", Message: "eof"}),
		}},
		"NoReasonAtAll": {"a chain whose own reason is empty does not spoil the status", report.Facts{BlueprintErr: fault.Rejectf("", "odd")}, []metav1.Condition{
			at(metav1.Condition{Type: "SupplyChainReady", Status: "False", Reason: "UnknownError", Message: "odd"}),
			at(metav1.Condition{Type: "Ready", Status: "False", Reason: "UnknownError", Message: "odd"}),
		}},
		"NoAccount": {"nobody acts: health is not spoken of", report.Facts{IdentityErr: errors.New("no account")}, []metav1.Condition{
			at(metav1.Condition{Type: "SupplyChainReady", Status: "True", Reason: "Ready"}),
			at(metav1.Condition{Type: "ResourcesSubmitted", Status: "False", Reason: "ServiceAccountError", Message: "no account"}),
			at(metav1.Condition{Type: "Ready", Status: "False", Reason: "ServiceAccountError", Message: "no account"}),
		}},
		"NoClient": {"under the reason that was given", report.Facts{IdentityErr: fault.Retryf("ResourceRealizerBuilderError", "can't build client: x")}, []metav1.Condition{
			at(metav1.Condition{Type: "SupplyChainReady", Status: "True", Reason: "Ready"}),
			at(metav1.Condition{Type: "ResourcesSubmitted", Status: "False", Reason: "ResourceRealizerBuilderError", Message: "can't build client: x"}),
			at(metav1.Condition{Type: "Ready", Status: "False", Reason: "ResourceRealizerBuilderError", Message: "can't build client: x"}),
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := app(before)
			want := before
			want.ObservedGeneration, want.Conditions = 7, c.want
			got := report.Status(&o, c.facts, noon)
			got.Cause = "" // TestCause's
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

func TestBlueprint(t *testing.T) {
	healthy := report.Blueprint(v1alpha1.BlueprintStatus{}, 3, nil, noon)
	want := v1alpha1.BlueprintStatus{ObservedGeneration: 3, Conditions: []metav1.Condition{
		at(metav1.Condition{Type: "TemplatesReady", Status: "True", Reason: "Ready"}),
		at(metav1.Condition{Type: "Ready", Status: "True", Reason: "Ready"}),
	}}
	if diff := cmp.Diff(want, healthy); diff != "" {
		t.Errorf("all templates are there:\n%s", diff)
	}
	const message = "did not find the template of the resource(s) [a, b, b]"
	want = v1alpha1.BlueprintStatus{ObservedGeneration: 4, Conditions: []metav1.Condition{
		at(metav1.Condition{Type: "TemplatesReady", Status: "False", Reason: "TemplatesNotFound", Message: message}),
		at(metav1.Condition{Type: "Ready", Status: "False", Reason: "TemplatesNotFound", Message: message}),
	}}
	if diff := cmp.Diff(want, report.Blueprint(v1alpha1.BlueprintStatus{}, 4, []string{"a", "b", "b"}, noon)); diff != "" {
		t.Errorf("some are not:\n%s", diff)
	}
	if got := report.Blueprint(v1alpha1.BlueprintStatus{}, 4, []string{"a"}, noon).Conditions[0].Message; got != "did not find the template of the resource(s) [a]" {
		t.Errorf("one is missing: %s", got)
	}
	if diff := cmp.Diff(healthy, report.Blueprint(healthy, 3, nil, noon.Add(time.Hour))); diff != "" {
		t.Errorf("nothing changed, and the status did:\n%s", diff)
	}
}

// world has a chain of three: one that yields, one that is passed on, one that cannot be filled in.
func world() (*memory.World, *blueprint.Blueprint) {
	w := memory.New()
	image := &v1alpha1.ClusterImageTemplate{}
	image.Name = "image"
	image.Spec.ImagePath = ".data.image"
	image.Spec.Template = raw(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"image":"registry/app"}}`)
	w.AddTemplate(image)
	broken := &v1alpha1.ClusterTemplate{}
	broken.Name = "broken"
	broken.Spec.Template = raw(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"$(nothing)$"}}`)
	w.AddTemplate(broken)
	chain := &v1alpha1.ClusterSupplyChain{}
	chain.Name = "web"
	chain.Spec.Resources = []v1alpha1.SupplyChainResource{
		{Name: "r", TemplateRef: v1alpha1.SupplyChainTemplateReference{Kind: "ClusterImageTemplate", Name: "image"}},
		{Name: "broken", TemplateRef: v1alpha1.SupplyChainTemplateReference{Kind: "ClusterTemplate", Name: "broken"}},
	}
	return w, blueprint.OfSupplyChain(chain)
}

func raw(text string) *runtime.RawExtension { return &runtime.RawExtension{Raw: []byte(text)} }

// Statuses come back from backups, from other versions and from people's hands:
// none of them ends the process, and what is made of one holds still.
func FuzzForeignStatus(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"resources":[{}]}`, `{"resources":[{"name":"r","stampedRef":{}}]}`, `{"resources":[{"name":"broken","stampedRef":{"resource":"x"}}]}`,
		`{"resources":[{"name":"r","outputs":[{"name":"image","digest":""}],"conditions":[{"type":"Healthy"}]}],"orphans":[{},{"kind":"ConfigMap","name":"x","apiVersion":"a/b/c"}]}`,
		`{"conditions":[{"type":"Ready","status":"Maybe"}],"resources":[{"name":"broken","templateRef":{},"record":{}},{"name":"broken"}]}`,
		`{"resources":[{"name":"broken","stampedRef":{"kind":"Test","name":"x","apiVersion":"test.run/v1"},"conditions":[{"type":"Healthy","reason":"no reason","status":"x"}]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var status v1alpha1.OwnerStatus
		if json.Unmarshal(text, &status) != nil {
			return
		}
		o := app(status)
		w, b := world()
		facts := report.Facts{Walked: true, Realized: realize.Walk(context.Background(), w, plan.Resolve(b, &o))}
		first := report.Status(&o, facts, noon)
		report.Changes(status, first)
		report.Changes(first, status)
		for _, orphan := range report.Orphans(status, first.Resources, nil) {
			if _, err := w.Delete(context.Background(), orphan, o.UID); err != nil {
				t.Errorf("deleting %v: %v", orphan, err)
			}
			report.Removed(orphan)
		}
		report.Status(&o, report.Facts{BlueprintErr: errors.New("none")}, noon)
		o.Status = first
		facts.Realized = realize.Walk(context.Background(), w, plan.Resolve(b, &o))
		if diff := cmp.Diff(first, report.Status(&o, facts, noon.Add(time.Hour))); diff != "" {
			t.Errorf("walked again, the status changed:\n%s", diff)
		}
	})
}
