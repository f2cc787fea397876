// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"go.uber.org/zap/zapcore"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/dynamic"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	cartov1alpha1 "rhumb.run/rhumb/api/carto/v1alpha1"
	rhumbv1alpha1 "rhumb.run/rhumb/api/rhumb/v1alpha1"
	sourcev1alpha1 "rhumb.run/rhumb/api/source/v1alpha1"
	"rhumb.run/rhumb/internal/controller/blueprint"
	"rhumb.run/rhumb/internal/controller/owner"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/render"
	"rhumb.run/rhumb/internal/core/sweep"
	"rhumb.run/rhumb/internal/kube"
	"rhumb.run/rhumb/internal/ytt"
)

// run is the one place where the parts meet.
func run(ctx context.Context, o options) error {
	if err := setLogger(o); err != nil {
		return err
	}
	config, err := clientConfig(o)
	if err != nil {
		return err
	}
	return serve(ctx, config, o)
}

// serve runs the chosen controllers until ctx ends.
func serve(ctx context.Context, config *rest.Config, o options) error {
	mgr, err := newManager(config, o)
	if err != nil {
		return err
	}
	engine := ytt.NewPool(ytt.Options{})
	defer engine.Stop()
	pushed, err := addOwners(ctx, mgr, o, engine)
	if err != nil {
		return err
	}
	if err := addBlueprints(mgr, o); err != nil {
		return err
	}
	images, err := addImages(ctx, mgr, o, pushed)
	if err != nil {
		return err
	}
	if o.answers() {
		if err := addAdmission(mgr, o, images); err != nil {
			return err
		}
	}
	return mgr.Start(ctx)
}

// addOwners lets all who have objects stamped share one cluster: templates are
// compiled once, and a kind that several stamp is watched once. What it returns
// is to be told of what is pushed to git.
func addOwners(ctx context.Context, mgr manager.Manager, o options, engine render.Engine) (heard, error) {
	own, err := dynamic.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	lookout, err := kube.NewLookout(mgr.GetConfig(), mgr.GetHTTPClient(), own)
	if err != nil {
		return nil, err
	}
	var wakers []kube.Waker
	cluster := &kube.Cluster{
		Identities: kube.NewIdentities(mgr.GetConfig(), mgr.GetHTTPClient(), mgr.GetClient()),
		Templates:  kube.NewTemplates(mgr.GetClient(), engine),
		Watches: kube.NewWatches(ctx, own, func(kind string, name types.NamespacedName) {
			for _, wake := range wakers { // each knows its own kind
				wake(kind, name)
			}
		}),
		Mapper: mgr.GetRESTMapper(),
	}
	as := func(ctx context.Context, account types.NamespacedName, namespace, blueprint string) (sweep.World, error) {
		return cluster.As(ctx, account, namespace, blueprint)
	}
	added := map[string]owner.Added{}
	for _, c := range []struct {
		name        string
		kind        owner.Kind
		concurrency int
	}{
		{"workload", owner.Workloads(), o.workloads},
		{"deliverable", owner.Deliverables(), o.deliverables},
	} {
		if !o.runs(c.name) {
			continue
		}
		a, err := owner.Add(mgr, owner.Options{Kind: c.kind, Concurrency: c.concurrency, As: as, Look: lookout.Look})
		if err != nil {
			return nil, err
		}
		added[c.kind.Kind] = a
		wakers = append(wakers, a.Stamped)
	}
	if o.runs("runnable") {
		wake, err := addRunnables(ctx, mgr, o, cluster, lookout.Look)
		if err != nil {
			return nil, err
		}
		wakers = append(wakers, wake...)
	}
	return addPushes(mgr, cluster, added)
}

func addBlueprints(mgr manager.Manager, o options) error {
	for name, kind := range map[string]blueprint.Kind{"supplychain": blueprint.SupplyChains(), "delivery": blueprint.Deliveries()} {
		if !o.runs(name) {
			continue
		}
		if err := blueprint.Add(mgr, kind); err != nil {
			return err
		}
	}
	return nil
}

func newManager(config *rest.Config, o options) (manager.Manager, error) {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(cartov1alpha1.AddToScheme(scheme))
	utilruntime.Must(sourcev1alpha1.AddToScheme(scheme))
	utilruntime.Must(rhumbv1alpha1.AddToScheme(scheme))
	seen := cache.Options{DefaultTransform: remembered}
	several := o.narrow != nil
	if several {
		o.narrow(&seen)
	}
	logger, err := newLogger(o)
	if err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(config, manager.Options{
		Logger:                        logger,
		Scheme:                        scheme,
		Cache:                         seen,
		Client:                        client.Options{FieldOwner: kube.Manager},
		Metrics:                       server.Options{BindAddress: o.metrics},
		HealthProbeBindAddress:        o.probes,
		PprofBindAddress:              o.pprof,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              "rhumb-controller",
		LeaderElectionNamespace:       o.leaderNamespace,
		LeaderElectionReleaseOnCancel: true,
		Controller:                    ctrlconfig.Controller{SkipNameValidation: &several},
	})
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, fmt.Errorf("adding the health probe: %w", err)
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return nil, fmt.Errorf("adding the readiness probe: %w", err)
	}
	return mgr, nil
}

// remembered is what memory keeps of an object that is watched.
func remembered(o any) (any, error) {
	clone.Lean(o)
	return kube.Compact(o)
}

// clientConfig talks as often as there is need: the server's priority and
// fairness decides who waits, not a guess of ours.
func clientConfig(o options) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("finding the cluster (set --kubeconfig, or run in a pod): %w", err)
	}
	config.QPS = -1
	config.UserAgent = "rhumb-controller"
	return config, nil
}

// setLogger is for those who log without being told where to.
func setLogger(o options) error {
	logger, err := newLogger(o)
	if err != nil {
		return err
	}
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	return nil
}

func newLogger(o options) (logr.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.logLevel)); err != nil {
		return logr.Logger{}, fmt.Errorf("--log-level %q is none of error, info, debug", o.logLevel)
	}
	var to io.Writer = os.Stderr
	if o.log != nil {
		to = o.log
	}
	if o.logFormat == "console" {
		with := o.zap
		if with.Level == nil {
			with.Level = zapcore.Level(level / 4)
		}
		return zap.New(zap.UseFlagOptions(&with), zap.WriteTo(to)), nil
	}
	var handler slog.Handler = slog.NewJSONHandler(to, &slog.HandlerOptions{Level: level})
	if o.logFormat == "text" {
		handler = slog.NewTextHandler(to, &slog.HandlerOptions{Level: level})
	}
	return logr.FromSlogHandler(handler), nil
}
