// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/registry/contract/distribution"
)

// imageChain follows the image that a Workload names.
const imageChain = `
apiVersion: carto.run/v1alpha1
kind: ClusterImageTemplate
metadata: {name: NS-image}
spec:
  imagePath: .status.artifact.revision
  params: [{name: secrets, default: []}]
  template:
    apiVersion: source.apps.tanzu.vmware.com/v1alpha1
    kind: ImageRepository
    metadata: {name: $(workload.metadata.name)$}
    spec: {image: $(workload.spec.image)$, interval: 1s, imagePullSecrets: $(params.secrets)$}
---
apiVersion: carto.run/v1alpha1
kind: ClusterTemplate
metadata: {name: NS-deploy}
spec:
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: $(workload.metadata.name)$-deploy}
    data: {image: $(image)$}
---
apiVersion: carto.run/v1alpha1
kind: ClusterSupplyChain
metadata: {name: NS}
spec:
  selector: {bed: NS}
  resources:
  - {name: image, templateRef: {kind: ClusterImageTemplate, name: NS-image}}
  - {name: deploy, templateRef: {kind: ClusterTemplate, name: NS-deploy}, images: [{resource: image, name: image}]}`

// imageOf is a Workload that names an image.
func imageOf(name, image, params string) string {
	return fmt.Sprintf(`
apiVersion: carto.run/v1alpha1
kind: Workload
metadata: {name: %s}
spec: {serviceAccountName: builder, image: %q, params: [%s]}`, name, image, params)
}

// watchesImages has the bed's controller poll registries that it finds at these URLs.
func (b *bed) watchesImages(hosts map[string]string) {
	b.t.Helper()
	dir := b.t.TempDir()
	text := "registries:\n"
	for host, url := range hosts {
		text += fmt.Sprintf("- {host: %q, endpoint: %q}\n", host, url)
	}
	file := filepath.Join(dir, "registries.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.flags = append(b.flags, "--controllers=workload,supplychain,runnable,imagerepository", "--keychains=",
		"--artifact-bind-address=127.0.0.1:0", "--artifact-dir="+filepath.Join(dir, "artifacts"), "--registries-config="+file)
}

func (b *bed) images() dynamic.ResourceInterface {
	return b.client.Resource(schema.GroupVersionResource{Group: "source.apps.tanzu.vmware.com", Version: "v1alpha1", Resource: "imagerepositories"}).Namespace(b.ns)
}

// warnings are the reasons of the warnings about an object, each as often as it was told.
func (b *bed) warnings(name string) []string {
	b.t.Helper()
	list, err := b.client.Resource(corev1.SchemeGroupVersion.WithResource("events")).Namespace(b.ns).List(context.Background(), metav1.ListOptions{FieldSelector: "type=Warning,involvedObject.name=" + name})
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for i := range list.Items {
		times, _, _ := unstructured.NestedInt64(list.Items[i].Object, "series", "count")
		for range max(1, times) {
			out = append(out, fmt.Sprint(list.Items[i].Object["reason"]))
		}
	}
	return out
}

func memory() http.Handler { return distribution.New() }

// refuses lets in who knows the password.
func refuses(password string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, got, _ := r.BasicAuth(); got != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprintf(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required, not %s"}]}`, got)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// A real ImageRepository says why it has no image; the Workload passes it on,
// and one warning is told for each reason, however often the registry is asked.
func TestCauseOfImages(t *testing.T) {
	b := newBed(t)
	open := contract.NewFront(t, memory())
	closed := contract.NewFront(t, refuses("s3cr3t", memory()))
	gone := contract.NewFront(t, http.NotFoundHandler())
	gone.Close()
	b.watchesImages(map[string]string{"open.example.com": open.URL, "closed.example.com": closed.URL, "gone.example.com": gone.URL})
	b.start(nil)
	b.apply(allowed(`"", source.apps.tanzu.vmware.com`, `configmaps, imagerepositories`) + "\n---" + imageChain)
	cases := map[string]struct{ image, params, reason, want string }{
		"absent":  {"open.example.com/apps/absent:1", "", "NotFound", `^ImageRepository absent does not find what it wants at open\.example\.com/apps/absent:1: .*404.*; push it, or correct spec\.image$`},
		"private": {"closed.example.com/apps/private:1", "", "Unauthorized", `^ImageRepository private is not let in by closed\.example\.com/apps/private:1: .*401.*; .*imagePullSecrets`},
		"lost":    {"gone.example.com/apps/lost:1", "", "Unreachable", `^ImageRepository lost cannot reach gone\.example\.com/apps/lost:1: .*connection refused.*; `},
		"keyless": {"closed.example.com/apps/keyless:1", "{name: secrets, value: [{name: login}]}", "SecretNotFound", `^ImageRepository keyless: Secret login does not exist in namespace NS; create it, or correct the name in ImageRepository keyless$`},
	}
	for name, c := range cases {
		b.apply(imageOf(name, c.image, c.params))
	}
	for name, c := range cases {
		if got := b.cause(name, c.want); len(got) > 500 {
			t.Errorf("%s: %d bytes", name, len(got))
		}
		b.until(name+" is told once", func() (bool, string) {
			seen := b.warnings(name)
			return len(seen) == 1 && seen[0] == c.reason, fmt.Sprint(seen)
		})
	}
	// The registry is asked again; nothing more is said until something else happens.
	asked := 0
	b.until("more polls", func() (bool, string) {
		for _, a := range open.Asked() {
			asked += strings.Count(a, "absent")
		}
		return asked > 1, fmt.Sprint(asked)
	})
	if seen := b.warnings("absent"); len(seen) != 1 {
		t.Errorf("told %d times that an image is absent: %v", len(seen), seen)
	}
	contract.Push(t, open.URL, "apps/absent:1", contract.Image(t, contract.Files{"a": "1"}))
	b.merge(b.images(), "absent", `{metadata: {annotations: {rhumb.run/look: now}}}`)
	b.cause("absent", "^$")
	b.workload("absent", "True", "Ready")
}
