// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Verb is what a call wants.
type Verb string

// The verbs. An apply is a create or a patch by what its caller knows.
const (
	Read    Verb = "read"
	Observe Verb = "observe"
	Recall  Verb = "recall"
	List    Verb = "list"
	Select  Verb = "select"
	Watch   Verb = "watch"
	Create  Verb = "create"
	Patch   Verb = "patch"
	Delete  Verb = "delete"
)

// Writing is true of the verbs that change something.
func (v Verb) Writing() bool { return v == Create || v == Patch || v == Delete }

// Call is a question or an order of the core to the world.
type Call struct {
	// Number counts all calls from 1.
	Number   int
	Verb     Verb
	Resource string
	Name     string
}

// String is the call as one would say it: patch configmaps/app.
func (c Call) String() string { return fmt.Sprintf("%s %s/%s", c.Verb, c.Resource, c.Name) }

// Write is something that was written.
type Write struct {
	Verb     Verb
	Resource string
	Name     string
}

// String is the write as one would say it: create configmaps/app.
func (w Write) String() string { return fmt.Sprintf("%s %s/%s", w.Verb, w.Resource, w.Name) }

func callOf(verb Verb, u *unstructured.Unstructured) Call {
	return Call{Verb: verb, Resource: resourceOf(u.GroupVersionKind()), Name: u.GetName()}
}

// call lets the world's faults have their say before and after something is done.
func call[T any](w *World, c Call, do func() (T, error)) (T, error) {
	var none T
	w.calls++
	c.Number = w.calls
	if w.Before != nil {
		if err := w.Before(c); err != nil {
			return none, err
		}
	}
	out, err := do()
	if err == nil && w.After != nil {
		if err := w.After(c); err != nil {
			return none, err
		}
	}
	return out, err
}
