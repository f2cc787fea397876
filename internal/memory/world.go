// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/lifecycle"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/render"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/fault"
)

// World is a cluster in memory. It is not for several goroutines at a time.
type World struct {
	// Before is asked before each call; its error is the call's answer, and nothing happens.
	Before func(Call) error
	// After is asked after each call; its error is what the caller hears of something that did happen.
	After func(Call) error
	// Store rewrites an object as it is stored, as a server does with defaults and spellings of its own.
	Store func(*unstructured.Unstructured)
	// Engine evaluates the ytt templates that are added from then on.
	Engine render.Engine
	// Writes are what was written, in order.
	Writes []Write

	templates map[template.Ref]*template.Template
	objects   map[key]*stored
	reports   map[key]map[string]any
	calls     int
	born      int
}

var _ realize.World = (*World)(nil)

type key struct {
	group, kind, namespace, name string
}

// stored is an object and what our last apply said of it.
type stored struct {
	object  *unstructured.Unstructured
	applied map[string]any
}

// New is an empty cluster.
func New() *World {
	return &World{
		templates: map[template.Ref]*template.Template{},
		objects:   map[key]*stored{},
		reports:   map[key]map[string]any{},
	}
}

// AddTemplate puts a template there, in the place of an older one of its kind and name.
func (w *World) AddTemplate(object template.Object) {
	t := template.Compile(object, w.Engine)
	w.templates[template.Ref{Kind: t.Kind, Name: t.Name, Namespace: object.GetNamespace()}] = t
}

// RemoveTemplate takes a template away.
func (w *World) RemoveTemplate(ref template.Ref) { delete(w.templates, ref) }

// HasTemplate tells whether a template is there.
func (w *World) HasTemplate(ref template.Ref) bool { return w.templates[ref] != nil }

// Template finds a template in the words of the API server if it is not there.
func (w *World) Template(_ context.Context, ref template.Ref) (*template.Template, error) {
	return call(w, Call{Verb: Read, Resource: resourceOf(v1alpha1.SchemeGroupVersion.WithKind(ref.Kind)), Name: ref.Name},
		func() (*template.Template, error) {
			if t := w.templates[ref]; t != nil {
				return t, nil
			}
			if template.Empty(ref.Kind) == nil {
				return nil, fault.Rejectf(v1alpha1.UnknownErrorResourcesSubmittedReason, "no such template kind [%s]", ref.Kind)
			}
			gvr, _ := meta.UnsafeGuessKindToResource(v1alpha1.SchemeGroupVersion.WithKind(ref.Kind))
			return nil, fault.As(fault.Reject, "", apierrors.NewNotFound(gvr.GroupResource(), ref.Name))
		})
}

// Observe finds an object among those that carry our labels, as a watch does.
func (w *World) Observe(_ context.Context, desired *unstructured.Unstructured) (realize.Live, error) {
	return call(w, callOf(Observe, desired), func() (realize.Live, error) {
		live := realize.Live{Resource: resourceOf(desired.GroupVersionKind())}
		if s := w.objects[keyOf(desired)]; s != nil && stamped(s.object) {
			live.Object = s.object.DeepCopy()
		}
		return live, nil
	})
}

// Apply makes the object so, as a forced server-side apply does.
func (w *World) Apply(_ context.Context, desired, live *unstructured.Unstructured) (realize.Live, error) {
	verb := Create
	if live != nil {
		verb = Patch
	}
	after, err := call(w, callOf(verb, desired), func() (*unstructured.Unstructured, error) { return w.apply(desired, live) })
	if err != nil {
		return realize.Live{}, fmt.Errorf("%s: %w", verb, err)
	}
	return realize.Live{Object: after.DeepCopy(), Resource: resourceOf(desired.GroupVersionKind())}, nil
}

func (w *World) apply(desired, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	there := w.objects[keyOf(desired)]
	stale := there != nil && (live == nil || live.GetUID() != there.object.GetUID())
	if stale && !sameController(there.object, desired) && there.object.GetAnnotations()[realize.AdoptAnnotation] != "true" {
		return nil, fault.As(fault.Deny, "", &realize.OccupiedError{Holder: realize.Holder(there.object)})
	}
	verb := Patch
	if there == nil {
		verb = Create
		there = &stored{object: &unstructured.Unstructured{Object: map[string]any{}}}
		w.born++
		there.object.SetUID(types.UID(fmt.Sprintf("uid-%d", w.born)))
		w.objects[keyOf(desired)] = there
	}
	there.merge(desired, w.Store)
	w.report(keyOf(desired))
	w.Writes = append(w.Writes, Write{verb, resourceOf(desired.GroupVersionKind()), desired.GetName()})
	return there.object, nil
}

// List finds objects by kind, namespace, controller and labels, newest first.
func (w *World) List(_ context.Context, like *unstructured.Unstructured, labels map[string]string) ([]*unstructured.Unstructured, string, error) {
	c := callOf(List, like)
	c.Name = ""
	found, err := call(w, c, func() ([]*unstructured.Unstructured, error) {
		var out []*unstructured.Unstructured
		for _, u := range w.Objects() {
			if u.GroupVersionKind() == like.GroupVersionKind() && u.GetNamespace() == like.GetNamespace() &&
				sameController(u, like) && subset(labels, u.GetLabels()) {
				out = append(out, u)
			}
		}
		lifecycle.Sort(out)
		return out, nil
	})
	return found, resourceOf(like.GroupVersionKind()), err
}

