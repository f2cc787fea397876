// SPDX-License-Identifier: Apache-2.0

package story

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	if text == "" {
		return nil
	}
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

const waiting = `
kind: Workload
status:
  conditions:
  - {type: SupplyChainReady, status: "True", reason: Ready, message: ""}
  - {type: Ready, status: Unknown, reason: MissingValueAtPath, message: waiting}
  resources:
  - name: image-builder
    stampedRef: {resource: imagerepositories.source.apps.tanzu.vmware.com, name: demo}
  - name: deployer
`

const done = `
kind: Workload
status:
  conditions:
  - {type: SupplyChainReady, status: "True", reason: Ready, message: ""}
  - {type: Ready, status: "True", reason: Ready, message: ""}
  resources:
  - name: image-builder
    stampedRef: {resource: imagerepositories.source.apps.tanzu.vmware.com, name: demo}
    outputs: [{name: image, preview: "a:b@sha256:c\n"}]
  - name: deployer
    stampedRef: {resource: deployments.apps, name: demo}
`

func TestChanges(t *testing.T) {
	cases := map[string]struct {
		why           string
		before, after string
		want          []string
	}{
		"First": {
			why: "what is seen for the first time is all news", after: waiting,
			want: []string{
				"resource image-builder stamped imagerepositories.source.apps.tanzu.vmware.com/demo",
				"SupplyChainReady True Ready", "Ready Unknown MissingValueAtPath waiting",
			},
		},
		"OnlyNews": {
			why: "what was said already is not said again", before: waiting, after: done,
			want: []string{
				"resource image-builder yields image a:b@sha256:c",
				"resource deployer stamped deployments.apps/demo", "Ready True",
			},
		},
		"Nothing": {why: "a write that changes nothing visible is no line", before: done, after: done},
		"Deployment": {
			why:    "a roll is a new image",
			before: "{kind: Deployment, spec: {template: {spec: {containers: [{image: a}]}}}}",
			after:  "{kind: Deployment, spec: {template: {spec: {containers: [{image: b}]}}}}",
			want:   []string{"runs b"},
		},
		"ImageRepository": {
			why:    "the digest is what everyone waits for",
			before: "{kind: ImageRepository}", after: "{kind: ImageRepository, status: {artifact: {revision: a@b}}}",
			want: []string{"found a@b"},
		},
		"Pod": {
			why:    "a pod's life in two words",
			before: "{kind: Pod, status: {phase: Pending}}", after: "{kind: Pod, status: {phase: Running}}",
			want: []string{"is Running"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Changes(object(t, tc.before), object(t, tc.after))); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestResources(t *testing.T) {
	want := []Resource{
		{Name: "image-builder", Object: "imagerepositories.source.apps.tanzu.vmware.com/demo", Output: "image a:b@sha256:c"},
		{Name: "deployer", Object: "deployments.apps/demo"},
	}
	if diff := cmp.Diff(want, Resources(object(t, done))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCondition(t *testing.T) {
	for kind, want := range map[string]string{"Ready": "True", "Never": ""} {
		if got := Condition(object(t, done), kind); got != want {
			t.Errorf("%s: want %q, got %q", kind, want, got)
		}
	}
}
