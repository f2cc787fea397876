// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"fmt"
	"path/filepath"
	"strings"

	"rhumb.run/rhumb/internal/paper"
)

// info is an info.yaml as it is written. What is not set is inherited.
type info struct {
	Metadata struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	} `json:"metadata"`
	Focus           *bool          `json:"focus"`
	Given           given          `json:"given"`
	Expected        string         `json:"expected"`
	ExpectedOutputs map[string]any `json:"expectedOutputs"`
	ExpectedHealth  any            `json:"expectedHealth"` // unquoted, True is no text in YAML
	Compare         comparing      `json:"compareOptions"`
}

type given struct {
	Template        fileRef  `json:"template"`
	Templates       []string `json:"templates"`
	Workload        string   `json:"workload"`
	Deliverable     string   `json:"deliverable"`
	Runnable        string   `json:"runnable"`
	Selected        string   `json:"selected"`
	Observed        string   `json:"observed"`
	MockSupplyChain *mock    `json:"mockSupplyChain"`
	SupplyChain     *chain   `json:"supplyChain"`
	Delivery        *chain   `json:"delivery"`
}

type fileRef struct {
	Path    string `json:"path"`
	YttPath string `json:"yttPath"`
}

// mock is what the chain around a template hands to it.
type mock struct {
	Inputs struct {
		Sources    map[string]map[string]any `json:"sources"`
		Images     map[string]map[string]any `json:"images"`
		Configs    map[string]map[string]any `json:"configs"`
		Deployment map[string]any            `json:"deployment"`
	} `json:"blueprintInputs"`
	Params []blueprintParam `json:"blueprintParams"`
}

type blueprintParam struct {
	Name    string `json:"name"`
	Value   any    `json:"value"`
	Default any    `json:"default"`
}

// chain is a real one, and what its other resources yield.
type chain struct {
	Paths    []string                  `json:"paths"`
	YttPath  string                    `json:"yttPath"`
	Target   string                    `json:"targetResourceName"`
	Previous map[string]map[string]any `json:"previousOutputs"`
}

type comparing struct {
	IgnoreMetadata  *bool    `json:"ignoreMetadata"`
	IgnoreOwnerRefs *bool    `json:"ignoreOwnerRefs"`
	IgnoreLabels    *bool    `json:"ignoreLabels"`
	IgnoreFields    []string `json:"ignoreMetadataFields"`
	Options         []string `json:"namedCMPOptionFuncs"`
}

// knownOptions are the comparisons that cartotest has by name. Numbers are
// compared by their value here in any case.
var knownOptions = []string{"ConvertNumbersToFloatsDuringComparison"}

// Case is a test: a folder's settings with all that it inherits.
type Case struct {
	Dir               string
	Name, Description string
	Focus             bool
	Expected          string

	template  fileRef
	templates []string
	owner     string
	runnable  string
	selected  string
	observed  string
	mock      *mock
	chain     *chain
	compare   comparing
	outputs   map[string]any
	health    string
	// told is true if there is an info.yaml.
	told bool
	err  error
}

// defaults are the files that a folder needs not name.
func (c *Case) defaults(dir string, has func(string) bool) {
	set := func(at *string, names ...string) {
		for _, name := range names {
			if has(name) {
				*at = filepath.Join(dir, name)
			}
		}
	}
	set(&c.template.Path, "template.yaml")
	set(&c.template.YttPath, "template-ytt-values.yaml")
	set(&c.owner, "deliverable.yaml", "workload.yaml")
	set(&c.runnable, "runnable.yaml")
	set(&c.selected, "selected.yaml")
	set(&c.observed, "observed.yaml")
	set(&c.Expected, "expected.yaml")
}

