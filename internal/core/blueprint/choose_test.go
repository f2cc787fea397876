// SPDX-License-Identifier: Apache-2.0

package blueprint_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/fault"
)

func app(labels map[string]string) *owner.Owner {
	w := &v1alpha1.Workload{}
	w.Labels = labels
	o := owner.OfWorkload(w)
	return &o
}

// chain is ready and selects by labels.
func chain(name string, labels map[string]string, change ...func(*v1alpha1.ClusterSupplyChain)) *blueprint.Blueprint {
	c := &v1alpha1.ClusterSupplyChain{}
	c.Name = name
	c.Spec.Selector = labels
	c.Status.Conditions = []metav1.Condition{{Type: "TemplatesReady", Status: "True"}, {Type: "Ready", Status: "True", Reason: "Ready"}}
	for _, f := range change {
		f(c)
	}
	return blueprint.OfSupplyChain(c)
}

func ready(status metav1.ConditionStatus, reason, message string) func(*v1alpha1.ClusterSupplyChain) {
	return func(c *v1alpha1.ClusterSupplyChain) {
		c.Status.Conditions = []metav1.Condition{{Type: "TemplatesReady", Status: "True"}, {Type: "Ready", Status: status, Reason: reason, Message: message}}
	}
}

func byField(key string) func(*v1alpha1.ClusterSupplyChain) {
	return func(c *v1alpha1.ClusterSupplyChain) {
		c.Spec.SelectorMatchFields = append(c.Spec.SelectorMatchFields, v1alpha1.FieldSelectorRequirement{Key: key, Operator: "DoesNotExist"})
	}
}

func byExpression(key string) func(*v1alpha1.ClusterSupplyChain) {
	return func(c *v1alpha1.ClusterSupplyChain) {
		c.Spec.SelectorMatchExpressions = append(c.Spec.SelectorMatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: "Exists"})
	}
}

type labels = map[string]string

func TestChoose(t *testing.T) {
	web, blue := labels{"type": "web"}, labels{"type": "web", "team": "blue"}
	cases := map[string]struct {
		why    string
		labels labels
		from   []*blueprint.Blueprint
		want   string
		class  fault.Class
		reason string
		text   string
	}{
		"One":            {why: "the one that matches", labels: web, from: []*blueprint.Blueprint{chain("a", web), chain("b", blue)}, want: "a"},
		"Most":           {why: "the one that asks for most", labels: blue, from: []*blueprint.Blueprint{chain("a", web), chain("b", blue), chain("c", web)}, want: "b"},
		"MostLast":       {why: "wherever it stands", labels: blue, from: []*blueprint.Blueprint{chain("a", web), chain("c", web), chain("b", blue)}, want: "b"},
		"FieldCounts":    {why: "a field counts as much as a label", labels: blue, from: []*blueprint.Blueprint{chain("a", web), chain("b", web, byField("spec.image"))}, want: "b"},
		"ExprCounts":     {why: "so does an expression", labels: blue, from: []*blueprint.Blueprint{chain("a", blue), chain("b", blue, byExpression("team"))}, want: "b"},
		"NoLabels":       {why: "without labels nothing is followed", from: []*blueprint.Blueprint{chain("a", nil, byField("spec.image"))}, class: fault.Reject, reason: "WorkloadLabelsMissing", text: "workload has no labels to match to supply chain"},
		"NoneThere":      {why: "there is none", labels: web, class: fault.Reject, reason: "SupplyChainNotFound", text: "no supply chain found where full selector is satisfied by labels: map[type:web]"},
		"NoneMatches":    {why: "labels are named in order", labels: blue, from: []*blueprint.Blueprint{chain("a", labels{"type": "job"})}, class: fault.Reject, reason: "SupplyChainNotFound", text: "no supply chain found where full selector is satisfied by labels: map[team:blue type:web]"},
		"Empty":          {why: "one that asks for nothing matches nobody", labels: web, from: []*blueprint.Blueprint{chain("a", nil)}, class: fault.Reject, reason: "SupplyChainNotFound", text: "no supply chain found where full selector is satisfied by labels: map[type:web]"},
		"Two":            {why: "two that ask for equally much", labels: blue, from: []*blueprint.Blueprint{chain("a", web), chain("b", labels{"team": "blue"})}, class: fault.Reject, reason: "MultipleSupplyChainMatches", text: "workload may only match a single supply chain's selector"},
		"NotReady":       {why: "its own reason and message are passed on, and it is named", labels: web, from: []*blueprint.Blueprint{chain("a", web, ready("False", "TemplatesNotFound", "did not find"))}, want: "a", class: fault.Reject, reason: "TemplatesNotFound", text: "did not find"},
		"ReadyUnknown":   {why: "unknown is not ready", labels: web, from: []*blueprint.Blueprint{chain("a", web, ready("Unknown", "Busy", "wait"))}, want: "a", class: fault.Reject, reason: "Busy", text: "wait"},
		"NotChecked":     {why: "one without a status will be checked soon", labels: web, from: []*blueprint.Blueprint{chain("a", web, func(c *v1alpha1.ClusterSupplyChain) { c.Status.Conditions = nil })}, want: "a", class: fault.Wait, reason: "BlueprintNotReady", text: "ClusterSupplyChain [a] has not been checked yet"},
		"NotReadyLoser":  {why: "whether a chain is ready does not decide who wins", labels: blue, from: []*blueprint.Blueprint{chain("a", web, ready("False", "X", "x")), chain("b", blue)}, want: "b"},
		"Broken":         {why: "one that cannot be asked spoils the choice", labels: web, from: []*blueprint.Blueprint{chain("a", web), chain("b", web, byField("spec.params[0]"))}, class: fault.Reject, reason: "SelectorError", text: "matching supply chain [b]: unable to match field requirement with key [spec.params[0]]: evaluate: failed to find results: array index out of bounds: index 0, length 0"},
		"BrokenOfOthers": {why: "but only for those whose labels match", labels: web, from: []*blueprint.Blueprint{chain("a", web), chain("b", labels{"type": "job"}, byField("spec.params[0]"))}, want: "a"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b, err := blueprint.Choose(app(c.labels), c.from)
			got := ""
			if b != nil {
				got = b.Name
			}
			class, reason := fault.Of(err)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if got != c.want || class != c.class || reason != c.reason || text != c.text {
				t.Errorf("%s: Choose = %q, %v %q %q; want %q, %v %q %q", c.why, got, class, reason, text, c.want, c.class, c.reason, c.text)
			}
		})
	}
}

