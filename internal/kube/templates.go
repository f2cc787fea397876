// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/render"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/fault"
)

// Templates serves compiled templates. Each is compiled once per resource
// version, whoever asks.
type Templates struct {
	reader client.Reader
	engine render.Engine

	mu       sync.Mutex
	compiled map[template.Ref]compiled
}

type compiled struct {
	uid      types.UID
	version  string
	template *template.Template
}

// NewTemplates reads templates from reader, which should answer from memory.
// Engine evaluates those in ytt.
func NewTemplates(reader client.Reader, engine render.Engine) *Templates {
	return &Templates{reader: reader, engine: engine, compiled: map[template.Ref]compiled{}}
}

// Get finds a template. One that is not there, or of no known kind, is a
// fault.Reject: its creation wakes those who asked.
func (t *Templates) Get(ctx context.Context, ref template.Ref) (*template.Template, error) {
	object := template.Empty(ref.Kind)
	if object == nil {
		return nil, fault.Rejectf(v1alpha1.UnknownErrorResourcesSubmittedReason, "no such template kind [%s]", ref.Kind)
	}
	err := t.reader.Get(ctx, types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}, object, client.UnsafeDisableDeepCopy)
	if errors.IsNotFound(err) {
		t.forget(ref)
		return nil, fault.As(fault.Reject, "", err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s [%s]: %w", ref.Kind, ref.Name, err)
	}
	return t.compile(ref, object), nil
}

func (t *Templates) compile(ref template.Ref, object template.Object) *template.Template {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.compiled[ref]; ok && c.uid == object.GetUID() && c.version == object.GetResourceVersion() {
		return c.template
	}
	c := compiled{object.GetUID(), object.GetResourceVersion(), template.Compile(object, t.engine)}
	t.compiled[ref] = c
	return c.template
}

func (t *Templates) forget(ref template.Ref) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.compiled, ref)
}
