// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
)

const controller = "system:serviceaccount:rhumb-system:rhumb-controller"

// may asks the server whether a user has a right.
func (s *server) may(ctx context.Context, user, verb, group, resource, namespace, name string) (bool, error) {
	attributes := map[string]any{"verb": verb, "group": group, "resource": resource, "namespace": namespace, "name": name}
	review := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": map[string]any{},
		"spec": map[string]any{"user": user, "resourceAttributes": attributes},
	}}
	kind := schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "subjectaccessreviews"}
	answer, err := s.client.Resource(kind).Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	allowed, _, err := unstructured.NestedBool(answer.Object, "status", "allowed")
	return allowed, err
}

// The controller has the rights that it needs in its own name, and none that would make it more than it is.
func TestControllerRights(t *testing.T) {
	s := connect(t)
	cases := map[string]struct {
		why                                     string
		verb, group, resource, namespace, named string
		want                                    bool
	}{
		"ReadWorkloads":    {"they are what it acts for", "watch", "carto.run", "workloads", "", "", true},
		"WriteStatus":      {"it says what became of them", "update", "carto.run", "workloads/status", "a", "w", true},
		"OwnerStatus":      {"deliverables are owners, too", "update", "carto.run", "deliverables/status", "a", "d", true},
		"DeliveryStatus":   {"it says whether one can be followed", "patch", "carto.run", "clusterdeliveries/status", "", "d", true},
		"WriteDeliverable": {"what users ask for is theirs", "patch", "carto.run", "deliverables", "a", "d", false},
		"WriteDelivery":    {"and this is the platform team's", "patch", "carto.run", "clusterdeliveries", "", "d", false},
		"WriteImageStatus": {"it says what it saw", "patch", "source.apps.tanzu.vmware.com", "imagerepositories/status", "a", "i", true},
		"PassOnPush":       {"a registry may tell a replica that does not poll", "patch", "source.apps.tanzu.vmware.com", "imagerepositories", "a", "i", true},
		"DeleteImages":     {"and that is all it may do to them", "delete", "source.apps.tanzu.vmware.com", "imagerepositories", "a", "i", false},
		"WriteWorkloads":   {"what users ask for is theirs", "update", "carto.run", "workloads", "a", "w", false},
		"DeleteWorkloads":  {"and they alone end it", "delete", "carto.run", "workloads", "a", "w", false},
		"ActAsAccount":     {"stamping is in the owner's name", "impersonate", "", "serviceaccounts", "a", "sa", true},
		"ActAsGroup":       {"a group such as system:masters may do everything", "impersonate", "", "groups", "", "system:masters", false},
		"ActAsUser":        {"people are not service accounts", "impersonate", "", "users", "", "admin", false},
		"MintTokens":       {"impersonation needs no tokens", "create", "", "serviceaccounts/token", "a", "sa", false},
		"GetSecret":        {"a pull secret is read by its name", "get", "", "secrets", "a", "pull", true},
		"ListSecrets":      {"nobody gave it the names of the others", "list", "", "secrets", "", "", false},
		"WatchSecrets":     {"no Secret is ever cached", "watch", "", "secrets", "a", "", false},
		"StampDeployment":  {"that is the owner's right, not its own", "create", "apps", "deployments", "a", "", false},
		"WatchDeployments": {"it notices when one changes", "watch", "apps", "deployments", "", "", true},
		"WatchFlux":        {"kinds that are not installed may be watched too", "watch", "source.toolkit.fluxcd.io", "gitrepositories", "", "", true},
		"WatchRoles":       {"a refusal ends when a role is granted", "watch", "rbac.authorization.k8s.io", "rolebindings", "", "", true},
		"GrantRoles":       {"it grants nothing", "create", "rbac.authorization.k8s.io", "rolebindings", "a", "", false},
		"OwnCertificate":   {"it makes the one that it shows", "create", "", "secrets", "rhumb-system", "rhumb-webhook", true},
		"RenewCertificate": {"and another before that ends", "update", "", "secrets", "rhumb-system", "rhumb-webhook", true},
		"SeeCertificate":   {"all replicas show the same", "watch", "", "secrets", "rhumb-system", "rhumb-webhook", true},
		"OtherSecrets":     {"the Secrets beside it are not its own", "create", "", "secrets", "rhumb-system", "other", false},
		"AnySecret":        {"nor are those whose names come later", "create", "", "secrets", "rhumb-system", "", false},
		"Believe":          {"the API server is told whom to believe", "update", "admissionregistration.k8s.io", "validatingwebhookconfigurations", "", "cartographer-validating-webhook-configuration", true},
		"BelieveOfPods":    {"about pods, too", "update", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", "", "rhumb-images", true},
		"OtherMutating":    {"others' are theirs", "update", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", "", "istio", false},
		"OtherWebhooks":    {"other webhooks are others'", "update", "admissionregistration.k8s.io", "validatingwebhookconfigurations", "", "other", false},
		"SeeMirrors":       {"what to copy where", "watch", "rhumb.run", "imageclonepolicies", "", "", true},
		"MirrorStatus":     {"and what became of it", "patch", "rhumb.run", "imageclonepolicies/status", "", "p", true},
		"OwnMirrors":       {"what the platform team wrote is theirs", "update", "rhumb.run", "imageclonepolicies", "", "p", false},
		"OwnClones":        {"an object a copy, made and deleted with it", "create", "rhumb.run", "clonedimages", "", "", true},
		"CloneStatus":      {"how the copy is", "update", "rhumb.run", "clonedimages/status", "", "c", true},
		"Namespaces":       {"policies select them by labels", "watch", "", "namespaces", "", "", true},
		"Revisions":        {"a rollback would use what they name", "watch", "apps", "controllerrevisions", "", "", true},
		"RewriteApps":      {"images are rewritten in templates", "patch", "apps", "statefulsets", "a", "s", true},
		"RewriteCronJobs":  {"of CronJobs, too", "patch", "batch", "cronjobs", "a", "c", true},
		"RewriteJobs":      {"templates of Jobs cannot change", "patch", "batch", "jobs", "a", "j", false},
		"RewritePods":      {"admission changes pods", "patch", "", "pods", "a", "p", false},
		"ReplaceApps":      {"one patch of few fields, never the whole", "update", "apps", "deployments", "a", "d", false},
		"EndApps":          {"nothing that runs is ended", "delete", "apps", "deployments", "a", "d", false},
		"OwnSecrets":       {"those that policies name, and whether one is mended", "watch", "", "secrets", "rhumb-system", "", true},
		"InjectSecrets":    {"a right that somebody has to give", "create", "", "secrets", "a", "", false},
		"Lease":            {"one replica works", "update", "coordination.k8s.io", "leases", "rhumb-system", "rhumb", true},
		"LeaseElsewhere":   {"other leases are others'", "update", "coordination.k8s.io", "leases", "kube-system", "x", false},
		"LocalRegistry":    {"the cluster says where its registry is", "watch", "", "configmaps", "kube-public", "local-registry-hosting", true},
		"ReadLogs":         {"a cause quotes the last lines of what failed", "get", "", "pods/log", "a", "p", true},
		"ExecInPods":       {"reading is all", "create", "", "pods/exec", "a", "p", false},
		"ReadWarnings":     {"and what was said about it", "list", "", "events", "a", "", true},
		"Events":           {"it tells what changed", "create", "", "events", "a", "", true},
	}
	s.aggregated(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := s.may(t.Context(), controller, c.verb, c.group, c.resource, c.namespace, c.named)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("may %s %s: %t, want %t: %s", c.verb, c.resource, got, c.want, c.why)
			}
		})
	}
}

