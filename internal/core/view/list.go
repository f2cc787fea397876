// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// List is a line for each workload.
func List(all []v1alpha1.Workload, namespaces bool, now time.Time) string {
	rows := [][]string{{"TYPE", "NAME", "APP", "READY", "AGE"}}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b v1alpha1.Workload) int {
		return strings.Compare(a.Namespace+"\x00"+a.Name, b.Namespace+"\x00"+b.Name)
	})
	for i := range all {
		w := &all[i]
		rows = append(rows, []string{
			or(w.Labels[TypeLabel], empty), w.Name, or(w.Labels[AppLabel], empty),
			readyWord(w.Status.Conditions), age(w.CreationTimestamp, now),
		})
	}
	if namespaces {
		rows[0] = append([]string{"NAMESPACE"}, rows[0]...)
		for i := range all {
			rows[i+1] = append([]string{all[i].Namespace}, rows[i+1]...)
		}
	}
	return columns("", rows)
}

// readyWord is the reason of Ready, which is Ready where all is well.
func readyWord(all []metav1.Condition) string {
	if c := condition(all, v1alpha1.Ready); c != nil {
		return or(c.Reason, string(c.Status))
	}
	return "<unknown>"
}

// Chains is a line for each supply chain.
func Chains(all []v1alpha1.ClusterSupplyChain, now time.Time) string {
	rows := [][]string{{"NAME", "READY", "AGE"}}
	for i := range all {
		rows = append(rows, []string{all[i].Name, readyWord(all[i].Status.Conditions), age(all[i].CreationTimestamp, now)})
	}
	return columns("", rows)
}

// Chain is a supply chain: whether it is ready, and which workloads it takes.
func Chain(c *v1alpha1.ClusterSupplyChain) string {
	out := fmt.Sprintf("---\n# %s: %s\n---\nSupply Chain Selectors\n", c.Name, readyWord(c.Status.Conditions))
	rows := [][]string{{"TYPE", "KEY", "OPERATOR", "VALUE"}}
	keys := []string{}
	for k := range c.Spec.Selector {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		rows = append(rows, []string{"labels", k, "", c.Spec.Selector[k]})
	}
	add := func(kind, key, operator string, values []string) {
		if len(values) == 0 {
			values = []string{""}
		}
		for _, v := range values {
			rows = append(rows, []string{kind, key, operator, v})
		}
	}
	for _, e := range c.Spec.SelectorMatchExpressions {
		add("expressions", e.Key, string(e.Operator), e.Values)
	}
	for _, e := range c.Spec.SelectorMatchFields {
		add("fields", e.Key, string(e.Operator), e.Values)
	}
	if len(rows) == 1 {
		return out + indent + "No selectors found.\n"
	}
	return out + columns(indent, rows)
}
