// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// withShippedRights is the bed as an installation sees it: with the rights of
// config/rbac and no others.
func (b *bed) withShippedRights() *bed {
	b.t.Helper()
	clients, err := kubernetes.NewForConfig(b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx := context.Background()
	_, err = clients.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "rhumb-system"}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		b.t.Fatal(err)
	}
	_, err = clients.CoreV1().ServiceAccounts("rhumb-system").Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "rhumb-controller"}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		b.t.Fatal(err)
	}
	files, err := filepath.Glob("../../config/rbac/*.yaml")
	if err != nil || len(files) == 0 {
		b.t.Fatalf("no rights in config/rbac: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			b.t.Fatal(err)
		}
		b.asIs(string(raw))
	}
	token, err := clients.CoreV1().ServiceAccounts("rhumb-system").CreateToken(ctx, "rhumb-controller", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	as := rest.AnonymousClientConfig(b.config)
	as.BearerToken = token.Status.Token
	return &bed{t: b.t, config: as, client: b.client, ns: b.ns, flags: b.flags, log: b.log}
}

func TestShippedRightsSuffice(t *testing.T) {
	b := newBed(t)
	b.withShippedRights().start(nil)
	b.apply(rights + "\n---" + chain + "\n---" + app)
	b.data("app-deploy", deployed("one"))
	b.workload("app", "True", "Ready")
	b.merge(b.configMaps(), "app-deploy", `{data: {config: edited}}`)
	b.data("app-deploy", deployed("one"))
	b.until("events are told", func() (bool, string) {
		all := strings.Join(b.events(), "\n")
		return strings.Contains(all, "StampedObjectApplied: Created object [configmaps/app-deploy]"), all
	})
}

// A kind of which the controller knows nothing needs one ClusterRole, and the
// status says which.
func TestKindThatMayNotBeWatched(t *testing.T) {
	b := newBed(t)
	b.withShippedRights().start(nil)
	limits := strings.NewReplacer("[configmaps]", "[configmaps, limitranges]").Replace(rights)
	odd := strings.Replace(strings.Split(chain, "\n---\n")[1], "kind: ConfigMap", "kind: LimitRange", 1)
	odd = strings.Replace(odd, "data: {config: $(config)$}", "spec: {limits: [{type: Pod, max: {cpu: 1000m}}]}", 1)
	docs := strings.Split(chain, "\n---\n")
	b.apply(limits + "\n---" + docs[0] + "\n---\n" + odd + "\n---\n" + docs[2] + "\n---" + app)
	w := b.workload("app", "False", "TemplateRejectedByAPIServer")
	if got := readyCondition(w)["message"].(string); !strings.Contains(got, "limitranges") || !strings.Contains(got, "rhumb.run/aggregate-to-controller") {
		t.Errorf("message %q does not say what to grant", got)
	}
	b.apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: NS-watch, labels: {rhumb.run/aggregate-to-controller: "true"}}
rules: [{apiGroups: [""], resources: [limitranges], verbs: [get, list, watch]}]`)
	t.Cleanup(func() {
		_ = b.client.Resource(clusterRoles).Delete(context.Background(), b.ns+"-watch", metav1.DeleteOptions{})
	})
	b.workload("app", "True", "Ready")
}
