// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/report"
)

func ref(version, kind, name string) *v1alpha1.StampedRef {
	return &v1alpha1.StampedRef{
		ObjectReference: &corev1.ObjectReference{APIVersion: version, Kind: kind, Namespace: "dev", Name: name},
		Resource:        "tests.test.run",
	}
}

// shown is the status of resource r, with an object if it has a name.
func shown(name string, change ...func(*v1alpha1.ResourceStatus)) v1alpha1.OwnerStatus {
	r := v1alpha1.ResourceStatus{RealizedResource: v1alpha1.RealizedResource{Name: "r"}}
	if name != "" {
		r.StampedRef = ref("test.run/v1", "Test", name)
	}
	for _, f := range change {
		f(&r)
	}
	return v1alpha1.OwnerStatus{Resources: []v1alpha1.ResourceStatus{r}}
}

func yields(name, digest string) func(*v1alpha1.ResourceStatus) {
	return func(r *v1alpha1.ResourceStatus) {
		r.Outputs = append(r.Outputs, v1alpha1.Output{Name: name, Digest: digest})
	}
}

func health(status metav1.ConditionStatus) func(*v1alpha1.ResourceStatus) {
	return func(r *v1alpha1.ResourceStatus) {
		r.Conditions = append(r.Conditions, metav1.Condition{Type: "Healthy", Status: status})
	}
}

func TestChanges(t *testing.T) {
	nothing := v1alpha1.OwnerStatus{}
	output := []report.Event{{Reason: "ResourceOutputChanged", Message: "[r] found a new output in [tests.test.run/x]"}}
	turned := func(to string) []report.Event {
		return []report.Event{{Reason: "ResourceHealthyStatusChanged", Message: "[r] found healthy status in [tests.test.run/x] changed to [" + to + "]"}}
	}
	cases := map[string]struct {
		why           string
		before, after v1alpha1.OwnerStatus
		want          []report.Event
	}{
		"Nothing":        {"nothing changed", shown("x", yields("url", "1"), health("True")), shown("x", yields("url", "1"), health("True")), nil},
		"First":          {"the first output is a new one", nothing, shown("x", yields("url", "1")), output},
		"Digest":         {"another value", shown("x", yields("url", "1")), shown("x", yields("url", "2")), output},
		"Second":         {"one of two", shown("x", yields("url", "1"), yields("revision", "1")), shown("x", yields("url", "1"), yields("revision", "2")), output},
		"Gone":           {"becoming empty is a change as well", shown("x", yields("url", "1")), shown("x"), output},
		"OnlyPreview":    {"the digest decides", shown("x", yields("url", "1")), shown("x", yields("url", "1"), func(r *v1alpha1.ResourceStatus) { r.Outputs[0].Preview = "p" }), nil},
		"Renamed":        {"the same value under another name", shown("x", yields("url", "1")), shown("x", yields("image", "1")), output},
		"PassedOn":       {"what is passed on has no object", nothing, shown("", yields("image", "1")), []report.Event{{Reason: "ResourceOutputChanged", Message: "[r] passed through a new output"}}},
		"NothingPassed":  {"where nothing is passed on any more, nothing new was", shown("", yields("image", "1")), shown(""), nil},
		"FirstHealthy":   {"the first judgement", nothing, shown("x", health("True")), turned("True")},
		"FirstUnhealthy": {"good or bad", nothing, shown("x", health("False")), turned("False")},
		"FirstUnknown":   {"but not the first that there is none", nothing, shown("x", health("Unknown")), nil},
		"Turned":         {"health turned", shown("x", health("True")), shown("x", health("False")), turned("False")},
		"Lost":           {"what was known is not any more", shown("x", health("True")), shown("x", health("Unknown")), turned("Unknown")},
		"NoHealth":       {"a resource without health has none to turn", shown("x", health("True")), shown("x"), nil},
		"NoObject":       {"health of an object that is not named", shown("", health("True")), shown("", health("False")), []report.Event{{Reason: "ResourceHealthyStatusChanged", Message: "[r] found healthy status in [<nil>] changed to [False]"}}},
		"ResourceGone":   {"a resource that left the blueprint says nothing", shown("x", yields("url", "1")), nothing, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, report.Changes(c.before, c.after)); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

func TestOrphans(t *testing.T) {
	x, y := ref("test.run/v1", "Test", "x"), ref("test.run/v1", "Test", "y")
	of := func(refs ...*v1alpha1.StampedRef) []v1alpha1.ResourceStatus {
		var out []v1alpha1.ResourceStatus
		for _, r := range refs {
			out = append(out, v1alpha1.ResourceStatus{RealizedResource: v1alpha1.RealizedResource{StampedRef: r}})
		}
		return out
	}
	cases := map[string]struct {
		why    string
		before v1alpha1.OwnerStatus
		after  []v1alpha1.ResourceStatus
		want   []string
	}{
		"Kept":      {"what is stamped still is none", v1alpha1.OwnerStatus{Resources: of(x)}, of(x), nil},
		"Left":      {"what is not is one", v1alpha1.OwnerStatus{Resources: of(x, y)}, of(y), []string{"x"}},
		"All":       {"all of them", v1alpha1.OwnerStatus{Resources: of(x, y)}, nil, []string{"x", "y"}},
		"Moved":     {"another resource stamps it now", v1alpha1.OwnerStatus{Resources: of(x, nil)}, of(nil, x), nil},
		"Version":   {"another version of its API is the same object", v1alpha1.OwnerStatus{Resources: of(x)}, of(ref("test.run/v2", "Test", "x")), nil},
		"Kind":      {"another kind is another object", v1alpha1.OwnerStatus{Resources: of(x)}, of(ref("test.run/v1", "Other", "x")), []string{"x"}},
		"Group":     {"so is another group", v1alpha1.OwnerStatus{Resources: of(x)}, of(ref("other.run/v1", "Test", "x")), []string{"x"}},
		"Recorded":  {"one that could not be deleted is tried again, first", v1alpha1.OwnerStatus{Orphans: []v1alpha1.StampedRef{*y}, Resources: of(x)}, nil, []string{"y", "x"}},
		"Once":      {"each once", v1alpha1.OwnerStatus{Orphans: []v1alpha1.StampedRef{*x}, Resources: of(x, x)}, nil, []string{"x"}},
		"BackAgain": {"one that is stamped again is none any more", v1alpha1.OwnerStatus{Orphans: []v1alpha1.StampedRef{*x}}, of(x), nil},
		"Nameless":  {"a record that names nothing is none", v1alpha1.OwnerStatus{Resources: of(&v1alpha1.StampedRef{Resource: "could not fetch"}, ref("v1", "", "x"), ref("v1", "Test", ""))}, nil, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, o := range report.Orphans(c.before, c.after, nil) {
				got = append(got, o.Name)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

func TestRemoved(t *testing.T) {
	want := report.Event{Reason: "StampedObjectRemoved", Message: "Deleted object [tests.test.run/x]"}
	if diff := cmp.Diff(want, report.Removed(*ref("test.run/v1", "Test", "x"))); diff != "" {
		t.Error(diff)
	}
}
