// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/fault"
)

// Manager is the field manager of everything that Rhumb writes.
const Manager = "rhumb"

// Identities hands out clients that act as service accounts. They share one
// transport: switching identity costs a header, not a connection or a token.
type Identities struct {
	config   *rest.Config
	http     *http.Client
	accounts client.Reader

	mu      sync.Mutex
	clients map[types.NamespacedName]dynamic.Interface
}

// NewIdentities shares the transport of httpClient. accounts must serve the
// metadata of service accounts from memory.
func NewIdentities(config *rest.Config, httpClient *http.Client, accounts client.Reader) *Identities {
	own := rest.CopyConfig(config)
	own.QPS = -1 // the server's priority and fairness decides, not a guess of ours
	own.WarningHandler = rest.NoWarnings{}
	return &Identities{config: own, http: httpClient, accounts: accounts, clients: map[types.NamespacedName]dynamic.Interface{}}
}

// GrantAnnotation on a service account names the blueprints, separated by
// commas (or * for all), that may act as it for owners of other namespaces.
const GrantAnnotation = "rhumb.run/blueprints"

// As gives a client with the rights of a service account, to act in a
// namespace on behalf of a blueprint. An account that does not exist, or that
// is another namespace's and not granted, is a fault.Reject: a change of the
// account wakes those who asked.
func (i *Identities) As(ctx context.Context, account types.NamespacedName, namespace, blueprint string) (dynamic.Interface, error) {
	var sa metav1.PartialObjectMetadata
	sa.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ServiceAccount"))
	if err := i.accounts.Get(ctx, account, &sa); err != nil {
		class := fault.Retry
		if errors.IsNotFound(err) {
			class = fault.Reject
		}
		return nil, fault.As(class, v1alpha1.ServiceAccountErrorResourcesSubmittedReason,
			fmt.Errorf("failed to get service account object from api server [%s]: failed to get object [%s] from api server: %w", account, account, err))
	}
	if account.Namespace != namespace && !granted(sa.Annotations[GrantAnnotation], blueprint) {
		return nil, fault.Rejectf(v1alpha1.ServiceAccountErrorResourcesSubmittedReason,
			"service account [%s] belongs to another namespace and does not let [%s] act as it: annotate it with %s=%s",
			account, blueprint, GrantAnnotation, blueprint)
	}
	return i.client(account)
}

func granted(grant, blueprint string) bool {
	for name := range strings.SplitSeq(grant, ",") {
		if name = strings.TrimSpace(name); name == blueprint || name == "*" {
			return true
		}
	}
	return false
}

func (i *Identities) client(account types.NamespacedName) (dynamic.Interface, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if c, ok := i.clients[account]; ok {
		return c, nil
	}
	as := transport.ImpersonationConfig{UserName: "system:serviceaccount:" + account.Namespace + ":" + account.Name}
	c, err := dynamic.NewForConfigAndClient(i.config, &http.Client{
		Transport:     transport.NewImpersonatingRoundTripper(as, i.http.Transport),
		Timeout:       i.http.Timeout,
		CheckRedirect: i.http.CheckRedirect,
	})
	if err != nil {
		return nil, fault.As(fault.Retry, v1alpha1.ResourceRealizerBuilderErrorResourcesSubmittedReason, fmt.Errorf("can't build client: %w", err))
	}
	i.clients[account] = c
	return c, nil
}
