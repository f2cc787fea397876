// SPDX-License-Identifier: Apache-2.0

// Command load drives whatever serves carto.run/v1alpha1 on a control plane, and
// prints a line for each phase: how long it took, and what it cost.
//
//	burst ── n Workloads at once ─▶ Step source ─▶ Step image ─▶ Step config ─▶ ConfigMap
//	quiet ── nothing changes            ▲              ▲              ▲
//	propagate ── one source changes     └── simulator ─┴──────────────┘  (status from spec)
//	fanout ── the last template changes, and every last object with it
//
// With -floor it plays the controller too, with nothing but the writes that the
// work needs. It never looks inside the controller: /proc and /metrics are all.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

type options struct {
	kubeconfig string
	n, probes  int
	pid        int
	metrics    string
	quiet      time.Duration
	limit      time.Duration
	keep       bool
	floor      bool
	ytt        bool
	label      string
}

func main() {
	var o options
	flag.StringVar(&o.kubeconfig, "kubeconfig", os.Getenv("KUBECONFIG"), "the control plane")
	flag.IntVar(&o.n, "n", 500, "Workloads")
	flag.IntVar(&o.probes, "probes", 50, "changes of one source")
	flag.IntVar(&o.pid, "pid", 0, "process of the controller")
	flag.StringVar(&o.metrics, "metrics", "", "URL of the controller's metrics")
	flag.DurationVar(&o.quiet, "quiet", 30*time.Second, "window in which nothing changes")
	flag.DurationVar(&o.limit, "limit", 8*time.Minute, "the most that a phase may take")
	flag.BoolVar(&o.keep, "keep", false, "leave the Workloads")
	flag.BoolVar(&o.floor, "floor", false, "play the controller too")
	flag.BoolVar(&o.ytt, "ytt", false, "the last template is a ytt one")
	flag.StringVar(&o.label, "label", "", "first word of each line")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// chain is the supply chain that the run drives.
func (o options) chain() string {
	if o.ytt {
		return withYtt()
	}
	return chain
}

func run(ctx context.Context, o options) error {
	cfg, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return err
	}
	cfg.QPS, cfg.Burst = 5000, 5000
	cfg.WarningHandler = rest.NoWarnings{}
	c, err := connect(cfg)
	if err != nil {
		return err
	}
	if err := c.setup(ctx, o.chain(), "1"); err != nil {
		return err
	}
	d := &driver{options: o, cluster: c, world: newWorld()}
	if err := d.watch(ctx); err != nil {
		return err
	}
	for _, phase := range d.phases() {
		if err := phase(ctx); err != nil {
			return err
		}
	}
	return nil
}