// chainFiles are those of a folder that are chains by their name.
func (c *Case) chainFiles(dir string, names []string) {
	var paths []string
	values := ""
	for _, name := range names {
		chainy := strings.HasPrefix(name, "supply-chain") || strings.HasPrefix(name, "delivery")
		switch {
		case name == "supply-chain-ytt-values.yaml" || name == "delivery-ytt-values.yaml":
			values = filepath.Join(dir, name)
		case chainy && filepath.Ext(name) == ".yaml":
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	if len(paths) == 0 && values == "" {
		return
	}
	next := chain{}
	if c.chain != nil {
		next = *c.chain
	}
	if len(paths) > 0 {
		next.Paths = paths
		c.mock = nil
	}
	if values != "" {
		next.YttPath = values
	}
	c.chain = &next
}

// read takes what an info.yaml says, over what was inherited.
func (c *Case) read(dir string) error {
	docs, err := (&paper.Reader{}).Read(filepath.Join(dir, "info.yaml"))
	if err != nil {
		return err
	}
	for _, d := range docs {
		in := &info{}
		if err := d.Into(in); err != nil {
			return err
		}
		if err := c.over(dir, in); err != nil {
			return fmt.Errorf("%s: %w", d.Place("given"), err)
		}
	}
	return nil
}

func (c *Case) over(dir string, in *info) error {
	c.Name, c.Description = or(in.Metadata.Name, c.Name), or(in.Metadata.Description, c.Description)
	if in.Focus != nil {
		c.Focus = *in.Focus
	}
	file := func(at *string, path string) {
		if path != "" {
			*at = inDir(dir, path)
		}
	}
	g := &in.Given
	file(&c.Expected, in.Expected)
	file(&c.template.Path, g.Template.Path)
	file(&c.template.YttPath, g.Template.YttPath)
	file(&c.owner, g.Workload)
	file(&c.owner, g.Deliverable)
	file(&c.runnable, g.Runnable)
	file(&c.selected, g.Selected)
	file(&c.observed, g.Observed)
	for i, path := range g.Templates {
		if i == 0 {
			c.templates = nil
		}
		c.templates = append(c.templates, inDir(dir, path))
	}
	if in.ExpectedOutputs != nil {
		c.outputs = in.ExpectedOutputs
	}
	if in.ExpectedHealth != nil {
		c.health = word(in.ExpectedHealth)
	}
	c.compare.over(&in.Compare)
	return c.overChain(dir, g)
}

func (c *Case) overChain(dir string, g *given) error {
	from := g.SupplyChain
	if from == nil {
		from = g.Delivery
	}
	switch {
	case g.MockSupplyChain != nil && from != nil, g.SupplyChain != nil && g.Delivery != nil:
		return fmt.Errorf("mockSupplyChain, supplyChain and delivery exclude each other")
	case g.MockSupplyChain != nil:
		c.mock, c.chain = g.MockSupplyChain, nil
	case from != nil:
		next := chain{}
		if c.chain != nil {
			next = *c.chain
		}
		if len(from.Paths) > 0 {
			next.Paths = nil
		}
		for _, path := range from.Paths {
			next.Paths = append(next.Paths, chainPath(dir, path))
		}
		if from.YttPath != "" {
			next.YttPath = inDir(dir, from.YttPath)
		}
		next.Target = or(from.Target, next.Target)
		if from.Previous != nil {
			next.Previous = from.Previous
		}
		c.mock, c.chain = nil, &next
	}
	return nil
}

func (c *comparing) over(in *comparing) {
	for _, b := range []struct{ at, in **bool }{
		{&c.IgnoreMetadata, &in.IgnoreMetadata}, {&c.IgnoreOwnerRefs, &in.IgnoreOwnerRefs}, {&c.IgnoreLabels, &in.IgnoreLabels},
	} {
		if *b.in != nil {
			*b.at = *b.in
		}
	}
	if in.IgnoreFields != nil {
		c.IgnoreFields = in.IgnoreFields
	}
	if in.Options != nil {
		c.Options = in.Options
	}
}

// word is how a condition spells what YAML may have taken for a boolean.
func word(v any) string {
	switch v {
	case true:
		return "True"
	case false:
		return "False"
	}
	return fmt.Sprint(v)
}

func or[T comparable](a, b T) T {
	var none T
	if a != none {
		return a
	}
	return b
}

func inDir(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
