// SPDX-License-Identifier: Apache-2.0

// Package param decides whose parameter wins.
//
//	template default < blueprint < resource < owner, unless protected
//
// A blueprint's or resource's value protects a name from the owner, a default
// opens it again; the resource's entry replaces the blueprint's with its
// protection. Values are replaced whole, never merged.
package param

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/json"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// Sources are the places where a parameter may be set.
type Sources struct {
	Template  []v1alpha1.TemplateParam
	Blueprint []v1alpha1.BlueprintParam
	Resource  []v1alpha1.BlueprintParam
	Owner     []v1alpha1.OwnerParam
}

// Merge gives each name the value that wins, as plain JSON.
func Merge(from Sources) (map[string]any, error) {
	m := merger{map[string]any{}, map[string]bool{}, nil}
	for _, p := range from.Template {
		m.set(p.Name, p.DefaultValue.Raw)
	}
	for _, p := range from.Blueprint {
		m.setBlueprint(p)
	}
	for _, p := range from.Resource {
		m.setBlueprint(p)
	}
	for _, p := range from.Owner {
		if !m.protected[p.Name] {
			m.set(p.Name, p.Value.Raw)
		}
	}
	return m.values, m.err
}

type merger struct {
	values    map[string]any
	protected map[string]bool
	err       error
}

func (m *merger) setBlueprint(p v1alpha1.BlueprintParam) {
	switch {
	case p.Value != nil:
		m.set(p.Name, p.Value.Raw)
	case p.DefaultValue != nil:
		m.set(p.Name, p.DefaultValue.Raw)
	}
	m.protected[p.Name] = p.Value != nil
}

func (m *merger) set(name string, raw []byte) {
	var value any // no bytes are null
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &value); err != nil && m.err == nil {
			m.err = fmt.Errorf("reading param [%s]: %w", name, err)
		}
	}
	m.values[name] = value
}
