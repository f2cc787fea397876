// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/lab/internal/image"
)

func TestReference(t *testing.T) {
	const pushed = "localhost:5000/rhumb-lab/kpack-run:lab@sha256:1"
	for name, tc := range map[string]struct {
		why    string
		image  Image
		pushed string
		want   string
	}{
		"Node":    {"kubelet pulls on the node; some refuse a tag beside a digest", Image{Program: "run"}, pushed, "localhost:5000/rhumb-lab/kpack-run@sha256:1"},
		"Pods":    {"localhost is another machine in each pod", Image{Files: []string{"a:/a"}, ForPods: true}, pushed, "registry:5000/rhumb-lab/kpack-run@sha256:1"},
		"NotMade": {"the neighbour pushes it: there is no digest yet", Image{Name: "builders/default", ForPods: true}, "", "registry:5000/builders/default"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.image.Reference(tc.pushed, "localhost:5000", "registry:5000"); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.why, got, tc.want)
			}
		})
	}
}

func TestSpec(t *testing.T) {
	n := Neighbour{Name: "some", Dir: "/built/some"}
	for name, tc := range map[string]struct {
		why  string
		in   Image
		name string
		want image.Spec
	}{
		"Program": {
			"a program that is started by its path", Image{Program: "controller", Path: "/ko-app/controller"}, "some-controller",
			image.Spec{Files: []string{"/built/some/controller:/ko-app/controller"}, Entrypoint: []string{"/ko-app/controller"}, User: "65532"},
		},
		"Files": {
			"what builders are made of: files in their places, links and labels", Image{
				Name: "lifecycle", Files: []string{"lifecycle:/cnb/lifecycle/lifecycle"}, Links: []string{"lifecycle:/cnb/lifecycle/builder"},
				Env: []string{"A=b"}, Labels: map[string]string{"l": "m"},
			}, "some-lifecycle",
			image.Spec{
				Files: []string{"/built/some/lifecycle:/cnb/lifecycle/lifecycle"}, Links: []string{"lifecycle:/cnb/lifecycle/builder"},
				Env: []string{"A=b"}, Labels: map[string]string{"l": "m"}, User: "65532",
			},
		},
		"Layers": {
			"a stack is made of layers that are there, and is somebody else's to run as", Image{
				Name: "run", Layers: []string{"run.tar.gz"}, User: "1000:1000",
			}, "some-run",
			image.Spec{Layers: []string{"/built/some/run.tar.gz"}, User: "1000:1000"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			gotName, got, err := n.Spec(tc.in, "/kubectl")
			if err != nil || gotName != tc.name {
				t.Errorf("%s: got %s, %v, want %s", tc.why, gotName, err, tc.name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}
