// SPDX-License-Identifier: Apache-2.0

package realize

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/digest"
	"rhumb.run/rhumb/internal/core/plan"
)

// labels are the marks by which a stamped object is found again.
func labels(p *plan.Plan, r *Realized) map[string]string {
	o := p.Owner
	out := map[string]string{
		o.NameLabel:                     o.Name,
		o.NamespaceLabel:                o.Namespace,
		o.BlueprintLabel:                p.Blueprint.Name,
		v1alpha1.ResourceNameLabel:      r.Name,
		v1alpha1.TemplateKindLabel:      r.Chosen.Kind,
		v1alpha1.ClusterTemplateLabel:   r.Chosen.Name,
		v1alpha1.TemplateLifecycleLabel: r.Template.Lifecycle,
	}
	for key, value := range out {
		out[key] = LabelValue(value)
	}
	return out
}

// LabelValue makes a label value of a name. Names may have 253 characters,
// label values 63: a longer name keeps its head and ends in ten digits of its
// digest, so that two long names never meet.
func LabelValue(name string) string {
	const digits = 10
	if len(name) <= validation.LabelValueMaxLength {
		return name
	}
	sum := strings.TrimPrefix(digest.Bytes([]byte(name)), "sha256:")[:digits]
	head := name[:validation.LabelValueMaxLength-digits-1]
	return strings.TrimRight(head, "-._") + "-" + sum
}
