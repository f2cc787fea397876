// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/core/template"
)

// r is a resource that reads outputs of others.
func r(name string, reads ...string) blueprint.Resource {
	out := blueprint.Resource{Name: name, Template: template.Ref{Kind: template.ImageKind, Name: "t-" + name}}
	for _, from := range reads {
		out.Images = append(out.Images, v1alpha1.ResourceReference{Name: from, Resource: from})
	}
	return out
}

func workload() *owner.Owner {
	o := owner.OfWorkload(&v1alpha1.Workload{})
	return &o
}

func TestResolveOrders(t *testing.T) {
	cases := map[string]struct {
		why       string
		resources []blueprint.Resource
		want      []string
	}{
		"Listed":       {"an order that works is kept", []blueprint.Resource{r("a"), r("b", "a"), r("c", "b")}, []string{"a", "b", "c"}},
		"Backwards":    {"producers come first", []blueprint.Resource{r("c", "b"), r("b", "a"), r("a")}, []string{"a", "b", "c"}},
		"Independent":  {"those who need nothing of each other keep their order", []blueprint.Resource{r("z"), r("y"), r("x")}, []string{"z", "y", "x"}},
		"OnlyAsMuch":   {"no one moves further back than needed", []blueprint.Resource{r("c", "a"), r("x"), r("a"), r("y")}, []string{"x", "a", "c", "y"}},
		"FirstIsFree":  {"also behind one that stands where it should", []blueprint.Resource{r("a"), r("c", "b"), r("b")}, []string{"a", "b", "c"}},
		"Diamond":      {"all producers come first", []blueprint.Resource{r("d", "b", "c"), r("c", "a"), r("b", "a"), r("a")}, []string{"a", "c", "b", "d"}},
		"Cycle":        {"those on a cycle come last, as they were written", []blueprint.Resource{r("b", "c"), r("c", "b"), r("a")}, []string{"a", "b", "c"}},
		"BehindACycle": {"those behind it as well", []blueprint.Resource{r("d", "c"), r("c", "b"), r("b", "c"), r("a")}, []string{"a", "d", "c", "b"}},
		"Self":         {"a cycle may be short", []blueprint.Resource{r("a", "a"), r("b")}, []string{"b", "a"}},
		"Unknown":      {"a producer that is not there is not waited for", []blueprint.Resource{r("a", "nobody"), r("b")}, []string{"a", "b"}},
		"None":         {"nothing to do", nil, []string{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := plan.Resolve(&blueprint.Blueprint{Resources: c.resources}, workload())
			got := []string{}
			for _, s := range p.Steps {
				got = append(got, s.Name)
				if c.resources[s.Index].Name != s.Name {
					t.Errorf("step %s says that its place in the blueprint is %d", s.Name, s.Index)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

// Every sort of input is waited for: sources, images, configs and the deployment.
func TestResolveWaitsForEverySort(t *testing.T) {
	ref := []v1alpha1.ResourceReference{{Name: "in", Resource: "producer"}}
	for name, consumer := range map[string]blueprint.Resource{
		"Source":     {Name: "consumer", Sources: ref},
		"Image":      {Name: "consumer", Images: ref},
		"Config":     {Name: "consumer", Configs: ref},
		"Deployment": {Name: "consumer", Deployment: "producer"},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan.Resolve(&blueprint.Blueprint{Resources: []blueprint.Resource{consumer, r("producer")}}, workload())
			if p.Steps[0].Name != "producer" {
				t.Errorf("the first step is %s", p.Steps[0].Name)
			}
		})
	}
}

func TestInputsAreReportedInOrder(t *testing.T) {
	s := plan.Step{Resource: &blueprint.Resource{
		Configs:    []v1alpha1.ResourceReference{{Name: "c", Resource: "config"}},
		Deployment: "deployment",
		Images:     []v1alpha1.ResourceReference{{Name: "i", Resource: "image"}},
		Sources:    []v1alpha1.ResourceReference{{Name: "s1", Resource: "one"}, {Name: "s2", Resource: "two"}},
	}}
	var got []string
	for _, in := range s.Inputs() {
		got = append(got, in.Resource)
	}
	if diff := cmp.Diff([]string{"one", "two", "image", "deployment", "config"}, got); diff != "" {
		t.Errorf("sources, images, deployment, configs:\n%s", diff)
	}
}

// A chain may list its steps in any order; they are taken in the one that works.
func ExampleResolve() {
	chain := &blueprint.Blueprint{Resources: []blueprint.Resource{r("deploy", "image"), r("image", "source"), r("source")}}
	for _, step := range plan.Resolve(chain, workload()).Steps {
		fmt.Println(step.Name, step.Chosen.Name, step.Index)
	}
	// Output:
	// source t-source 2
	// image t-image 1
	// deploy t-deploy 0
}
