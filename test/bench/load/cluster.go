// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

const namespace = "bench"

var (
	workloads  = schema.GroupVersionResource{Group: "carto.run", Version: "v1alpha1", Resource: "workloads"}
	steps      = schema.GroupVersionResource{Group: "bench.rhumb.test", Version: "v1", Resource: "steps"}
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
)

//go:embed chain.yaml
var chain string

// yttBody is what the last template of the chain says, in ytt.
const yttBody = `  ytt: |
    #@ load("@ytt:data", "data")
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: #@ data.values.workload.metadata.name + "-deploy"
    data:
      config: #@ data.values.configs.config.config
      round: "ROUND"
`

// withYtt is the chain with a ytt template at its end.
func withYtt() string {
	const name = "metadata: {name: bench-deploy}\nspec:\n"
	head, tail, _ := strings.Cut(chain, name)
	_, tail, _ = strings.Cut(tail, "---\n")
	return head + name + yttBody + "---\n" + tail
}

// cluster is the control plane as the driver and the simulator use it.
type cluster struct{ dynamic.Interface }

func connect(cfg *rest.Config) (*cluster, error) {
	d, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return &cluster{d}, nil
}

func (c *cluster) in(gvr schema.GroupVersionResource) dynamic.ResourceInterface {
	return c.Resource(gvr).Namespace(namespace)
}

// setup applies a chain; round is a value in its last template.
func (c *cluster) setup(ctx context.Context, chain, round string) error {
	for doc := range strings.SplitSeq(strings.ReplaceAll(chain, "ROUND", round), "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			return fmt.Errorf("reading chain.yaml: %w", err)
		}
		gvr, _ := meta.UnsafeGuessKindToResource(u.GroupVersionKind())
		var r dynamic.ResourceInterface = c.Resource(gvr)
		if ns := u.GetNamespace(); ns != "" {
			r = c.Resource(gvr).Namespace(ns)
		}
		if err := put(ctx, r, u, "bench"); err != nil {
			return err
		}
	}
	return c.served(ctx)
}

// served waits until the kind that the CRD brings can be listed.
func (c *cluster) served(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := c.in(steps).List(ctx, metav1.ListOptions{Limit: 1})
		if err == nil || !errors.IsNotFound(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// put applies an object on the server's side.
func put(ctx context.Context, r dynamic.ResourceInterface, u *unstructured.Unstructured, manager string) error {
	data, err := json.Marshal(u.Object)
	if err != nil {
		return fmt.Errorf("writing %s %s: %w", u.GetKind(), u.GetName(), err)
	}
	force := true
	_, err = r.Patch(ctx, u.GetName(), types.ApplyPatchType, data, metav1.PatchOptions{FieldManager: manager, Force: &force})
	if err != nil {
		return fmt.Errorf("applying %s %s: %w", u.GetKind(), u.GetName(), err)
	}
	return nil
}

// tell merges a status into an object.
func (c *cluster) tell(ctx context.Context, gvr schema.GroupVersionResource, name string, status map[string]any) error {
	data, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	_, err = c.in(gvr).Patch(ctx, name, types.MergePatchType, data, metav1.PatchOptions{}, "status")
	if err != nil && !errors.IsNotFound(err) && !errors.IsConflict(err) {
		return fmt.Errorf("writing the status of %s: %w", name, err)
	}
	return nil
}

// ready is the condition that simulator and floor write.
var ready = []any{map[string]any{
	"type": "Ready", "status": "True", "reason": "Ready", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
}}
