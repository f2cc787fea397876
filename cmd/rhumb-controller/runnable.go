// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"rhumb.run/rhumb/internal/controller/runnable"
	core "rhumb.run/rhumb/internal/core/runnable"
	"rhumb.run/rhumb/internal/kube"
	"rhumb.run/rhumb/internal/loop"
)

// addRunnables adds the controllers of runnables and of pipelines, as those
// were called once.
func addRunnables(ctx context.Context, mgr manager.Manager, o options, cluster *kube.Cluster, look loop.Look) ([]kube.Waker, error) {
	own, err := metadata.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	var selected []kube.Teller
	cluster.Follows = kube.NewFollows(ctx, own, func(kind schema.GroupVersionKind, namespace string, labels map[string]string) {
		for _, tell := range selected {
			tell(kind, namespace, labels)
		}
	})
	as := func(ctx context.Context, account types.NamespacedName) (core.World, error) {
		// A runnable acts as an account of its own namespace: no blueprint has to be let in.
		return cluster.As(ctx, account, account.Namespace, "")
	}
	var stamped []kube.Waker
	for _, kind := range []runnable.Kind{runnable.Runnables(), runnable.Pipelines()} {
		wakers, err := runnable.Add(mgr, runnable.Options{Kind: kind, Concurrency: o.runnables, As: as, Look: look})
		if err != nil {
			return nil, err
		}
		stamped, selected = append(stamped, wakers.Stamped), append(selected, wakers.Selected)
	}
	return stamped, nil
}
