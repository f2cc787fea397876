// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"path/filepath"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// What an installation may leave out.
const (
	podSecretsRole = "rhumb-image-pull-secrets"
	injectionRole  = "rhumb-image-pull-secret-injection"
)

// limited has the controller run with the rights of config/rbac, but for some, as an account of this bed alone, at home in
// another namespace than the objects that it sees.
func (c *cloner) limited(home string, without ...string) {
	c.t.Helper()
	c.flags = append(c.flags, "--leader-elect-namespace="+home)
	c.asIs("{apiVersion: v1, kind: Secret, metadata: {name: push, namespace: " + home + "}, type: kubernetes.io/basic-auth, stringData: {username: testuser, password: testpass}}")
	files, err := filepath.Glob("../../config/rbac/*.yaml")
	if err != nil || len(files) == 0 {
		c.t.Fatalf("no rights in config/rbac: %v", err)
	}
	c.asIs("{apiVersion: v1, kind: ServiceAccount, metadata: {name: controller, namespace: " + c.ns + "}}")
	for _, file := range files {
		for _, u := range documents(c.t, file) {
			switch u.GetKind() {
			case "ClusterRole":
				c.send(u)
			case "ClusterRoleBinding":
				if role, _, _ := unstructured.NestedString(u.Object, "roleRef", "name"); c.ours(u) && !slices.Contains(without, role) {
					c.grant(role)
				}
			case "Role", "RoleBinding":
				if u.SetNamespace(home); u.GetKind() == "Role" || c.ours(u) {
					c.send(u)
				}
			}
		}
	}
	clients, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		c.t.Fatal(err)
	}
	token, err := clients.CoreV1().ServiceAccounts(c.ns).CreateToken(c.t.Context(), "controller", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	as := rest.AnonymousClientConfig(c.config)
	as.BearerToken = token.Status.Token
	c.config = as
}

// ours makes a binding for the controller one for the account of this bed; false for one that is for others.
func (c *cloner) ours(u *unstructured.Unstructured) bool {
	subjects, _, _ := unstructured.NestedSlice(u.Object, "subjects")
	if len(subjects) != 1 || subjects[0].(map[string]any)["name"] != "rhumb-controller" {
		return false
	}
	_ = unstructured.SetNestedSlice(u.Object, []any{map[string]any{"kind": "ServiceAccount", "name": "controller", "namespace": c.ns}}, "subjects")
	return true
}

// grant binds a ClusterRole to that account.
func (c *cloner) grant(role string) {
	c.t.Helper()
	name := c.ns + "-" + role
	c.asIs(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: ` + name + `}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ` + role + `}
subjects: [{kind: ServiceAccount, name: controller, namespace: ` + c.ns + `}]`)
	c.t.Cleanup(func() {
		_ = c.client.Resource(rbacv1.SchemeGroupVersion.WithResource("clusterrolebindings")).Delete(context.Background(), name, metav1.DeleteOptions{})
	})
}

// warnings are the reasons and words of the events about an object of no namespace. Others may have its name in other tests.
func (c *cloner) warnings(uid types.UID) []string {
	c.t.Helper()
	list, err := c.client.Resource(corev1.SchemeGroupVersion.WithResource("events")).Namespace(metav1.NamespaceDefault).List(c.t.Context(), metav1.ListOptions{
		FieldSelector: "involvedObject.uid=" + string(uid),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	var out []string
	for _, e := range list.Items {
		reason, _, _ := unstructured.NestedString(e.Object, "reason")
		words, _, _ := unstructured.NestedString(e.Object, "message")
		out = append(out, reason+": "+words)
	}
	return out
}
