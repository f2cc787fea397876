// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/loop"
)

func needTemplate(ref template.Ref) loop.Need { return loop.Need{Kind: ref.Kind, Name: ref.Name} }

// needsOf is what a walk depends on: a change of it wakes the owner.
func needsOf(p *plan.Plan, account types.NamespacedName) []loop.Need {
	out := []loop.Need{loop.NeedAccount(account)}
	for i := range p.Steps {
		if p.Steps[i].Chosen.Name != "" {
			out = append(out, needTemplate(p.Steps[i].Chosen))
		}
	}
	return out
}
