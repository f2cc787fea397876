// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"rhumb.run/rhumb/internal/core/image"
)

// mirror is a policy as an object, with a target of its own.
func mirror(t *testing.T, spec string) *Policy {
	t.Helper()
	p, problems := Compile(object(t, "mirror", `{target: {pullName: reg.example.com/m, pull: {auth: {secretRef: {name: pull}}}}, `+spec+`}`))
	if problems != nil {
		t.Fatal(problems)
	}
	return p
}

// pod is one that a Deployment made, or what it is said to be.
func pod(images ...string) Incoming {
	in := Incoming{Subject: Subject{Kind: "Pod", Namespace: "demo", Name: "web"}, Spec: &corev1.PodSpec{}}
	for i, img := range images {
		in.Spec.Containers = append(in.Spec.Containers, corev1.Container{Name: string(rune('a' + i)), Image: img})
	}
	return in
}

func of(kind, owner string, in Incoming) Incoming {
	in.Kind, in.Owner = kind, owner
	return in
}

func TestWhoIsAdmitted(t *testing.T) {
	const hub = "reg.example.com/m/docker.io/library/"
	down := func(Choice) Known {
		return Known{Failure: &image.Failure{Reason: image.ReasonUnreachable, Detail: "no route"}}
	}
	lost := func(Choice) Known { return Known{There: true, Digest: digest, OriginLost: true} }
	cases := map[string]struct {
		why   string
		spec  string
		in    Incoming
		known func(Choice) Known
		want  map[string]string // slot → why, or "→ image"
	}{
		"Bare":       {"nobody's template to patch", ``, pod("nginx:1"), there, map[string]string{"a": "→ " + hub + "nginx:1"}},
		"Job":        {"templates of Jobs cannot be changed", ``, of("Job", "", pod("nginx:1")), there, map[string]string{"a": "→ " + hub + "nginx:1"}},
		"Deployment": {"its template is patched", ``, of("Deployment", "", pod("nginx:1")), there, map[string]string{"a": ReasonPatched}},
		"Owned":      {"an operator's template is not", ``, of("StatefulSet", "Cluster/pg", pod("nginx:1")), there, map[string]string{"a": "→ " + hub + "nginx:1"}},
		"Both":       {"both is both", `rewrite: {strategy: Both}`, of("Deployment", "", pod("nginx:1")), there, map[string]string{"a": "→ " + hub + "nginx:1"}},
		"Admission":  {"nothing in Git is touched", `rewrite: {strategy: Admission}`, of("Deployment", "", pod("nginx:1")), there, map[string]string{"a": "→ " + hub + "nginx:1"}},
		"Workload":   {"pods are left", `rewrite: {strategy: Workload}`, pod("nginx:1"), there, map[string]string{"a": ReasonPatched}},
		"None":       {"it only copies", `rewrite: {strategy: None}`, pod("nginx:1"), there, map[string]string{"a": ReasonCopyOnly}},
		"DryRun":     {"it only says so", `dryRun: true`, pod("nginx:1"), there, map[string]string{"a": ReasonDryRun}},
		"Unknown":    {"no image before its copy is there", ``, pod("nginx:1"), nowhere, map[string]string{"a": ReasonCopying}},
		"Down":       {"a registry that is down keeps no pod from starting", ``, pod("nginx:1"), down, map[string]string{"a": ReasonOriginKept}},
		"Siblings":   {"each image for itself", `match: {images: {exclude: ["**:dev"]}}`, pod("nginx:1", "nginx:dev"), there, map[string]string{"a": "→ " + hub + "nginx:1", "b": ReasonNoPolicy}},
		"Copied":     {"a copy is not copied deeper", ``, pod(hub + "nginx:1"), there, map[string]string{"a": ReasonCopied}},
		"Origin":     {"the original is preferred", `rewrite: {order: OriginFirst}`, pod("nginx:1"), there, map[string]string{"a": ReasonOriginKept}},
		"OriginLost": {"while it can be had", `rewrite: {order: OriginFirst}`, pod("nginx:1"), lost, map[string]string{"a": "→ " + hub + "nginx:1"}},
		"Pinned":     {"the digest is added", `rewrite: {pin: Digest}`, pod("nginx:1"), there, map[string]string{"a": "→ " + hub + "nginx:1@" + digest}},
		"Kinds":      {"what counts is the top of the owners", `match: {kinds: [Job]}`, of("Job", "", pod("nginx:1")), there, map[string]string{"a": "→ " + hub + "nginx:1"}},
		"OtherKinds": {"and not the pod", `match: {kinds: [Job]}`, pod("nginx:1"), there, map[string]string{"a": ReasonNoPolicy}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := map[string]string{}
			policies := InOrder([]*Policy{mirror(t, tc.spec)})
			admitted := policies.Admit(tc.in, tc.known)
			for _, v := range admitted.Verdicts {
				got[v.Key] = v.Why
				if v.To != "" {
					got[v.Key] = "→ " + v.To
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s:\n%s", tc.why, diff)
			}
		})
	}
}

