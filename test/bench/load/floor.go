// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// floor makes one write for each object that must exist or change, and one
// status write for each Workload, straight from watch events. Nothing that
// choreographs can do with less.
type floor struct {
	cluster *cluster
	jobs    chan<- func() error

	mu   sync.Mutex
	last map[string]string // a Step's name to the output that was handed on
}

// workload makes the first step.
func (f *floor) workload(ctx context.Context, u *unstructured.Unstructured) {
	git, _, _ := unstructured.NestedMap(u.Object, "spec", "source", "git")
	f.step(ctx, u.GetName()+"-source", map[string]any{"git": git})
}

// stepped hands a Step's output to the next.
func (f *floor) stepped(ctx context.Context, u *unstructured.Unstructured) {
	status, _, _ := unstructured.NestedMap(u.Object, "status")
	if status == nil || !fresh(u) || !f.news(u.GetName(), fmt.Sprint(status["url"], status["image"], status["config"])) {
		return
	}
	i := strings.LastIndexByte(u.GetName(), '-')
	owner, kind := u.GetName()[:i], u.GetName()[i+1:]
	switch kind {
	case "source":
		f.step(ctx, owner+"-image", map[string]any{"url": status["url"], "revision": status["revision"]})
	case "image":
		f.step(ctx, owner+"-config", map[string]any{"image": status["image"], "env": env})
	case "config":
		f.deploy(ctx, owner, status["config"])
	}
}

// news says whether an output differs from the one before.
func (f *floor) news(name, output string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last[name] == output {
		return false
	}
	f.last[name] = output
	return true
}

func (f *floor) step(ctx context.Context, name string, spec map[string]any) {
	f.put(ctx, steps, map[string]any{
		"apiVersion": "bench.rhumb.test/v1", "kind": "Step", "metadata": map[string]any{"name": name}, "spec": spec,
	})
}

func (f *floor) deploy(ctx context.Context, owner string, config any) {
	u := lastObject(owner, config, "1")
	f.jobs <- func() error { return put(ctx, f.cluster.in(configMaps), u, "floor") }
	f.jobs <- func() error { return f.cluster.tell(ctx, workloads, owner, map[string]any{"conditions": ready}) }
}

// lastObject ends a chain.
func lastObject(owner string, config any, round string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": owner + "-deploy"},
		"data": map[string]any{"config": config, "round": round},
	}}
}

func (f *floor) put(ctx context.Context, gvr schema.GroupVersionResource, object map[string]any) {
	u := &unstructured.Unstructured{Object: object}
	f.jobs <- func() error { return put(ctx, f.cluster.in(gvr), u, "floor") }
}
