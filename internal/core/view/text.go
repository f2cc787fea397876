// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

const (
	indent = "   "
	none   = "<none>"
	empty  = "<empty>"
)

// Text is all of a workload, section by section.
func Text(f *Facts, now time.Time, s Style) string {
	sections := []string{
		overview(f.Workload, s),
		source(f.Workload, s),
		supplyChain(f.Workload, now, s),
		delivery(f, now, s),
		messages(f, s),
		services(f.Workload, s),
		pods(f, now, s),
		knative(f, s),
		urls(f, s),
	}
	if s.Hint != "" {
		sections = append(sections, s.Hint+"\n")
	}
	return strings.Join(slices.DeleteFunc(sections, func(t string) bool { return t == "" }), "\n")
}

func overview(w *v1alpha1.Workload, s Style) string {
	return s.heading("📡", "Overview") + columns(indent, [][]string{
		{"name:", w.Name}, {"type:", or(w.Labels[TypeLabel], empty)}, {"namespace:", w.Namespace},
	})
}

// supplyChain is what became of each step.
func supplyChain(w *v1alpha1.Workload, now time.Time, s Style) string {
	return s.heading("📦", "Supply Chain") +
		columns(indent, [][]string{{"name:", or(w.Status.SupplyChainRef.Name, none)}}) + "\n" +
		steps(w.Status.Resources, "Supply Chain", now)
}

func delivery(f *Facts, now time.Time, s Style) string {
	out := s.heading("🚚", "Delivery")
	if why := f.Unread["deliverables"]; why != "" {
		return out + "\n" + indent + "Deliverables cannot be read: " + why + "\n"
	}
	if f.Deliverable == nil {
		return out + "\n" + steps(nil, "Delivery", now)
	}
	return out + columns(indent, [][]string{{"name:", or(f.Deliverable.Status.DeliveryRef.Name, none)}}) + "\n" +
		steps(f.Deliverable.Status.Resources, "Delivery", now)
}

func steps(all []v1alpha1.ResourceStatus, of string, now time.Time) string {
	if len(all) == 0 {
		return indent + of + " resources not found.\n"
	}
	rows := [][]string{{"NAME", "READY", "HEALTHY", "UPDATED", "RESOURCE"}}
	for i := range all {
		r := &all[i]
		ready, healthy, updated := "", "", ""
		if c := condition(r.Conditions, v1alpha1.ResourceReady); c != nil {
			ready, updated = string(c.Status), age(c.LastTransitionTime, now)
		}
		if c := condition(r.Conditions, v1alpha1.ResourceHealthy); c != nil {
			healthy = string(c.Status)
		}
		rows = append(rows, []string{r.Name, ready, healthy, updated, stamped(r.StampedRef)})
	}
	return columns(indent, rows)
}

// stamped is the object as kubectl takes it.
func stamped(ref *v1alpha1.StampedRef) string {
	if ref == nil || ref.ObjectReference == nil || ref.Name == "" {
		return "not found"
	}
	what := or(ref.Resource, ref.Kind)
	if what == "" {
		return "not found"
	}
	return what + "/" + ref.Name
}

// messages are what both owners say, and why.
func messages(f *Facts, s Style) string {
	rows := said("Workload", f.Workload.Status.OwnerStatus)
	if f.Deliverable != nil {
		rows = append(rows, said("Deliverable", f.Deliverable.Status.OwnerStatus)...)
	}
	out := s.heading("💬", "Messages")
	if len(rows) == 0 {
		return out + indent + "No messages found.\n"
	}
	return out + columns(indent, rows)
}

func said(who string, status v1alpha1.OwnerStatus) [][]string {
	var rows [][]string
	seen := map[string]bool{"": true}
	for _, kind := range []string{v1alpha1.OwnerReady, v1alpha1.OwnerResourcesHealthy} {
		c := condition(status.Conditions, kind)
		if c == nil || c.Status == metav1.ConditionTrue || seen[c.Message] {
			continue
		}
		seen[c.Message] = true
		rows = append(rows, []string{who + " [" + c.Reason + "]:", oneLine(c.Message)})
	}
	if status.Cause != "" {
		rows = append(rows, []string{"Cause:", oneLine(status.Cause)})
	}
	return rows
}

func services(w *v1alpha1.Workload, s Style) string {
	if len(w.Spec.ServiceClaims) == 0 {
		return ""
	}
	rows := [][]string{{"CLAIM", "NAME", "KIND", "API VERSION"}}
	for _, c := range w.Spec.ServiceClaims {
		ref := v1alpha1.WorkloadServiceClaimReference{}
		if c.Ref != nil {
			ref = *c.Ref
		}
		rows = append(rows, []string{c.Name, ref.Name, ref.Kind, ref.APIVersion})
	}
	return s.heading("🔁", "Services") + columns(indent, rows)
}

func knative(f *Facts, s Style) string {
	if len(f.Knative) == 0 {
		return ""
	}
	rows := [][]string{{"NAME", "READY", "URL"}}
	for _, k := range f.Knative {
		rows = append(rows, []string{k.Name, or(k.Ready, "Unknown"), or(k.URL, none)})
	}
	return s.heading("🚢", "Knative Services") + columns(indent, rows)
}

// columns sets rows in columns; what a cell holds cannot break the table.
func columns(margin string, rows [][]string) string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = oneLine(c)
		}
		fmt.Fprintf(t, "%s%s\n", margin, strings.Join(cells, "\t")) //nolint:errcheck // a strings.Builder takes everything
	}
	t.Flush() //nolint:errcheck // the same
	return trimRight(b.String())
}

// trimRight takes the blanks from the ends of lines, where a last cell is empty.
func trimRight(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// oneLine keeps text that others wrote from moving the cursor or adding rows.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }), " ")
}

func condition(all []metav1.Condition, kind string) *metav1.Condition {
	for i := range all {
		if all[i].Type == kind {
			return &all[i]
		}
	}
	return nil
}

// age is how long ago it was.
func age(then metav1.Time, now time.Time) string {
	if then.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(now.Sub(then.Time))
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
