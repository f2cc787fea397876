// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	rhumbv1alpha1 "rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/admit"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/runnable"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/paper"
)

// Options of a look.
type Options struct {
	// Complete says that the files hold everything: what they name and lack is missing.
	Complete bool
}

// Run looks at documents. Unread are the errors of files that could not be read.
func Run(docs []*paper.Document, unread []error, o Options) []Finding {
	c := &collector{}
	for _, err := range unread {
		c.unreadable(err)
	}
	m := &model{collector: c, options: o}
	for _, d := range docs {
		if d.Object != nil {
			m.take(d)
		}
	}
	m.relate()
	return c.sorted()
}

var placed = regexp.MustCompile(`^(.*?):(\d+)(?::(\d+))?: (.*)$`)

func (c *collector) unreadable(err error) {
	at, message := paper.Place{Line: 1, Column: 1}, err.Error()
	if m := placed.FindStringSubmatch(message); m != nil {
		at.File, message = m[1], m[4]
		at.Line, _ = strconv.Atoi(m[2])
	} else if m := regexp.MustCompile(`^reading (.*?): (.*)$`).FindStringSubmatch(message); m != nil {
		at.File, message = m[1], m[2]
	}
	c.add(nil, at, "unreadable", "", "%s", message)
}

// take looks at one object by itself, and keeps it for the others.
func (m *model) take(d *paper.Document) {
	gvk := d.Object.GroupVersionKind()
	if !definitions().groups[gvk.Group] {
		return
	}
	if gvk.Version != v1alpha1.SchemeGroupVersion.Version {
		m.add(d, d.Value("apiVersion"), "unknown-kind", "write "+gvk.Group+"/"+v1alpha1.SchemeGroupVersion.Version, "there is no %s", gvk.GroupVersion())
		return
	}
	definition := schemaIn(gvk.GroupKind())
	if definition == nil {
		m.add(d, d.Value("kind"), "unknown-kind", "", "there is no kind %s in %s%s", gvk.Kind, gvk.GroupVersion(), paper.Suggest(gvk.Kind, kindsIn(gvk.Group)))
		return
	}
	before := len(m.found)
	m.checkSchema(d, definition)
	clean := len(m.found) == before
	object := newObject(gvk.GroupKind())
	if object == nil {
		return // of a kind that is only looked at by its definition
	}
	if err := json.Unmarshal(d.JSON, object); err != nil {
		if clean { // a text that is no duration, which the schema cannot tell
			m.add(d, d.Place("spec"), "unreadable", "", "%v", err)
		}
		return
	}
	if instead := deprecated[gvk.Kind]; instead != "" {
		m.add(d, d.Value("kind"), "deprecated", "write a "+instead, "%s is the spelling of Cartographer v0.0.6", gvk.Kind)
	}
	m.admission(d, object, clean)
	if !m.twice(d) {
		m.keep(d, object)
	}
}

// deprecated are kinds that go by another name now.
var deprecated = map[string]string{runnable.PipelineKind: runnable.Kind, template.NamespacedRunKind: template.RunKind}

var policyKind = rhumbv1alpha1.SchemeGroupVersion.WithKind("ImageClonePolicy").GroupKind()

func newObject(of schema.GroupKind) runtime.Object {
	kind := of.Kind
	switch {
	case of == policyKind:
		return &rhumbv1alpha1.ImageClonePolicy{}
	case of.Group != v1alpha1.SchemeGroupVersion.Group:
		return nil
	case blueprint.New[kind] != nil:
		return blueprint.New[kind]()
	case template.Kinds()[kind] != nil:
		return template.Kinds()[kind]()
	case owner.New[kind] != nil:
		return owner.New[kind]()
	case runnable.New[kind] != nil:
		return runnable.New[kind]()
	}
	return nil
}

// twice: of two objects with one name, the cluster has the one that was applied
// last. Of an owner or Runnable there may be a file for each thing to try.
func (m *model) twice(d *paper.Document) bool {
	kind := d.Object.GetKind()
	id := kind + "/" + d.Object.GetNamespace() + "/" + d.Object.GetName()
	if owner.New[kind] != nil || runnable.New[kind] != nil {
		id += " in " + d.File
	}
	if m.seen == nil {
		m.seen = map[string]*paper.Document{}
	}
	first, there := m.seen[id]
	if !there {
		m.seen[id] = d
		return false
	}
	m.add(d, d.Place("metadata.name"), "duplicate-object", "rename one of them", "%s is in %s already", paper.Name(d.Object), first.Place("metadata.name"))
	return true
}

// admission repeats what the webhook would say; where the schema spoke already, only what it cannot see.
func (m *model) admission(d *paper.Document, object runtime.Object, clean bool) {
	problems, _ := admit.Of(object)
	for _, p := range problems {
		if !clean && p.Severity == admit.Error && len(p.Path) <= 1 {
			continue // a misspelt field is missing, too: it has been said once
		}
		m.addAs(Severity(p.Severity), d, d.Place(pathOf(p.Path)), "admission", fixOf(p), p.Message)
	}
}

func pathOf(p admit.Path) string {
	var out strings.Builder
	for _, step := range p {
		out.WriteString("[" + strconv.Quote(step) + "]")
	}
	return out.String()
}

// fixOf is what to do about the problems that do not say so themselves.
func fixOf(p admit.Problem) string {
	for _, f := range fixes {
		if f.says.MatchString(p.Message) {
			return f.fix
		}
	}
	return ""
}

var fixes = []struct {
	says *regexp.Regexp
	fix  string
}{
	{regexp.MustCompile(`wait for each other$`), "take one of their inputs away: a step cannot wait for itself"},
	{regexp.MustCompile(`unknown resource`), "name a resource of this blueprint"},
	{regexp.MustCompile(`must specify one of template or ytt`), "write the object under spec.template, or ytt under spec.ytt"},
	{regexp.MustCompile(`should not set metadata.namespace`), "take it away: objects are stamped in the owner's namespace"},
	{regexp.MustCompile(`at least one selector`), "add spec.selector with the labels of the owners that are meant"},
	{regexp.MustCompile(`must set exactly one of value and default`), "a value the owner cannot change, or a default that it can"},
	{regexp.MustCompile(`has no labels`), "add the labels that a blueprint selects by"},
	{regexp.MustCompile(`no retention policy may be set`), "take retentionPolicy away, or set lifecycle: immutable"},
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