// Who may change an application may change deliverables; who may only look may look at them. Neither draws paths.
func TestUserRights(t *testing.T) {
	s := connect(t)
	for role, may := range map[string]map[string]bool{
		"edit": {"create deliverables": true, "delete workloads": true, "update clusterdeliveries": false, "update deliverables/status": false},
		"view": {"watch deliverables": true, "create deliverables": false, "list secrets": false},
	} {
		t.Run(role, func(t *testing.T) {
			s.create(t, `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: config-user-`+role+`, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: `+role+`}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: config-`+role+`}]`)
			s.eventually(t, "config-"+role, "list", "carto.run", "deliverables")
			for what, want := range may {
				verb, resource, _ := strings.Cut(what, " ")
				group := "carto.run"
				if resource == "secrets" {
					group = ""
				}
				got, err := s.may(t.Context(), "config-"+role, verb, group, resource, "default", "")
				if err != nil || got != want {
					t.Errorf("%s may %s: %t, %v, want %t", role, what, got, err, want)
				}
			}
		})
	}
}

// eventually waits until a right that is put together by aggregation is there.
func (s *server) eventually(t *testing.T, user, verb, group, resource string) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		return s.may(ctx, user, verb, group, resource, "default", "")
	})
	if err != nil {
		t.Fatalf("waiting until %s may %s %s: %v", user, verb, resource, err)
	}
}

// aggregated waits until the controller manager has put the watched kinds together.
func (s *server) aggregated(t *testing.T) {
	t.Helper()
	s.eventually(t, controller, "watch", "apps", "deployments")
}

// What is not given by itself is given by one binding, and is no more than its name says.
func TestInjectionIsAskedFor(t *testing.T) {
	s := connect(t)
	s.create(t, `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: config-injection, namespace: kube-public}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: rhumb-image-pull-secret-injection}
subjects: [{kind: ServiceAccount, name: config-injector, namespace: default}]`)
	const injector = "system:serviceaccount:default:config-injector"
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		return s.may(ctx, injector, "create", "", "secrets", "kube-public", "")
	})
	if err != nil {
		t.Fatalf("waiting for the right to inject: %v", err)
	}
	for _, c := range []struct{ why, verb, namespace string }{
		{"nobody has to know what others are there", "list", "kube-public"},
		{"a RoleBinding is for its namespace", "create", "default"},
	} {
		if may, err := s.may(t.Context(), injector, c.verb, "", "secrets", c.namespace, ""); may || err != nil {
			t.Errorf("may %s secrets in %s: %v, %v: %s", c.verb, c.namespace, may, err, c.why)
		}
	}
}
