// SPDX-License-Identifier: Apache-2.0

// Command bench is `make bench`: it measures Rhumb against the floor, the least
// that any controller would have to do, on the same machine in the same run.
//
//	fresh control plane ─▶ driver -floor                     ─lines─┐
//	fresh control plane ─▶ rhumb-controller ◀─ driver        ─lines─┼─▶ ratios ─▶ table, with the bars
//	                       rhumb-controller again, at rest   ─metrics┘
//
// The driver is test/bench/load. It measures from outside (/proc and /metrics) and never asserts: a table is its result.
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

// options are what a caller may choose.
type options struct {
	n      int
	quiet  time.Duration
	limit  time.Duration
	ytt    bool
	record bool
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 500, "Workloads in the burst")
	flag.DurationVar(&o.quiet, "quiet", 60*time.Second, "window in which nothing changes")
	flag.DurationVar(&o.limit, "limit", 8*time.Minute, "the most that each phase may take")
	flag.BoolVar(&o.ytt, "ytt", false, "the chain ends with a ytt template")
	flag.BoolVar(&o.record, "record", false, "append the table to docs/performance.md")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	repo, err := rig.Find()
	if err != nil {
		return err
	}
	driver, err := build(ctx, repo)
	if err != nil {
		return err
	}
	b := bench{repo: repo, driver: driver, options: o}
	floor, err := b.floor(ctx)
	if err != nil {
		return fmt.Errorf("measuring the floor: %w", err)
	}
	rhumb, rest, err := b.rhumb(ctx)
	if err != nil {
		return fmt.Errorf("measuring Rhumb: %w", err)
	}
	head, err := b.head(ctx)
	if err != nil {
		return err
	}
	text := head + bars.Table(Ratios(o, floor, rhumb, rest))
	fmt.Print("\n" + text)
	if o.record {
		return bars.Record(repo.Path("docs", "performance.md"), text)
	}
	return nil
}

// build makes the driver.
func build(ctx context.Context, repo rig.Repo) (string, error) {
	out := repo.Path("bin", "bench")
	_, err := repo.Run(ctx, nil, "go", "build", "-o", out, "./test/bench/load")
	return out, err
}
