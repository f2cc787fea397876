// SPDX-License-Identifier: Apache-2.0

package view

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// Verdict is where a workload stands, of the spec that it has now.
type Verdict int

// What a workload can be.
const (
	// Waiting means that nobody knows yet: the status speaks of an older spec, or says so.
	Waiting Verdict = iota
	// Failing means that something is wrong, which may still mend itself.
	Failing
	// IsReady means that all is well.
	IsReady
)

// Judge reads the status, unless it speaks of an older spec: what was wrong
// with that one says nothing about this.
func Judge(w *v1alpha1.Workload) Verdict {
	c := condition(w.Status.Conditions, v1alpha1.Ready)
	if c == nil || w.Status.ObservedGeneration < w.Generation || c.ObservedGeneration > 0 && c.ObservedGeneration < w.Generation {
		return Waiting
	}
	switch c.Status {
	case metav1.ConditionTrue:
		return IsReady
	case metav1.ConditionFalse:
		return Failing
	default:
		return Waiting
	}
}

// Why is what a workload says of not being ready: the cause if it is known,
// after reason and message.
func Why(w *v1alpha1.Workload) string {
	c := condition(w.Status.Conditions, v1alpha1.Ready)
	switch {
	case c == nil:
		return "it has no status: no controller has seen it"
	case w.Status.ObservedGeneration < w.Generation:
		return "its status speaks of an older spec: no controller has seen this one"
	}
	out := "[" + c.Reason + "]"
	if c.Message != "" {
		out += ": " + oneLine(c.Message)
	}
	if w.Status.Cause != "" {
		out += "\nCause: " + oneLine(w.Status.Cause)
	}
	return out
}
