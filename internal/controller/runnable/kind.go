// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/runnable"
)

// Kind is what differs between the kinds of runnable.
type Kind struct {
	Kind string
	New  func() client.Object
	// WithStatus is a copy of the object with another status.
	WithStatus func(object client.Object, status v1alpha1.RunnableStatus) client.Object
}

// Runnables name a ClusterRunTemplate.
func Runnables() Kind {
	return Kind{
		Kind: runnable.Kind,
		New:  func() client.Object { return &v1alpha1.Runnable{} },
		WithStatus: func(o client.Object, status v1alpha1.RunnableStatus) client.Object {
			r := o.(*v1alpha1.Runnable)
			return &v1alpha1.Runnable{ObjectMeta: *r.ObjectMeta.DeepCopy(), Spec: r.Spec, Status: status}
		},
	}
}

// Pipelines are runnables as they were spelled once.
func Pipelines() Kind {
	return Kind{
		Kind: runnable.PipelineKind,
		New:  func() client.Object { return &v1alpha1.Pipeline{} },
		WithStatus: func(o client.Object, status v1alpha1.RunnableStatus) client.Object {
			p := o.(*v1alpha1.Pipeline)
			return &v1alpha1.Pipeline{ObjectMeta: *p.ObjectMeta.DeepCopy(), Spec: p.Spec, Status: status}
		},
	}
}
