// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// driver is one run.
type driver struct {
	options

	cluster *cluster
	world   *world
}

func (d *driver) phases() []func(context.Context) error {
	out := []func(context.Context) error{d.burst, d.still, d.propagate, d.fanout}
	if !d.keep && !d.floor {
		out = append(out, d.remove)
	}
	return out
}

// watch feeds world, simulator and, if asked, floor from three informers.
func (d *driver) watch(ctx context.Context) error {
	jobs := make(chan func() error, 200000)
	pool(ctx, jobs)
	play := &floor{cluster: d.cluster, jobs: jobs, last: map[string]string{}}
	f := dynamicinformer.NewFilteredDynamicSharedInformerFactory(d.cluster, 0, namespace, nil)
	simulate := func(u *unstructured.Unstructured) {
		if !fresh(u) {
			jobs <- func() error { return d.cluster.tell(ctx, steps, u.GetName(), answer(u, "")) }
		}
		if d.floor {
			play.stepped(ctx, u)
		}
	}
	first := func(u *unstructured.Unstructured) {
		d.world.workload(u)
		if d.floor {
			play.workload(ctx, u)
		}
	}
	_, e1 := f.ForResource(steps).Informer().AddEventHandler(on(simulate, simulate))
	_, e2 := f.ForResource(configMaps).Informer().AddEventHandler(on(d.world.deployed, d.world.deployed))
	_, e3 := f.ForResource(workloads).Informer().AddEventHandler(on(first, d.world.workload))
	f.Start(ctx.Done())
	f.WaitForCacheSync(ctx.Done())
	return errors.Join(e1, e2, e3)
}

func on(add, update func(*unstructured.Unstructured)) cache.ResourceEventHandlerFuncs {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { add(o.(*unstructured.Unstructured)) },
		UpdateFunc: func(_, o any) { update(o.(*unstructured.Unstructured)) },
	}
}

// env is in every Workload; the config step copies it.
var env = []any{map[string]any{"name": "A", "value": "b"}}

func name(i int) string { return fmt.Sprintf("w%05d", i) }

// burst creates n Workloads at once, and ends when each is Ready with the last
// object of its chain in place.
func (d *driver) burst(ctx context.Context) error {
	settle(ctx, 3*time.Second)
	was, start := d.sample(), time.Now()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for i := range d.n {
		g.Go(func() error {
			_, err := d.cluster.in(workloads).Create(gctx, &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "carto.run/v1alpha1", "kind": "Workload",
				"metadata": map[string]any{"name": name(i), "labels": map[string]any{"bench": "true"}},
				"spec": map[string]any{
					"serviceAccountName": "bench", "env": env,
					"source": map[string]any{"git": map[string]any{"url": "https://git.test/" + name(i), "ref": map[string]any{"branch": "main"}}},
				},
			}}, metav1.CreateOptions{})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("creating Workloads: %w", err)
	}
	created := time.Since(start)
	var readies, ends int
	all := d.world.until(ctx, d.limit, func() bool {
		readies, ends = d.world.readies, len(d.world.config)
		return readies >= d.n && ends >= d.n
	})
	d.line("burst", start, was, fmt.Sprintf("created in %.1fs, %d deployed, %d ready (%v): %.1f workloads/s",
		created.Seconds(), ends, readies, all, float64(readies)/time.Since(start).Seconds()))
	return nil
}

// still watches a window in which nothing changes.
func (d *driver) still(ctx context.Context) error {
	settle(ctx, 5*time.Second)
	was, start := d.sample(), time.Now()
	settle(ctx, d.quiet)
	d.line("quiet", start, was, "")
	return nil
}

// propagate gives one source at a time a new revision, and waits until the last
// object of its chain shows it.
func (d *driver) propagate(ctx context.Context) error {
	var took []float64
	lost := 0
	was, start := d.sample(), time.Now()
	for i := range d.probes {
		owner := name(i * 37 % d.n)
		u, err := d.cluster.in(steps).Get(ctx, owner+"-source", metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("probing %s: %w", owner, err)
		}
		revision, t := fmt.Sprint("probe-", i), time.Now()
		if err := d.cluster.tell(ctx, steps, u.GetName(), answer(u, revision)); err != nil {
			return err
		}
		// The revision ends the config: probe-1 is not taken for probe-12.
		if !d.world.until(ctx, time.Minute, func() bool { return strings.HasSuffix(d.world.config[owner], revision) }) {
			lost++
			continue
		}
		took = append(took, float64(time.Since(t).Microseconds())/1000)
	}
	if len(took) == 0 {
		return errors.New("no change arrived")
	}
	slices.Sort(took)
	at := func(percent int) float64 { return took[len(took)*percent/100] }
	d.line("propagate", start, was, fmt.Sprintf("p50 %.0fms p90 %.0fms p99 %.0fms max %.0fms lost %d", at(50), at(90), at(99), took[len(took)-1], lost))
	return nil
}

// fanout changes the last template, and waits until every chain's last object
// follows. The floor writes those objects, and nothing else.
func (d *driver) fanout(ctx context.Context) error {
	was, start := d.sample(), time.Now()
	change := d.cluster.setup
	if d.floor {
		change = d.redeploy
	}
	if err := change(ctx, d.chain(), "2"); err != nil {
		return err
	}
	all := d.world.until(ctx, d.limit, func() bool { return d.world.rounds["2"] >= d.n })
	d.line("fanout", start, was, fmt.Sprintf("all restamped %v", all))
	return nil
}

// redeploy writes every chain's last object anew.
func (d *driver) redeploy(ctx context.Context, _, round string) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for i := range d.n {
		d.world.mu.Lock()
		config := d.world.config[name(i)]
		d.world.mu.Unlock()
		g.Go(func() error {
			return put(gctx, d.cluster.in(configMaps), lastObject(name(i), config, round), "floor")
		})
	}
	return g.Wait()
}

func (d *driver) remove(ctx context.Context) error {
	return d.cluster.in(workloads).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
}

// settle lets a time pass: a window of measurement, or the end of what came before.
func settle(ctx context.Context, t time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(t):
	}
}
