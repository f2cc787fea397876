// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// kpackImageKind is kpack's kind as far as it matters here.
var kpackImageKind = strings.NewReplacer(
	"gitrepositories", "images", "gitrepository", "image", "GitRepository", "Image", "source.toolkit.fluxcd.io", "kpack.io", "name: v1\n", "name: v1alpha2\n",
).Replace(gitRepositoryKind)

func (b *bed) kpackImages() dynamic.ResourceInterface {
	return b.client.Resource(schema.GroupVersionResource{Group: "kpack.io", Version: "v1alpha2", Resource: "images"}).Namespace(b.ns)
}

// of is where the bed's objects of a kind are.
func (b *bed) of(group, version, resource string) dynamic.ResourceInterface {
	return b.client.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: resource}).Namespace(b.ns)
}

// outOfTheBox applies what config/ootb holds, and lets the namespace's default account follow it.
func (b *bed) outOfTheBox() {
	b.t.Helper()
	for _, pattern := range []string{"*.yaml", "templates/*.yaml"} {
		files, err := filepath.Glob("../../config/ootb/base/" + pattern)
		if err != nil || len(files) == 0 {
			b.t.Fatalf("nothing in config/ootb/base/%s: %v", pattern, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				b.t.Fatal(err)
			}
			if filepath.Base(file) != "kustomization.yaml" {
				b.apply(string(raw))
			}
		}
	}
	b.apply(`
apiVersion: v1
kind: ServiceAccount
metadata: {name: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: workload}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: workload}
subjects: [{kind: ServiceAccount, name: default, namespace: NS}]`)
}

func typed(name, kind, spec string) string {
	return fmt.Sprintf(`
apiVersion: carto.run/v1alpha1
kind: Workload
metadata: {name: %s, labels: {apps.tanzu.vmware.com/workload-type: %s}}
spec: {%s}`, name, kind, spec)
}

// rolled waits until a Deployment is to run this image.
func (b *bed) rolled(name, image string) {
	b.t.Helper()
	deployments := b.of("apps", "v1", "deployments")
	b.until(name+" runs "+image, func() (bool, string) {
		u, err := deployments.Get(context.Background(), name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		containers, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
		got := fmt.Sprint(containers[0].(map[string]any)["image"])
		return got == image, got
	})
}

// submitted waits until every step of a Workload has made its object, or passed its input on.
func (b *bed) submitted(name string) {
	b.t.Helper()
	b.until(name+" is submitted", func() (bool, string) {
		u, err := b.carto("workloads").Get(context.Background(), name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		c := condition(u, "ResourcesSubmitted")
		return c["status"] == "True", fmt.Sprint(c)
	})
}

// Workloads of each type walk the chains that come out of the box, with the rights that come with them.
func TestOutOfTheBox(t *testing.T) {
	b := newBed(t)
	b.have(gitRepositoryKind, b.gitRepositories())
	b.have(kpackImageKind, b.kpackImages())
	b.start(nil)
	b.outOfTheBox()
	const git = "source: {git: {url: https://git.example.com/app, ref: {branch: main}}}"
	b.apply(typed("page", "web", git) + "\n---" + typed("listener", "server", git+", params: [{name: ports, value: [{port: 9000, name: grpc}]}]") +
		"\n---" + typed("loop", "worker", git) + "\n---" + typed("ready-made", "web", "image: registry.example.com/app:1"))

	for _, name := range []string{"page", "listener", "loop"} {
		b.object(b.gitRepositories(), name)
		b.mergeStatus(b.gitRepositories(), name, `{status: {observedGeneration: 1, artifact: {url: "http://flux/a.tar.gz", revision: "main@sha1:a"}, conditions: [{type: Ready, status: "True"}]}}`)
		b.object(b.kpackImages(), name)
		b.mergeStatus(b.kpackImages(), name, `{status: {observedGeneration: 1, latestImage: "registry.example.com/app@sha256:a", conditions: [{type: Ready, status: "True"}]}}`)
		b.rolled(name, "registry.example.com/app@sha256:a")
		b.submitted(name)
	}
	images := b.of("source.apps.tanzu.vmware.com", "v1alpha1", "imagerepositories")
	b.object(images, "ready-made")
	b.mergeStatus(images, "ready-made", `{status: {observedGeneration: 1, artifact: {url: "http://rhumb/a.tar.gz", revision: "registry.example.com/app:1@sha256:b"},
		conditions: [{type: Ready, status: "True", reason: Ready, message: "", lastTransitionTime: "2024-01-01T00:00:00Z"}]}}`)
	b.rolled("ready-made", "registry.example.com/app:1@sha256:b")
	b.submitted("ready-made")

	want := map[string]string{"services": "listener page ready-made", "ingresses": "page ready-made"}
	for _, r := range []struct{ group, resource string }{{"", "services"}, {"networking.k8s.io", "ingresses"}} {
		var names []string
		for _, u := range b.list(b.of(r.group, "v1", r.resource)) {
			names = append(names, u.GetName())
		}
		if got := strings.Join(names, " "); got != want[r.resource] {
			t.Errorf("%s of %s, want %s", r.resource, got, want[r.resource])
		}
	}
}
