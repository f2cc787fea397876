// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/template"
)

// World is what making a run needs of its surroundings, seen with the rights
// of the runnable's account.
type World interface {
	// Template finds a compiled template. One that does not exist is a fault.Reject.
	Template(ctx context.Context, ref template.Ref) (*template.Template, error)
	Running
	Selecting
	Ending
}

// Running finds and makes runs.
type Running interface {
	// List gives the live objects of like's kind, namespace and controller that carry
	// all of these labels, newest first, and what kubectl calls their resource.
	List(ctx context.Context, like *unstructured.Unstructured, labels map[string]string) ([]*unstructured.Unstructured, string, error)
	// Create makes an object that is never changed afterwards. If one of its name is there
	// and has the same controller, that one is given back as it is.
	Create(ctx context.Context, desired *unstructured.Unstructured) (realize.Live, error)
}

// Selecting finds objects that templates may read.
type Selecting interface {
	// Select gives the objects of a kind that carry all of these labels: in the
	// namespace, or everywhere if the kind has none. From then on a change of them wakes
	// who asked; if it can't, unwatched says why.
	Select(ctx context.Context, what v1alpha1.ResourceSelector, namespace string) (found []*unstructured.Unstructured, unwatched error, err error)
}

// Ending ends runs.
type Ending interface {
	// Cancel merges a patch into a run, unless another took its name meanwhile.
	Cancel(ctx context.Context, run *unstructured.Unstructured, patch map[string]any) error
	// Delete removes an object that the owner controls; false if there was none.
	Delete(ctx context.Context, ref v1alpha1.StampedRef, owner types.UID) (bool, error)
}