func option(name string, matchLabels labels) v1alpha1.TemplateOption {
	o := v1alpha1.TemplateOption{Name: name}
	o.Selector.MatchLabels = matchLabels
	return o
}

func pass(input string, matchLabels labels) v1alpha1.TemplateOption {
	o := v1alpha1.TemplateOption{PassThrough: input}
	o.Selector.MatchLabels = matchLabels
	return o
}

func broken(name string) v1alpha1.TemplateOption {
	o := v1alpha1.TemplateOption{Name: name}
	o.Selector.MatchFields = []v1alpha1.FieldSelectorRequirement{{Key: "spec.params[0]", Operator: "Exists"}}
	return o
}

func TestChoice(t *testing.T) {
	web, blue, job := labels{"type": "web"}, labels{"type": "web", "team": "blue"}, labels{"type": "job"}
	cases := map[string]struct {
		why     string
		options []v1alpha1.TemplateOption
		want    string
		passes  string
		reason  string
		text    string
	}{
		"None":       {why: "without options it is the template", want: "only"},
		"One":        {why: "the one that matches", options: []v1alpha1.TemplateOption{option("a", job), option("b", web)}, want: "b"},
		"Most":       {why: "the one that asks for most", options: []v1alpha1.TemplateOption{option("a", web), option("b", blue)}, want: "b"},
		"Pass":       {why: "or an input", options: []v1alpha1.TemplateOption{option("a", job), pass("in", web)}, passes: "in"},
		"Undecided":  {why: "two that ask for equally much", options: []v1alpha1.TemplateOption{option("a", web), pass("in", labels{"team": "blue"}), option("c", job)}, reason: "TemplateOptionsMatchError", text: "expected exactly 1 option to match, found [2] matching options [a, in] for resource [r] in supply chain [sc]"},
		"NoneMatch":  {why: "none that matches: no list", options: []v1alpha1.TemplateOption{option("a", job), option("b", job)}, reason: "TemplateOptionsMatchError", text: "expected exactly 1 option to match, found [0] matching options for resource [r] in supply chain [sc]"},
		"AskNothing": {why: "an empty selector matches nobody", options: []v1alpha1.TemplateOption{option("a", nil), option("b", job)}, reason: "TemplateOptionsMatchError", text: "expected exactly 1 option to match, found [0] matching options for resource [r] in supply chain [sc]"},
		"Broken":     {why: "one that cannot be asked", options: []v1alpha1.TemplateOption{option("a", web), broken("b")}, reason: "ResolveTemplateOptionsError", text: "error matching against template option [b] for resource [r] in supply chain [sc]: unable to match field requirement with key [spec.params[0]]: evaluate: failed to find results: array index out of bounds: index 0, length 0"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := chain("sc", web, func(s *v1alpha1.ClusterSupplyChain) {
				s.Spec.Resources = []v1alpha1.SupplyChainResource{{Name: "r", TemplateRef: v1alpha1.SupplyChainTemplateReference{Kind: template.ImageKind, Name: "only", Options: c.options}}}
			})
			got, err := b.Resources[0].Choice(app(blue), "sc")
			_, reason := fault.Of(err)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if got.Template != c.want || got.PassThrough != c.passes || reason != c.reason || text != c.text {
				t.Errorf("%s: Choice = %q %q, %q %q; want %q %q, %q %q", c.why, got.Template, got.PassThrough, reason, text, c.want, c.passes, c.reason, c.text)
			}
			if class, _ := fault.Of(err); err != nil && class != fault.Reject {
				t.Errorf("class %v: nothing changes until someone changes a spec", class)
			}
		})
	}
}

