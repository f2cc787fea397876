// SPDX-License-Identifier: Apache-2.0

package realize_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/memory"
)

func TestWalkCorrectsDrift(t *testing.T) {
	patch := write(memory.Patch, "deployments")
	cases := map[string]struct {
		why    string
		change func(*unstructured.Unstructured)
		want   []memory.Write
	}{
		"Value": {"a field of ours has another value", func(u *unstructured.Unstructured) {
			u.Object["spec"] = map[string]any{"image": "evil"}
		}, []memory.Write{patch}},
		"Gone": {"a field of ours is gone", func(u *unstructured.Unstructured) { u.Object["spec"] = map[string]any{} }, []memory.Write{patch}},
		"Label": {"a label of ours is gone", func(u *unstructured.Unstructured) {
			u.SetLabels(map[string]string{"carto.run/resource-name": "deploy"})
		}, []memory.Write{patch}},
		"Labels": {"all labels are gone, and with them our sight of it", func(u *unstructured.Unstructured) { u.SetLabels(nil) }, []memory.Write{patch}},
		"Digest": {"the digest is gone, and with it what we know", func(u *unstructured.Unstructured) {
			u.SetAnnotations(nil)
		}, []memory.Write{patch}},
		"Owner": {"it was stripped of its owner", func(u *unstructured.Unstructured) { u.SetOwnerReferences(nil) }, []memory.Write{patch}},
		"Theirs": {"a field that is not ours", func(u *unstructured.Unstructured) {
			u.Object["spec"].(map[string]any)["replicas"] = int64(5)
			u.SetAnnotations(map[string]string{"theirs": "1", realize.DigestAnnotation: u.GetAnnotations()[realize.DigestAnnotation]})
		}, nil},
		"Status": {"what it says of itself", func(u *unstructured.Unstructured) { u.Object["status"] = map[string]any{"phase": "Running"} }, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := follow(t)
			r.walk()
			r.w.Edit("Deployment", "app", c.change)
			r.walk()
			r.wrote(c.why, c.want...)
			if got := r.w.Find("Deployment", "app").Object["spec"].(map[string]any)["image"]; got != "app:r1" {
				t.Errorf("%s: the image is %v now", c.why, got)
			}
			r.walk()
			r.wrote("put right once is enough")
		})
	}
}

func TestWalkMakesWhatWasDeleted(t *testing.T) {
	r := follow(t)
	r.walk()
	r.w.Remove("Image", "app")
	r.walk()
	r.wrote("somebody deleted an object", write(memory.Create, "images"))
}

// A server may store a value in a way of its own. That is written once and
// recognised from then on; a change to it is a change all the same.
func TestWalkDoesNotFightTheServer(t *testing.T) {
	r := follow(t)
	r.w.Store = func(u *unstructured.Unstructured) {
		if u.GetKind() == "Deployment" {
			spec := u.Object["spec"].(map[string]any)
			spec["image"] = strings.ToUpper(spec["image"].(string))
		}
	}
	r.template(&v1alpha1.ClusterTemplate{}, strings.Replace(deployTemplate, "{name: app}", "{name: app, annotations: {mine: x}}", 1))
	first := r.walk()
	if first.Resources[2].Record.StoredDigest == "" {
		t.Error("what the server made of it is not on record")
	}
	r.walk()
	r.wrote("the server's spelling is no drift")
	if diff := cmp.Diff(first.Resources, r.workload.Status.Resources); diff != "" {
		t.Errorf("the record was lost:\n%s", diff)
	}
	r.walk()
	r.wrote("nor is it the third time")
	r.edit("Deployment", func(spec map[string]any) { spec["image"] = "EVIL" })
	r.walk()
	r.wrote("somebody else's spelling is", write(memory.Patch, "deployments"))
	r.secondRevision()
	r.walk()
	r.wrote("the record is of what was applied then", write(memory.Patch, "sources"), write(memory.Patch, "images"), write(memory.Patch, "deployments"))
}

// Whose an object is, of those that carry our labels.
func TestWalkKnowsItsOwn(t *testing.T) {
	cases := map[string]struct {
		why    string
		change func(*unstructured.Unstructured)
		holder string
	}{
		"SharedFirst": {"owners who do not control it have no say", func(u *unstructured.Unstructured) {
			u.SetOwnerReferences(append([]metav1.OwnerReference{{Kind: "Audit", Name: "a", UID: "a-1"}}, u.GetOwnerReferences()...))
		}, ""},
		"Other": {"another controller has", func(u *unstructured.Unstructured) {
			yes := true
			u.SetOwnerReferences([]metav1.OwnerReference{{Kind: "Workload", Name: "other", UID: "u-2", Controller: &yes}})
		}, "Workload/other"},
		"Nobody": {"nobody's, and nothing says that we stamped it", func(u *unstructured.Unstructured) {
			u.SetOwnerReferences(nil)
			u.SetAnnotations(nil)
		}, "nobody (it has no controller)"},
		"HandedOver": {"nobody's, and handed over", func(u *unstructured.Unstructured) {
			u.SetOwnerReferences(nil)
			u.SetAnnotations(map[string]string{realize.AdoptAnnotation: "true"})
		}, ""},
		"NotHandedOver": {"nobody's, and explicitly kept", func(u *unstructured.Unstructured) {
			u.SetOwnerReferences(nil)
			u.SetAnnotations(map[string]string{realize.AdoptAnnotation: "false"})
		}, "nobody (it has no controller)"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := follow(t)
			r.walk()
			r.w.Edit("Deployment", "app", func(u *unstructured.Unstructured) {
				u.Object["spec"] = map[string]any{"image": "changed"}
				c.change(u)
			})
			r.walk()
			var occupied *realize.OccupiedError
			if errors.As(r.err, &occupied) != (c.holder != "") || occupied != nil && occupied.Holder != c.holder {
				t.Errorf("%s: %v, want holder %q", c.why, r.err, c.holder)
			}
			if got := len(r.w.Writes); (got == 0) != (c.holder != "") {
				t.Errorf("%s: wrote %v", c.why, r.w.Writes)
			}
		})
	}
}

func TestHolder(t *testing.T) {
	yes, no := true, false
	cases := map[string]struct {
		why  string
		refs []metav1.OwnerReference
		by   []metav1.ManagedFieldsEntry
		want string
	}{
		"Controller": {"its controller, whoever else is named", []metav1.OwnerReference{{Kind: "A", Name: "a"}, {Kind: "B", Name: "b", Controller: &no}, {Kind: "C", Name: "c", Controller: &yes}}, nil, "C/c"},
		"Writer":     {"else the first who wrote it", []metav1.OwnerReference{{Kind: "A", Name: "a"}}, []metav1.ManagedFieldsEntry{{}, {Manager: "kubectl"}, {Manager: "helm"}}, "nobody (it was written by kubectl)"},
		"Nobody":     {"else nobody", []metav1.OwnerReference{{Kind: "A", Name: "a"}}, []metav1.ManagedFieldsEntry{{}}, "nobody (it has no controller)"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			u := &unstructured.Unstructured{Object: map[string]any{}}
			u.SetOwnerReferences(c.refs)
			u.SetManagedFields(c.by)
			if got := realize.Holder(u); got != c.want {
				t.Errorf("%s: %s, want %s", c.why, got, c.want)
			}
		})
	}
}
