// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/internal/fault"
)

// Evidence is what is known of an owner without asking anybody.
type Evidence struct {
	// Owner is the owner's kind, as in Workload; Blueprint is its blueprint, as in ClusterSupplyChain web, "" of a Runnable.
	Owner     string
	Namespace string
	Name      string
	Blueprint string
	// Account is who acted for the owner.
	Account types.NamespacedName
	// Ready is the owner's Ready condition.
	Ready metav1.ConditionStatus
	// Err says why the steps were not reached.
	Err error
	// Steps are in the order of the walk.
	Steps []Step
}

// Step is what became of one resource of a blueprint, or of the run of a Runnable.
type Step struct {
	// Name is "" of a run.
	Name string
	// Template made the object: kind and name.
	Template string
	// After names the steps whose outputs this one reads.
	After []string
	Err   error
	// Desired is the object as it was to be made; nil if the template could not be filled in.
	Desired *unstructured.Unstructured
	// Live is the stamped object; nil if there is none.
	Live *unstructured.Unstructured
	// Healthy is the step's Healthy condition.
	Healthy metav1.ConditionStatus
	// Looked is what was found below the object; nil if nobody looked.
	Looked *Node
}

// Node is an object with what was found about and below it.
type Node struct {
	Object *unstructured.Unstructured
	// Events are warnings, oldest first.
	Events []Event
	// Tails are the last words of containers, by container.
	Tails map[string]string
	Below []*Node
}

// Event is what somebody said about an object.
type Event struct{ Reason, Message string }

// rank says how much a finding explains.
type rank int

const (
	none     rank = iota
	waiting       // nothing failed: something is not there yet
	failing       // it failed, in words that we only pass on
	specific      // it failed, and what mends it is known
)

// finding is what a recogniser made of a piece of evidence.
type finding struct {
	rank rank
	// what names the object and says what is wrong. It is the same as long as the failure is.
	what string
	// quote is what was said, in words from outside that may differ from one time to the next.
	quote string
	fix   string
}

// better prefers the one that explains more; of equals the first.
func better(a, b finding) finding {
	if b.rank > a.rank {
		return b
	}
	return a
}

// Verdict is why an owner is not ready; the zero Verdict knows of no reason.
type Verdict struct{ finding }

// Of finds the cause. Of an owner that is ready it tells only of objects that
// say themselves that they are failing.
func Of(e Evidence) Verdict {
	if e.Err != nil {
		return Verdict{ofOwner(&e)}
	}
	best := finding{}
	for i := range e.Steps {
		if !e.derived(&e.Steps[i]) {
			best = better(best, e.step(&e.Steps[i]))
		}
	}
	if e.Ready == metav1.ConditionTrue && best.rank < failing {
		return Verdict{}
	}
	return Verdict{best}
}

// derived is a step that failed for want of what an earlier one did not yield.
func (e *Evidence) derived(s *Step) bool {
	if s.Err == nil {
		return false
	}
	return slices.ContainsFunc(e.Steps, func(o Step) bool { return o.Err != nil && slices.Contains(s.After, o.Name) })
}

func (e *Evidence) step(s *Step) finding {
	class, _ := fault.Of(s.Err)
	if class != fault.None && class != fault.Wait {
		return e.refused(s)
	}
	if s.Live == nil || !s.unwell() {
		// What was found below it when it was unwell is history.
		return finding{}
	}
	f := read(s.node())
	if f.rank < failing && (s.Err != nil || s.unhealthy()) {
		f = better(f, e.awaited(s))
	}
	return f
}

// unwell is a step that is not done, or whose object says itself that it is not well.
func (s *Step) unwell() bool { return s.Err != nil || s.unhealthy() || ails(s.Live) }

func (s *Step) unhealthy() bool {
	return s.Healthy == metav1.ConditionFalse || s.Healthy == metav1.ConditionUnknown
}

func (s *Step) node() *Node {
	if s.Looked == nil {
		return &Node{Object: s.Live}
	}
	// The newest state of the object itself is in memory.
	n := *s.Looked
	n.Object = s.Live
	return &n
}

// Want is an object that deserves a look.
type Want struct {
	Step   string
	Object *unstructured.Unstructured
}

// Wanted are the stamped objects that are not well and do not say enough
// themselves. For owners at rest that are ready it is empty.
func Wanted(e Evidence) []Want {
	if e.Err != nil {
		return nil
	}
	var out []Want
	for i := range e.Steps {
		s := &e.Steps[i]
		class, _ := fault.Of(s.Err)
		if s.Live == nil || class != fault.None && class != fault.Wait || tells(s.Live) {
			continue
		}
		if s.unwell() && read(&Node{Object: s.Live}).rank < specific {
			out = append(out, Want{s.Name, s.Live})
		}
	}
	return out
}
