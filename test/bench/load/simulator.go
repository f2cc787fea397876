// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// workers is how many requests simulator, floor and burst have in flight.
const workers = 16

// pool runs jobs, some at once, and says on standard error what went wrong.
func pool(ctx context.Context, jobs <-chan func() error) {
	for range workers {
		go func() {
			for {
				select {
				case <-ctx.Done():
					return
				case job := <-jobs:
					if err := job(); err != nil && ctx.Err() == nil {
						fmt.Fprintln(os.Stderr, "load:", err)
					}
				}
			}
		}()
	}
}

// fresh says whether a Step's status is about its spec.
func fresh(u *unstructured.Unstructured) bool {
	seen, _, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
	return seen == u.GetGeneration()
}

// answer is the status that a Step's provider would write: all of it follows
// from the spec, but for the revision of a source.
func answer(u *unstructured.Unstructured, revision string) map[string]any {
	spec, _, _ := unstructured.NestedMap(u.Object, "spec")
	name := u.GetName()
	out := map[string]any{"observedGeneration": u.GetGeneration(), "conditions": ready}
	switch {
	case strings.HasSuffix(name, "-source"):
		if revision == "" {
			revision = fmt.Sprint("generation-", u.GetGeneration())
		}
		out["url"], out["revision"] = "http://source.test/"+name+"/"+revision+".tgz", revision
	case strings.HasSuffix(name, "-image"):
		out["image"] = fmt.Sprintf("registry.test/%s@%v", name, spec["revision"])
	default:
		out["config"] = fmt.Sprintf("image: %v", spec["image"])
	}
	return out
}
