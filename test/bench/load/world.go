// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// world is what the driver has seen: the end of each chain, and who is Ready.
type world struct {
	mu     sync.Mutex
	config map[string]string
	round  map[string]string
	ready  map[string]bool
	wake   chan struct{}

	// readies and rounds are counted as they change: the wait for ten thousand must cost less than they do.
	readies int
	rounds  map[string]int
}

func newWorld() *world {
	return &world{config: map[string]string{}, round: map[string]string{}, ready: map[string]bool{}, wake: make(chan struct{}, 1), rounds: map[string]int{}}
}

// deployed sees the last object of a chain.
func (w *world) deployed(u *unstructured.Unstructured) {
	name, ours := strings.CutSuffix(u.GetName(), "-deploy")
	if !ours {
		return
	}
	data, _, _ := unstructured.NestedStringMap(u.Object, "data")
	w.change(func() {
		w.rounds[w.round[name]]--
		w.config[name], w.round[name] = data["config"], data["round"]
		w.rounds[data["round"]]++
	})
}

// workload sees whether a Workload is Ready.
func (w *world) workload(u *unstructured.Unstructured) {
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	is := false
	for _, c := range conditions {
		m, ok := c.(map[string]any)
		is = is || ok && m["type"] == "Ready" && m["status"] == "True"
	}
	w.change(func() {
		if was := w.ready[u.GetName()]; is && !was {
			w.readies++
		} else if was && !is {
			w.readies--
		}
		w.ready[u.GetName()] = is
	})
}

func (w *world) change(f func()) {
	w.mu.Lock()
	f()
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// until waits for ok, which is asked after each change, and says whether it came.
func (w *world) until(ctx context.Context, limit time.Duration, ok func() bool) bool {
	end := time.NewTimer(limit)
	defer end.Stop()
	for {
		w.mu.Lock()
		done := ok()
		w.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-w.wake:
		case <-end.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}
