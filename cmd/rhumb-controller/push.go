// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"rhumb.run/rhumb/internal/controller/owner"
	"rhumb.run/rhumb/internal/controller/push"
	core "rhumb.run/rhumb/internal/core/push"
	"rhumb.run/rhumb/internal/fault"
	"rhumb.run/rhumb/internal/kube"
)

// heard is told what git servers say was pushed.
type heard func(ctx context.Context, pushed core.Pushed)

// addPushes joins the git servers' hook to what was stamped for the owners that this process acts for.
func addPushes(mgr manager.Manager, cluster *kube.Cluster, owners map[string]owner.Added) (heard, error) {
	c := push.New(push.Options{
		Stamped: cluster.GitRepositories,
		ActorOf: func(ctx context.Context, kind string, name types.NamespacedName) (push.Actor, error) {
			added, ok := owners[kind]
			if !ok {
				return push.Actor{}, fault.Rejectf("", "nobody acts for %ss here", kind)
			}
			account, blueprint, err := added.Actor(ctx, name)
			return push.Actor{Account: account, Blueprint: blueprint}, err
		},
		Ask: func(ctx context.Context, as push.Actor, source *unstructured.Unstructured) error {
			world, err := cluster.As(ctx, as.Account, source.GetNamespace(), as.Blueprint)
			if err != nil {
				return err
			}
			return world.LookAgain(ctx, source, time.Now())
		},
		Log: mgr.GetLogger().WithName("push"),
	})
	return c.Heard, mgr.Add(c)
}
