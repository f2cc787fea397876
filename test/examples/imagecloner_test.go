// SPDX-License-Identifier: Apache-2.0

package examples

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"

	"rhumb.run/rhumb/test/e2e/rig"
)

// manifests are the objects of a text.
func manifests(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	var out []*unstructured.Unstructured
	for {
		o := &unstructured.Unstructured{}
		err := decoder.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Object) > 0 {
			out = append(out, o)
		}
	}
}

// oneFile is what is applied to a cluster for the image cloner alone.
func oneFile(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	repo, err := rig.Find()
	if err != nil {
		t.Fatal(err)
	}
	out, err := repo.Run(t.Context(), nil, repo.Path("test", "manifest"), "example.com/cloner:1", "image-cloner")
	if err != nil {
		t.Fatal(err)
	}
	return manifests(t, out)
}

// The one file is taken as it stands, in its order, and the pods that it asks for are let into its namespace; the names are
// those that users of the image cloner have in their scripts.
func TestImageClonerInOneFile(t *testing.T) {
	c := connect(t)
	var names []string
	for _, o := range append(oneFile(t), nginx(t)...) {
		names = append(names, o.GetKind()+" "+o.GetName())
		if _, err := c.resource(o).Create(t.Context(), o, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}); err != nil {
			t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
		}
		if o.GetKind() == "Deployment" && o.GetName() == "image-cloner" {
			c.podsAreLetIn(t, o)
		}
	}
	want := []string{
		"Namespace image-cloner-system", "ServiceAccount image-cloner", "ClusterRole image-cloner-role", "ClusterRoleBinding image-cloner-role",
		"Role image-cloner", "RoleBinding image-cloner", "Role image-cloner", "RoleBinding image-cloner",
		"ConfigMap image-cloner-config", "Secret image-cloner-cr-login", "Deployment image-cloner", "Namespace demo-system", "Deployment nginx",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func nginx(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	raw, err := os.ReadFile("../../examples/image-cloner/deploy-nginx.yml")
	if err != nil {
		t.Fatal(err)
	}
	return manifests(t, string(raw))
}

// podsAreLetIn asks for a pod as a Deployment's ReplicaSet would, for show.
func (c *cluster) podsAreLetIn(t *testing.T, deployment *unstructured.Unstructured) {
	t.Helper()
	template, _, err := unstructured.NestedMap(deployment.Object, "spec", "template")
	if err != nil {
		t.Fatal(err)
	}
	pod := &unstructured.Unstructured{Object: template}
	pod.SetAPIVersion("v1")
	pod.SetKind("Pod")
	pod.SetName(deployment.GetName())
	pod.SetNamespace(deployment.GetNamespace())
	if _, err := c.resource(pod).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		t.Errorf("a pod of %s is not let in: %v", deployment.GetName(), err)
	}
}

// The image cloner has the rights that it needs where it is alone, and no others.
func TestImageClonerRights(t *testing.T) {
	c := connect(t)
	for _, o := range oneFile(t) {
		if _, err := c.resource(o).Create(t.Context(), o, metav1.CreateOptions{}); err != nil {
			t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
	const account = "system:serviceaccount:image-cloner-system:image-cloner"
	last := map[string]any{"verb": "get", "group": "", "resource": "configmaps", "namespace": "kube-public", "name": "local-registry-hosting"}
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		return c.may(ctx, t, account, last), nil // the API server takes a moment to see roles
	})
	if err != nil {
		t.Fatalf("waiting for the rights to count: %v", err)
	}
	for name, tc := range map[string]struct {
		why                                     string
		verb, group, resource, namespace, named string
		want                                    bool
	}{
		"SeeDeployments":  {"they use images", "watch", "apps", "deployments", "", "", true},
		"SeePods":         {"so do they", "watch", "", "pods", "", "", true},
		"SeeReplicaSets":  {"a rollback would use what they name", "list", "apps", "replicasets", "", "", true},
		"Rewrite":         {"that is the job", "patch", "apps", "deployments", "demo-system", "nginx", true},
		"RewriteCronJobs": {"IMAGE_CLONER_KINDS may name them", "patch", "batch", "cronjobs", "demo-system", "c", true},
		"Replace":         {"a patch touches images alone", "update", "apps", "deployments", "demo-system", "nginx", false},
		"Delete":          {"what users made is theirs", "delete", "apps", "deployments", "demo-system", "nginx", false},
		"PatchJobs":       {"their templates cannot be changed", "patch", "batch", "jobs", "demo-system", "j", false},
		"PatchPods":       {"whoever makes pods makes the next one right", "patch", "", "pods", "demo-system", "p", false},
		"GetSecret":       {"its login comes by its environment", "get", "", "secrets", "demo-system", "team", false},
		"ListSecrets":     {"nor does it look for others", "list", "", "secrets", "image-cloner-system", "", false},
		"Lease":           {"one replica works", "update", "coordination.k8s.io", "leases", "image-cloner-system", "rhumb", true},
		"LeaseElsewhere":  {"other leases are others'", "update", "coordination.k8s.io", "leases", "kube-system", "x", false},
		"LocalRegistry":   {"the cluster says where its registry is", "watch", "", "configmaps", "kube-public", "local-registry-hosting", true},
		"OtherConfig":     {"and that is all it reads there", "get", "", "configmaps", "kube-public", "cluster-info", false},
		"Events":          {"it tells what changed", "create", "", "events", "demo-system", "", true},
		"Policies":        {"where there are any, they count", "watch", "rhumb.run", "imageclonepolicies", "", "", true},
		"WritePolicies":   {"they are the platform team's", "patch", "rhumb.run", "imageclonepolicies", "", "p", false},
		"ActAsOthers":     {"it is nobody else", "impersonate", "", "serviceaccounts", "demo-system", "default", false},
		"GrantRoles":      {"it grants nothing", "create", "rbac.authorization.k8s.io", "rolebindings", "demo-system", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.may(t.Context(), t, account,
				map[string]any{"verb": tc.verb, "group": tc.group, "resource": tc.resource, "namespace": tc.namespace, "name": tc.named})
			if got != tc.want {
				t.Errorf("may %s %s: %t, want %t: %s", tc.verb, tc.resource, got, tc.want, tc.why)
			}
		})
	}
}

func (c *cluster) may(ctx context.Context, t *testing.T, user string, attributes map[string]any) bool {
	t.Helper()
	kind := schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "subjectaccessreviews"}
	answer, err := c.client.Resource(kind).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": map[string]any{},
		"spec": map[string]any{"user": user, "resourceAttributes": attributes},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	allowed, _, err := unstructured.NestedBool(answer.Object, "status", "allowed")
	if err != nil {
		raw, _ := json.Marshal(answer)
		t.Fatalf("%v: %s", err, raw)
	}
	return allowed
}