// Create makes an object, once; its owner's own of that name is given back as it is.
func (w *World) Create(_ context.Context, desired *unstructured.Unstructured) (realize.Live, error) {
	made, err := call(w, callOf(Create, desired), func() (*unstructured.Unstructured, error) {
		if there := w.objects[keyOf(desired)]; there != nil && sameController(there.object, desired) {
			return there.object, nil
		} else if there != nil {
			return nil, fault.As(fault.Deny, "", &realize.OccupiedError{Holder: realize.Holder(there.object)})
		}
		u, err := w.apply(desired, nil)
		if at := desired.GetCreationTimestamp(); err == nil && at.IsZero() {
			// Runs are told apart by their age: each is made a second after the one before.
			u.SetCreationTimestamp(metav1.Unix(dawn+int64(w.born), 0))
		}
		return u, err
	})
	if err != nil {
		return realize.Live{}, fmt.Errorf("%s: %w", Create, err)
	}
	return realize.Live{Object: made.DeepCopy(), Resource: resourceOf(desired.GroupVersionKind())}, nil
}

// dawn, 2024-01-01T00:00:00Z, is before everything that happens in a memory.
const dawn = 1704067200

func subset(labels, of map[string]string) bool {
	for key, value := range labels {
		if got, ok := of[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// Recall finds an object that the owner controls, seen by a watch or not.
func (w *World) Recall(_ context.Context, ref v1alpha1.StampedRef, owner types.UID) (*unstructured.Unstructured, error) {
	gvk := ref.GroupVersionKind()
	return call(w, Call{Verb: Recall, Resource: resourceOf(gvk), Name: ref.Name}, func() (*unstructured.Unstructured, error) {
		there := w.objects[key{gvk.Group, gvk.Kind, ref.Namespace, ref.Name}]
		if there == nil || !controlledBy(there.object, owner) {
			return nil, nil
		}
		return there.object.DeepCopy(), nil
	})
}

// Delete removes an object that the owner controls; false if there is none.
func (w *World) Delete(_ context.Context, ref v1alpha1.StampedRef, owner types.UID) (bool, error) {
	gvk := ref.GroupVersionKind()
	c := Call{Verb: Delete, Resource: resourceOf(gvk), Name: ref.Name}
	removed, err := call(w, c, func() (bool, error) {
		k := key{gvk.Group, gvk.Kind, ref.Namespace, ref.Name}
		there := w.objects[k]
		if there == nil || !controlledBy(there.object, owner) {
			return false, nil
		}
		delete(w.objects, k)
		w.Writes = append(w.Writes, Write{Delete, resourceOf(gvk), ref.Name})
		return true, nil
	})
	if err != nil {
		return false, fmt.Errorf("deleting %s [%s/%s]: %w", ref.Resource, ref.Namespace, ref.Name, err)
	}
	return removed, nil
}

func controlledBy(u *unstructured.Unstructured, owner types.UID) bool {
	c := metav1.GetControllerOf(u)
	return c != nil && c.UID == owner
}

// Put sets an object there, as somebody else would: it is no write of ours.
func (w *World) Put(object *unstructured.Unstructured) {
	object = object.DeepCopy()
	if object.GetUID() == "" {
		w.born++
		object.SetUID(types.UID(fmt.Sprintf("uid-%d", w.born)))
	}
	w.objects[keyOf(object)] = &stored{object: object}
	w.report(keyOf(object))
}

// Edit changes an object behind our back; false if there is none.
func (w *World) Edit(kind, name string, change func(*unstructured.Unstructured)) bool {
	for k, s := range w.objects {
		if k.kind == kind && k.name == name {
			before := s.object.DeepCopy()
			change(s.object)
			bump(before, s.object)
			return true
		}
	}
	return false
}

// Remove deletes an object behind our back; false if there is none.
func (w *World) Remove(kind, name string) bool {
	for k := range w.objects {
		if k.kind == kind && k.name == name {
			delete(w.objects, k)
			return true
		}
	}
	return false
}

// Report says which status an object's controller shows, from now on or from
// when the object is there. Nothing of the status is taken from elsewhere.
func (w *World) Report(about *unstructured.Unstructured, status map[string]any) {
	w.reports[keyOf(about)] = status
	w.report(keyOf(about))
}

func (w *World) report(k key) {
	if s, status := w.objects[k], w.reports[k]; s != nil && status != nil {
		s.object.Object["status"] = (&unstructured.Unstructured{Object: status}).DeepCopy().Object
	}
}

// Objects are all objects, by group, kind, namespace and name.
func (w *World) Objects() []*unstructured.Unstructured {
	keys := make([]key, 0, len(w.objects))
	for k := range w.objects {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.kind, b.kind),
			cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
	out := make([]*unstructured.Unstructured, 0, len(keys))
	for _, k := range keys {
		out = append(out, w.objects[k].object.DeepCopy())
	}
	return out
}

// Find is an object by kind and name, or nil.
func (w *World) Find(kind, name string) *unstructured.Unstructured {
	for _, o := range w.Objects() {
		if o.GetKind() == kind && o.GetName() == name {
			return o
		}
	}
	return nil
}

func keyOf(u *unstructured.Unstructured) key {
	gvk := u.GroupVersionKind()
	return key{gvk.Group, gvk.Kind, u.GetNamespace(), u.GetName()}
}

func resourceOf(gvk schema.GroupVersionKind) string {
	plural, _ := meta.UnsafeGuessKindToResource(gvk)
	return plural.GroupResource().String()
}

func stamped(u *unstructured.Unstructured) bool {
	labels := u.GetLabels()
	_, step := labels[v1alpha1.ResourceNameLabel]
	_, run := labels[v1alpha1.RunnableNameLabel]
	return step || run
}

func sameController(live, desired *unstructured.Unstructured) bool {
	a, b := metav1.GetControllerOf(live), metav1.GetControllerOf(desired)
	return a != nil && b != nil && a.UID == b.UID
}
