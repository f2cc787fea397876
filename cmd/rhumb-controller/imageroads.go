// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/registry"
)

// roads are how the registries of policies are reached.
type roads struct {
	live      client.Reader
	client    *registry.Client
	hosts     *registry.Hosts
	namespace string
	access    *access
	log       logr.Logger
}

// reach takes what policies say of registries for those of which neither the
// operator's file nor the cluster says anything. Of policies that name the same
// one, the first in their order is heard.
func (a *roads) reach(ctx context.Context, all clone.Policies) error {
	var hosts []registry.Host
	paces, plain := map[string]registry.Pace{}, map[string]bool{}
	for _, p := range all {
		if p.Name == clone.EnvName {
			hosts = append(hosts, a.envHost(p))
			continue
		}
		for _, s := range append([]clone.Access{p.Push}, p.Sources...) {
			spare(paces, s)
			if _, said := plain[s.Host]; !said { // a later policy sends nobody else's credentials for all to read
				plain[s.Host] = s.Insecure
			}
			ca, err := a.authorities(ctx, s)
			if err != nil { // a policy that cannot be followed harms no other: its registry is not trusted, and says so
				a.log.Error(err, "reading the authorities of a policy's registry", "policy", p.Name, "host", s.Host)
				continue
			}
			if plain[s.Host] || ca != "" {
				hosts = append(hosts, registry.Host{Host: s.Host, PlainHTTP: plain[s.Host], CA: ca})
			}
		}
	}
	a.access.Forget()
	a.hosts.SetPolicies(hosts)
	a.client.SetPaces(paces)
	return nil
}

// spare adds what an access asks of everybody: of several the one that asks the
// least of a registry, as they all do so in one name.
func spare(paces map[string]registry.Pace, s clone.Access) {
	if s.MinRemaining == 0 && s.PerSecond == 0 {
		return
	}
	p := paces[s.Host]
	p.MinRemaining = max(p.MinRemaining, s.MinRemaining)
	if s.PerSecond > 0 && (p.PerSecond == 0 || float64(s.PerSecond) < p.PerSecond) {
		p.PerSecond = float64(s.PerSecond)
	}
	paces[s.Host] = p
}

// envHost is how the environment's target is reached.
func (a *roads) envHost(p *clone.Policy) registry.Host {
	return registry.Host{Host: p.Push.Host, PlainHTTP: p.Push.Insecure || local(p.Push.Host)}
}

// authorities are those that a policy has a registry's certificate checked
// against. A Secret that is not there is met when the registry is: its
// certificate is not trusted then.
func (a *roads) authorities(ctx context.Context, s clone.Access) (string, error) {
	if s.CASecret == "" {
		return "", nil
	}
	var secret corev1.Secret
	err := a.live.Get(ctx, types.NamespacedName{Namespace: a.namespace, Name: s.CASecret}, &secret)
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading Secret %s/%s: %w", a.namespace, s.CASecret, err)
	}
	return string(secret.Data[s.CAKey]), nil
}
