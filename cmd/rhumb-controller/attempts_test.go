// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Retries, what newer inputs end, and what is kept.
func TestRunsThatFailAreMadeAgainAndOldOnesGo(t *testing.T) {
	b := newTrials(t)
	stop := b.start(nil)
	b.apply(runnerRights + "\n---" + trialTemplate + "\n---" + try +
		"\n  retentionPolicy: {maxFailedRuns: 1, maxSuccessfulRuns: 1}\n  retryPolicy: {maxRetries: 2, backoff: {initial: 1s, max: 1s}}\n  concurrency: {cancelSuperseded: true}")
	first := b.run("one", 1)[0]
	b.finish(first, "False", "badly")
	second := b.attempt("2")
	stop() // attempts are counted on the runs, not in the process
	b.start(nil)
	b.finish(second, "False", "badly")
	third := b.attempt("3")
	b.finish(third, "False", "badly")
	b.runnable("try", "False", "SucceededCondition", nil)
	b.until("the failed attempts but the last are gone", func() (bool, string) {
		all := b.runs()["one"]
		return len(all) == 1 && all[0] == third, fmt.Sprint(all)
	})

	b.merge(b.carto("runnables"), "try", `{spec: {inputs: {text: two}}}`)
	b.run("two", 1)
	b.merge(b.carto("runnables"), "try", `{spec: {inputs: {text: three}}}`)
	three := b.run("three", 1)[0]
	b.run("two", 0) // it had not ended, and nobody wants it any more
	b.finish(three, "True", "well")
	b.runnable("try", "True", "Ready", said("well"))
	b.merge(b.carto("runnables"), "try", `{spec: {inputs: {text: four}}}`)
	b.finish(b.run("four", 1)[0], "True", "better")
	b.runnable("try", "True", "Ready", said("better"))
	b.run("three", 0)
	b.run("one", 1)
}

// attempt waits for the run that is that attempt, and names it.
func (b *bed) attempt(n string) string {
	b.t.Helper()
	name := ""
	b.until("there is attempt "+n, func() (bool, string) {
		list, err := b.trials().List(context.Background(), metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		for i := range list.Items {
			if list.Items[i].GetAnnotations()["rhumb.run/attempt"] == n {
				name = list.Items[i].GetName()
			}
		}
		return name != "", fmt.Sprint(b.runs())
	})
	return name
}

// TestRunnableKilledBetweenAnyTwoWrites kills the controller after each of its
// writes in turn: the runs and the status are always those of a life without death.
func TestRunnableKilledBetweenAnyTwoWrites(t *testing.T) {
	want := runnableLife(t, nil)
	for _, answered := range []bool{true, false} {
		for k := 1; ; k++ {
			killer := newKiller(k, answered)
			got := runnableLife(t, killer)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("killed at write %d (answered %v):\n%s", k, answered, diff)
			}
			if !killer.died.Load() {
				break // it made fewer writes than that: all were tried
			}
		}
	}
}

// runnableLife takes a runnable through a run that fails, its retry, and new inputs
// that supersede what runs then, with a death on the way if there is a killer.
func runnableLife(t *testing.T, k *killer) map[string]any {
	t.Helper()
	b := newTrials(t)
	if k != nil {
		stop := b.start(k.wrap)
		go func() { <-k.dead; stop(); b.start(nil) }()
	} else {
		b.start(nil)
	}
	b.apply(runnerRights + "\n---" + trialTemplate + "\n---" + try +
		"\n  retentionPolicy: {maxFailedRuns: 1, maxSuccessfulRuns: 1}\n  retryPolicy: {maxRetries: 1, backoff: {initial: 1s, max: 1s}}\n  concurrency: {cancelSuperseded: true}")
	b.finish(b.run("one", 1)[0], "False", "badly")
	b.finish(b.attempt("2"), "True", "well")
	b.runnable("try", "True", "Ready", said("well"))
	b.merge(b.carto("runnables"), "try", `{spec: {inputs: {text: two}}}`)
	b.run("two", 1)
	b.merge(b.carto("runnables"), "try", `{spec: {inputs: {text: three}}}`)
	b.run("two", 0)
	b.finish(b.run("three", 1)[0], "True", "better")
	u := b.runnable("try", "True", "Ready", said("better"))
	b.until("what is not kept is gone", func() (bool, string) {
		all := b.runs()
		return len(all["one"]) == 1 && len(all["two"]) == 0 && len(all["three"]) == 1, fmt.Sprint(all)
	})
	return map[string]any{"status": timeless(b.ns, u.Object["status"]), "one": len(b.runs()["one"])}
}
