// SPDX-License-Identifier: Apache-2.0

package story

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// facts of an object are what a reader wants to see change: a name and a value
// each, in an order that reads well.
type facts struct {
	names  []string
	values map[string]string
}

func (f *facts) add(name, value string) {
	if f.values == nil {
		f.values = map[string]string{}
	}
	if _, there := f.values[name]; !there {
		f.names = append(f.names, name)
	}
	f.values[name] = value
}

// Changes says what differs between two sights of an object, a line for each
// fact; before may be nil.
func Changes(before, after *unstructured.Unstructured) []string {
	was, is := look(before), look(after)
	var out []string
	for _, name := range is.names {
		if v := is.values[name]; v != "" && v != was.values[name] {
			out = append(out, strings.TrimSpace(name+" "+v))
		}
	}
	return out
}

// look reads the facts of an object. The kinds of the story have facts of their
// own; conditions are everyone's.
func look(o *unstructured.Unstructured) facts {
	var f facts
	if o == nil {
		return f
	}
	switch o.GetKind() {
	case "Workload":
		resources(&f, o)
		conditions(&f, o, "SupplyChainReady", "ResourcesSubmitted", "ResourcesHealthy", "Ready")
	case "ImageRepository":
		conditions(&f, o, "ImageResolved", "ArtifactAvailable", "Ready")
		f.add("found", text(o.Object, "status", "artifact", "revision"))
	case "GitRepository":
		settled(&f, o, "Ready")
		f.add("fetched", text(o.Object, "status", "artifact", "revision"))
	case "Image":
		f.add("builds", text(o.Object, "spec", "source", "blob", "url"))
		settled(&f, o, "Ready")
		f.add("built", text(o.Object, "status", "latestImage"))
	case "Build":
		f.add("because of", o.GetAnnotations()["image.kpack.io/reason"])
		conditions(&f, o, "Succeeded")
	case "Deployment":
		f.add("runs", strings.Join(Images(o), ", "))
		conditions(&f, o, "Available")
	case "Pod":
		f.add("is", text(o.Object, "status", "phase"))
		conditions(&f, o, "Ready")
	}
	return f
}

func conditions(f *facts, o *unstructured.Unstructured, types ...string) {
	all, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, t := range types {
		for _, c := range all {
			m, ok := c.(map[string]any)
			if !ok || text(m, "type") != t {
				continue
			}
			words := []string{text(m, "status"), text(m, "reason"), text(m, "message")}
			f.add(t, strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" || s == t }), " "))
		}
	}
}

// settled is a condition of those who tell of every breath: their Build does so too.
func settled(f *facts, o *unstructured.Unstructured, kind string) {
	if Condition(o, kind) != "Unknown" {
		conditions(f, o, kind)
	}
}

func resources(f *facts, o *unstructured.Unstructured) {
	for _, r := range Resources(o) {
		if r.Object != "" {
			f.add("resource "+r.Name+" stamped", r.Object)
		}
		if r.Output != "" {
			f.add("resource "+r.Name+" yields", r.Output)
		}
	}
}

// Resource is one entry of an owner's status.resources.
type Resource struct {
	Name, Object, Output string
}

// Resources reads status.resources of an owner.
func Resources(o *unstructured.Unstructured) []Resource {
	all, _, _ := unstructured.NestedSlice(o.Object, "status", "resources")
	var out []Resource
	for _, x := range all {
		m, ok := x.(map[string]any)
		if !ok {
			continue
		}
		r := Resource{Name: text(m, "name")}
		if name := text(m, "stampedRef", "name"); name != "" {
			r.Object = text(m, "stampedRef", "resource") + "/" + name
		}
		outputs, _, _ := unstructured.NestedSlice(m, "outputs")
		var words []string
		for _, y := range outputs {
			if p, ok := y.(map[string]any); ok {
				words = append(words, text(p, "name")+" "+strings.TrimSpace(text(p, "preview")))
			}
		}
		r.Output = strings.Join(words, ", ")
		out = append(out, r)
	}
	return out
}

// Images lists the images that a Deployment's or a pod's containers run.
func Images(o *unstructured.Unstructured) []string {
	path := []string{"spec", "containers"}
	if o.GetKind() != "Pod" {
		path = []string{"spec", "template", "spec", "containers"}
	}
	all, _, _ := unstructured.NestedSlice(o.Object, path...)
	var out []string
	for _, c := range all {
		if m, ok := c.(map[string]any); ok {
			out = append(out, text(m, "image"))
		}
	}
	return out
}

// text reads a scalar below m as text, or nothing.
func text(m map[string]any, path ...string) string {
	v, found, err := unstructured.NestedFieldNoCopy(m, path...)
	if !found || err != nil || v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// Condition is the status of one condition of an object, "" if it has none.
func Condition(o *unstructured.Unstructured, kind string) string {
	all, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range all {
		if m, ok := c.(map[string]any); ok && text(m, "type") == kind {
			return text(m, "status")
		}
	}
	return ""
}