func TestMirrorPod(t *testing.T) {
	in := pod("nginx:1")
	in.Own = map[string]string{"kubernetes.io/config.mirror": "abc"}
	policies := InOrder([]*Policy{mirror(t, ``)})
	if got := policies.Admit(in, there); len(got.Patch) > 0 || len(policies.Asks(in)) > 0 {
		t.Errorf("the kubelet has that pod from a file, and would not know it any more: %v", got.Patch)
	}
}

// text is a patch as it is sent.
func text(t *testing.T, patch []Operation) string {
	t.Helper()
	raw, err := json.MarshalIndent(patch, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestPodPatch(t *testing.T) {
	policies := InOrder([]*Policy{mirror(t, ``)})
	in := pod("nginx:1", "ghcr.io/a/b@"+digest)
	in.Spec.InitContainers = []corev1.Container{{Name: "i", Image: "busybox"}}
	in.Spec.Volumes = []corev1.Volume{{Name: "x"}, {Name: "v", VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "quay.io/m:1"}}}}
	in.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "team"}}
	const m = "reg.example.com/m/"
	want := []Operation{
		{"replace", "/spec/volumes/1/image/reference", m + "quay.io/m:1"},
		{"replace", "/spec/initContainers/0/image", m + "docker.io/library/busybox:latest"},
		{"replace", "/spec/containers/0/image", m + "docker.io/library/nginx:1"},
		{"replace", "/spec/containers/1/image", m + "ghcr.io/a/b@" + digest},
		{"add", "/spec/imagePullSecrets/-", map[string]string{"name": "pull"}},
		{"add", "/metadata/annotations", map[string]string{}},
		{
			"add", "/metadata/annotations/rhumb.run~1original-images",
			`{"a":"nginx:1","b":"ghcr.io/a/b@` + digest + `","init:i":"busybox","volume:v":"quay.io/m:1"}`,
		},
		{"add", "/metadata/annotations/rhumb.run~1image-clone-policy", "mirror"},
		{"add", "/metadata/annotations/rhumb.run~1image-clone-pull-secret", "pull"},
	}
	if diff := cmp.Diff(text(t, want), text(t, policies.Admit(in, there).Patch)); diff != "" {
		t.Error(diff)
	}
	if asks := policies.Asks(in); len(asks) != 4 {
		t.Errorf("asks for %d copies, want 4", len(asks))
	}
}

// The API server asks again after others changed the pod: what was changed once stays as it is.
func TestAskedAgain(t *testing.T) {
	policies := InOrder([]*Policy{mirror(t, ``)})
	in := pod("reg.example.com/m/docker.io/library/nginx:1")
	in.Own = map[string]string{OriginalsAnnotation: `{"a":"nginx:1"}`, PolicyAnnotation: "mirror", SecretAnnotation: "pull"}
	in.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "pull"}}
	if got := policies.Admit(in, there).Patch; len(got) > 0 {
		t.Errorf("nothing was left to do: %v", got)
	}
	in.Spec.Containers = append(in.Spec.Containers, corev1.Container{Name: "sidecar", Image: "envoy:1"})
	want := []Operation{
		{"replace", "/spec/containers/1/image", "reg.example.com/m/docker.io/library/envoy:1"},
		{"add", "/metadata/annotations/rhumb.run~1original-images", `{"a":"nginx:1","sidecar":"envoy:1"}`},
	}
	if diff := cmp.Diff(text(t, want), text(t, policies.Admit(in, there).Patch)); diff != "" {
		t.Errorf("a sidecar came in between:\n%s", diff)
	}
}

func TestWhyAPodWasLeft(t *testing.T) {
	policies := InOrder([]*Policy{mirror(t, ``)})
	got := policies.Admit(pod("nginx:1", "redis:7"), func(c Choice) Known {
		if c.Key == "a" {
			return Known{There: true}
		}
		return Known{Failure: &image.Failure{Reason: image.ReasonUnreachable, Detail: "no route"}}
	})
	want := Operation{"add", "/metadata/annotations/rhumb.run~1image-clone-reason", "OriginKept: b: no route"}
	if last := got.Patch[len(got.Patch)-2]; last != want {
		t.Errorf("got %v, want %v of %v", last, want, got.Patch)
	}
}

// Of a pod that runs only the containers that are added are changed, and nothing can be written on it.
func TestEphemeralContainers(t *testing.T) {
	policies := InOrder([]*Policy{mirror(t, ``)})
	in := pod("nginx:1")
	before := in.Spec.DeepCopy()
	debug := func(name, image string) corev1.EphemeralContainer {
		return corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: name, Image: image}}
	}
	before.EphemeralContainers = []corev1.EphemeralContainer{debug("old", "busybox:1")}
	in.Before = before
	in.Spec.EphemeralContainers = []corev1.EphemeralContainer{debug("old", "busybox:1"), debug("new", "busybox:2")}
	got := policies.Admit(in, there)
	want := []Operation{{"replace", "/spec/ephemeralContainers/1/image", "reg.example.com/m/docker.io/library/busybox:2"}}
	if diff := cmp.Diff(text(t, want), text(t, got.Patch)); diff != "" {
		t.Error(diff)
	}
	if len(got.Told) != 1 {
		t.Errorf("whoever debugs is not told where the image comes from: %q", got.Told)
	}
}
