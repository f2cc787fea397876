// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/fault"
)

// Cluster is what all worlds share.
type Cluster struct {
	Identities *Identities
	Templates  *Templates
	Watches    *Watches
	// Follows watches what selectors find; needed by those who select only.
	Follows *Follows
	Mapper  meta.RESTMapper

	resources sync.Map // schema.GroupVersionKind → schema.GroupVersionResource
}

// World is the cluster with the rights of one service account.
type World struct {
	*Cluster
	as        dynamic.Interface
	namespace string
}

var _ realize.World = World{}

// As is the cluster as a service account may see and change it, in a namespace
// and on behalf of a blueprint.
func (c *Cluster) As(ctx context.Context, account types.NamespacedName, namespace, blueprint string) (World, error) {
	as, err := c.Identities.As(ctx, account, namespace, blueprint)
	return World{c, as, namespace}, err
}

// Template serves from memory. A template of another namespace is for those
// only who may read it themselves.
func (w World) Template(ctx context.Context, ref template.Ref) (*template.Template, error) {
	if ref.Namespace != "" && ref.Namespace != w.namespace {
		if err := w.mayRead(ctx, ref); err != nil {
			return nil, err
		}
	}
	return w.Templates.Get(ctx, ref)
}

// Observe answers from memory; only kinds of which no copy may be kept are
// asked for, with the owner's rights.
func (w World) Observe(ctx context.Context, desired *unstructured.Unstructured) (realize.Live, error) {
	gvr, err := w.resource(desired.GroupVersionKind())
	if err != nil {
		return realize.Live{}, err
	}
	live := realize.Live{Resource: gvr.GroupResource().String()}
	live.Object, err = w.observe(ctx, gvr, desired.GetNamespace(), desired.GetName())
	return live, err
}

func (w World) observe(ctx context.Context, gvr schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	if secret(gvr) {
		return w.ask(ctx, gvr, namespace, name)
	}
	return w.Watches.find(ctx, gvr, namespace, name)
}

// ask reads one object from the server with the owner's rights; nil if there is none.
func (w World) ask(ctx context.Context, gvr schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	u, err := w.as.Resource(gvr).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if errors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, denied(fmt.Errorf("failed to get unstructured [%s/%s] from api server: %w", namespace, name, err))
	}
	return u, nil
}

// absent is a resource version that no object ever has. An apply that names it
// creates an object or fails: it never changes one that is there.
const absent = "1"

// Apply makes one server-side apply. Fields that others own are taken back
// only from objects that are ours.
func (w World) Apply(ctx context.Context, desired, live *unstructured.Unstructured) (realize.Live, error) {
	gvr, err := w.resource(desired.GroupVersionKind())
	if err != nil {
		return realize.Live{}, err
	}
	after, err := w.write(ctx, gvr, desired, live)
	if errors.IsConflict(err) {
		after, err = w.contend(ctx, gvr, desired)
	}
	if errors.IsNotFound(err) {
		// The namespace is gone, or the kind: ask anew where it is.
		w.resources.Delete(desired.GroupVersionKind())
	}
	if err != nil {
		verb := "create"
		if live != nil {
			verb = "patch"
		}
		return realize.Live{}, denied(fmt.Errorf("%s: %w", verb, err))
	}
	w.remember(gvr, after)
	return realize.Live{Object: after, Resource: gvr.GroupResource().String()}, nil
}

func (w World) write(ctx context.Context, gvr schema.GroupVersionResource, desired, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	body := &unstructured.Unstructured{Object: copyTop(desired.Object)}
	if live == nil {
		body.SetResourceVersion(absent)
	} else {
		// Deleted and made anew by somebody else meanwhile: then it is not ours any more.
		body.SetUID(live.GetUID())
	}
	raw, err := json.Marshal(body.Object)
	if err != nil {
		return nil, fmt.Errorf("encoding object: %w", err)
	}
	force := true
	return w.as.Resource(gvr).Namespace(desired.GetNamespace()).Patch(ctx, desired.GetName(), types.ApplyPatchType, raw,
		// A second, strict parse would cost the server a good part of the request, and
		// server-side apply refuses fields that the schema does not know by itself.
		metav1.PatchOptions{FieldManager: Manager, Force: &force, FieldValidation: metav1.FieldValidationIgnore})
}

