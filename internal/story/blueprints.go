// SPDX-License-Identifier: Apache-2.0

package story

import (
	"encoding/json"
	"fmt"
	"strings"

	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/report"
	"rhumb.run/rhumb/internal/memory"
)

// checked is a blueprint with its status: that of the file, or what its
// controller says of the templates that are there.
func (s *Story) checked(w *memory.World, object blueprint.Object) blueprint.Object {
	if !s.unchecked[object] {
		return object
	}
	b, out := blueprint.Of(object), object.DeepCopyObject().(blueprint.Object)
	status := blueprint.Status(out)
	*status = report.Blueprint(*status, b.Generation, missing(w, b), Noon)
	return out
}

func missing(w *memory.World, b *blueprint.Blueprint) []string {
	var out []string
	for _, r := range b.Resources {
		for _, ref := range r.Templates() {
			if !w.HasTemplate(ref) {
				out = append(out, r.Name)
			}
		}
	}
	return out
}

// compiled are the story's blueprints of a kind.
func (s *Story) compiled(w *memory.World, kind string) []*blueprint.Blueprint {
	var out []*blueprint.Blueprint
	for _, object := range s.Blueprints {
		if b := blueprint.Of(s.checked(w, object)); b.Kind == kind {
			out = append(out, b)
		}
	}
	return out
}

// tellBlueprints adds the statuses of the blueprints, if the story wants them:
// most are about somebody who follows one, and would say the same.
func (s *Story) tellBlueprints(w *memory.World, told Told) error {
	if _, asked := s.Want[blueprintsWanted]; !asked {
		return nil
	}
	var docs []string
	for _, object := range s.Blueprints {
		raw, err := json.Marshal(blueprint.Status(s.checked(w, object)))
		if err != nil {
			return fmt.Errorf("encoding status: %w", err)
		}
		var status map[string]any
		if err := json.Unmarshal(raw, &status); err != nil {
			return fmt.Errorf("encoding status: %w", err)
		}
		b := blueprint.Of(object)
		doc, err := text(map[string]any{"kind": b.Kind, "name": b.Name, "status": status})
		if err != nil {
			return err
		}
		docs = append(docs, doc)
	}
	told[blueprintsWanted] = strings.Join(docs, "---\n")
	return nil
}