func TestTemplates(t *testing.T) {
	b := chain("sc", labels{"a": "b"}, func(s *v1alpha1.ClusterSupplyChain) {
		s.Spec.Resources = []v1alpha1.SupplyChainResource{
			{Name: "named", TemplateRef: v1alpha1.SupplyChainTemplateReference{Kind: template.PlainKind, Name: "only"}},
			{Name: "chooses", TemplateRef: v1alpha1.SupplyChainTemplateReference{Kind: template.ImageKind, Options: []v1alpha1.TemplateOption{option("a", nil), pass("in", nil), option("b", nil)}}},
		}
	})
	if diff := cmp.Diff([]template.Ref{{Kind: template.PlainKind, Name: "only"}}, b.Resources[0].Templates()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]template.Ref{{Kind: template.ImageKind, Name: "a"}, {Kind: template.ImageKind, Name: "b"}}, b.Resources[1].Templates()); diff != "" {
		t.Errorf("an input that is passed on is no template:\n%s", diff)
	}
}

// Components are the same path in the words of v0.0.6.
func TestComponents(t *testing.T) {
	value := v1alpha1.JSON{Raw: []byte(`"v"`)}
	params := []v1alpha1.BlueprintParam{{Name: "p", Value: &value}}
	old := chain("sc", nil, func(s *v1alpha1.ClusterSupplyChain) {
		s.Spec.Components = []v1alpha1.SupplyChainComponent{{
			Name: "r", TemplateRef: v1alpha1.ComponentTemplateReference{Kind: template.ImageKind, Name: "t"}, Params: params,
			Sources: []v1alpha1.ComponentReference{{Name: "s", Component: "source"}},
			Images:  []v1alpha1.ComponentReference{{Name: "i", Component: "image"}},
			Configs: []v1alpha1.ComponentReference{{Name: "c", Component: "config"}},
		}}
	})
	now := chain("sc", nil, func(s *v1alpha1.ClusterSupplyChain) {
		s.Spec.Resources = []v1alpha1.SupplyChainResource{{
			Name: "r", TemplateRef: v1alpha1.SupplyChainTemplateReference{Kind: template.ImageKind, Name: "t"}, Params: params,
			Sources: []v1alpha1.ResourceReference{{Name: "s", Resource: "source"}},
			Images:  []v1alpha1.ResourceReference{{Name: "i", Resource: "image"}},
			Configs: []v1alpha1.ResourceReference{{Name: "c", Resource: "config"}},
		}}
	})
	if diff := cmp.Diff(now.Resources, old.Resources, cmp.AllowUnexported(blueprint.Option{})); diff != "" {
		t.Errorf("-resources +components:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"source", "image", "config"}, old.Resources[0].Producers()); diff != "" {
		t.Error(diff)
	}
}