// contend is for an object that is not as memory has it: it asks the server
// once, and goes on only with an object that is ours.
func (w World) contend(ctx context.Context, gvr schema.GroupVersionResource, desired *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	live, err := w.ask(ctx, gvr, desired.GetNamespace(), desired.GetName())
	if err != nil {
		return nil, err
	}
	if live != nil && !sameController(live, desired) && live.GetAnnotations()[realize.AdoptAnnotation] != "true" {
		return nil, fault.As(fault.Deny, "", &realize.OccupiedError{Holder: realize.Holder(live)})
	}
	return w.write(ctx, gvr, desired, live)
}

func (w World) remember(gvr schema.GroupVersionResource, after *unstructured.Unstructured) {
	after.SetManagedFields(nil)
	if secret(gvr) {
		return
	}
	w.Watches.mu.Lock()
	k := w.Watches.kinds[kindOf(gvr, after.GetLabels())]
	w.Watches.mu.Unlock()
	if k != nil {
		k.recent.put(after)
	}
}

// Recall asks the server for what memory does not have: a cache that has just
// begun to fill may be older than the record, and what it lacks would be lost.
// An account that may not ask has only the cache.
func (w World) Recall(ctx context.Context, ref v1alpha1.StampedRef, owner types.UID) (*unstructured.Unstructured, error) {
	gvr, err := w.resource(ref.GroupVersionKind())
	if meta.IsNoMatchError(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	live, err := w.observe(ctx, gvr, ref.Namespace, ref.Name)
	if err == nil && live == nil {
		live, err = w.ask(ctx, gvr, ref.Namespace, ref.Name)
		if class, _ := fault.Of(err); class == fault.Deny {
			return nil, nil
		}
	}
	if err != nil || live == nil || live.GetDeletionTimestamp() != nil || !controlledBy(live, owner) {
		return nil, err
	}
	return live, nil
}

// Delete removes an object that no step stamps any more, unless it has passed
// to somebody else. One that is gone already is fine.
func (w World) Delete(ctx context.Context, ref v1alpha1.StampedRef, owner types.UID) (bool, error) {
	live, err := w.Recall(ctx, ref, owner)
	if err != nil || live == nil {
		return false, err
	}
	gvr, err := w.resource(ref.GroupVersionKind())
	if err != nil {
		return false, err
	}
	uid, background := live.GetUID(), metav1.DeletePropagationBackground
	err = w.as.Resource(gvr).Namespace(ref.Namespace).Delete(ctx, ref.Name,
		metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}, PropagationPolicy: &background})
	if err != nil && !errors.IsNotFound(err) && !errors.IsConflict(err) {
		return false, denied(fmt.Errorf("deleting %s [%s/%s]: %w", ref.Resource, ref.Namespace, ref.Name, err))
	}
	return err == nil, nil
}

// resource finds the resource of a kind. What was found is kept: a kind keeps
// its resource for as long as it exists.
func (c *Cluster) resource(gvk schema.GroupVersionKind) (schema.GroupVersionResource, error) {
	if known, ok := c.resources.Load(gvk); ok {
		return known.(schema.GroupVersionResource), nil
	}
	m, err := c.Mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return schema.GroupVersionResource{}, fmt.Errorf("finding kind %s: %w", gvk, err)
	}
	if m.Scope.Name() != meta.RESTScopeNameNamespace {
		return schema.GroupVersionResource{}, fault.Rejectf("", "kind %s is cluster-scoped, and a namespaced owner can't own it", gvk)
	}
	c.resources.Store(gvk, m.Resource)
	return m.Resource, nil
}

func secret(gvr schema.GroupVersionResource) bool {
	return gvr.Group == "" && gvr.Resource == "secrets"
}

// denied marks a refusal for want of rights: it ends when somebody grants them.
func denied(err error) error {
	if errors.IsForbidden(err) || errors.IsUnauthorized(err) {
		return fault.As(fault.Deny, "", err)
	}
	return err
}

func sameController(live, desired *unstructured.Unstructured) bool {
	return controlledBy(live, desired.GetOwnerReferences()[0].UID)
}

func controlledBy(live *unstructured.Unstructured, owner types.UID) bool {
	ref := metav1.GetControllerOf(live)
	return ref != nil && ref.UID == owner
}

// copyTop copies an object as deep as its metadata, which is all that a write changes.
func copyTop(object map[string]any) map[string]any {
	out := make(map[string]any, len(object))
	maps.Copy(out, object)
	from := object["metadata"].(map[string]any)
	metadata := make(map[string]any, len(from)+1)
	maps.Copy(metadata, from)
	out["metadata"] = metadata
	return out
}
