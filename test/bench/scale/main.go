// SPDX-License-Identifier: Apache-2.0

// Command scale is `make bench-cloner PODS=5000`: it runs rhumb-controller over a cluster of pods, on a control plane of its own
// without a node, and counts what it asks of the API server and of registries.
//
//	Pods, five to an image ─┐                             ┌─ source, counted
//	a Deployment to each ───┼─▶ API server ◀─ controller ─┤
//	an ImageClonePolicy ────┘                             └─ target, counted
//	all copied ─▶ quiet ─▶ 50 pods of a new image ─▶ restart ─▶ pods that come by the webhook
//
// The controller is a process of its own, measured from outside. It never asserts: a table is its result.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"rhumb.run/rhumb/test/bench/bars"
	"rhumb.run/rhumb/test/e2e/rig"
)

// perImage is how many pods use one image.
const perImage = 5

type options struct {
	pods   int
	quiet  time.Duration
	heap   string
	record bool
}

func main() {
	var o options
	flag.IntVar(&o.pods, "pods", 1000, "Pods; a fifth as many images and Deployments")
	flag.DurationVar(&o.quiet, "quiet", 30*time.Second, "window in which nothing changes")
	flag.StringVar(&o.heap, "heap", "", "file for a profile of the controller's memory at rest")
	flag.BoolVar(&o.record, "record", false, "append the table to docs/performance.md")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-cloner:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	repo, err := rig.Find()
	if err != nil {
		return err
	}
	var f figures
	if err := fresh(ctx, repo, func(l rig.Lab) error {
		f, err = o.measure(ctx, l)
		return err
	}); err != nil {
		return err
	}
	head, err := bars.Head(ctx, repo, fmt.Sprintf("%d Pods, %d images, %d Deployments", o.pods, o.images(), o.images()))
	if err != nil {
		return err
	}
	text := head + bars.Table(ratios(o, f))
	fmt.Print("\n" + text)
	if o.record {
		return bars.Record(repo.Path("docs", "performance.md"), text)
	}
	return nil
}

func (o options) images() int { return o.pods / perImage }

// fresh runs do on a control plane of its own, with the API installed.
func fresh(ctx context.Context, repo rig.Repo, do func(rig.Lab) error) (err error) {
	l := repo.Lab("bench-scale")
	if err := l.Remove(ctx); err != nil {
		return err
	}
	fmt.Println("==> a fresh control plane")
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if e := l.Remove(end); err == nil {
			err = e
		}
	}()
	if err := l.Up(ctx, "--no-node"); err != nil {
		return err
	}
	if _, err := l.Kubectl(ctx, "apply", "--server-side", "-f", repo.Path("config", "crd")); err != nil {
		return err
	}
	if _, err := l.Kubectl(ctx, "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"); err != nil {
		return err
	}
	return do(l)
}
