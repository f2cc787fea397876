// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/cluster"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/paper"
)

type planFlags struct {
	sight
	all, env bool
	files    []string
	form     string
}

func newPlan(io *streams) *cobra.Command {
	f := &planFlags{}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what policies would copy, rewrite and leave, and why",
		Long: `plan says of each image of a cluster what policies make of it: those of the cluster,
those of files, which take the place of those that have their names, and with --env
the one that the variables IMAGE_CLONER_… describe. Nothing is written anywhere, and
no registry is asked: a copy that nobody made yet is taken to succeed.`,
		Example: `  rhumb images plan -A
  rhumb images plan -A -f policy.yaml
  IMAGE_CLONER_REGISTRY=localhost:5000 rhumb images plan --env -n demo-system`,
		Args: exactly(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, io) },
	}
	f.flags(cmd, true)
	flags := cmd.Flags()
	flags.BoolVarP(&f.all, "all-namespaces", "A", false, "of all namespaces")
	flags.BoolVar(&f.env, "env", false, "with the policy of the environment variables")
	flags.StringSliceVarP(&f.files, "file", "f", nil, "files of ImageClonePolicies; - is standard input")
	flags.StringVarP(&f.form, "output", "o", "", "yaml or json, with everything")
	return cmd
}

// What a plan says of an image.
const (
	planCopy    = "copy"
	planRewrite = "rewrite"
	planAdmit   = "admit"
	planLeave   = "leave"
)

// planned is what becomes of one image.
type planned struct {
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Container string `json:"container"`
	Image     string `json:"image"`
	// Copy says whether the copy is yet to be made.
	Copy bool `json:"copy"`
	// Action is rewrite, admit (pods are changed as they are made), copy (and no more), or leave.
	Action string `json:"action"`
	To     string `json:"to,omitempty"`
	Policy string `json:"policy,omitempty"`
	Reason string `json:"reason,omitempty"`
	Words  string `json:"message,omitempty"`
}

func (f *planFlags) run(cmd *cobra.Command, io *streams) error {
	if err := oneOf("-o", f.form, "yaml", "yml", "json"); err != nil {
		return err
	}
	policies, err := readPolicies(io, f.files)
	if err != nil {
		return err
	}
	c, err := f.open(cmd)
	if err != nil {
		return err
	}
	known, err := f.known(cmd.Context(), c, policies)
	if err != nil {
		return err
	}
	objects, err := c.HavePods(cmd.Context(), f.all)
	if err != nil {
		return err
	}
	var plan []planned
	for _, o := range outermost(objects) {
		plan = append(plan, planOf(o, known)...)
	}
	slices.SortStableFunc(plan, func(a, b planned) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	for _, wrong := range known.invalid {
		sayf(io.err, "%s\n", wrong)
	}
	switch {
	case len(known.policies) > 0:
		err = f.print(io, plan)
	case len(known.invalid) == 0:
		err = errNoPolicy
	}
	if len(known.invalid) > 0 {
		err = errors.Join(err, errFound)
	}
	return err
}

var errNoPolicy = errors.New("there is no policy: make an ImageClonePolicy, give one with -f, or say --env")

// known are the policies and what is known of copies.
func (f *planFlags) known(ctx context.Context, c *cluster.Cluster, files []v1alpha1.ImageClonePolicy) (*copies, error) {
	known, err := readCopies(ctx, c, files)
	if err != nil || !f.env {
		return known, err
	}
	env, err := clone.FromEnv(os.LookupEnv)
	if err != nil {
		return nil, err
	}
	known.policies = clone.InOrder(append(known.policies, env))
	return known, nil
}

// readPolicies reads the policies of files.
func readPolicies(io *streams, files []string) ([]v1alpha1.ImageClonePolicy, error) {
	var out []v1alpha1.ImageClonePolicy
	for _, f := range files {
		raw, err := readNamed(io, f)
		if err != nil {
			return nil, err
		}
		docs, err := paper.Parse(f, raw)
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			p, err := policyOf(d)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f, err)
			}
			out = append(out, *p)
		}
	}
	return out, nil
}

func policyOf(d *paper.Document) (*v1alpha1.ImageClonePolicy, error) {
	want := v1alpha1.SchemeGroupVersion.WithKind("ImageClonePolicy")
	if d.Object == nil || d.Object.GroupVersionKind() != want {
		return nil, fmt.Errorf("line %d: want an %s of %s", d.Line, want.Kind, want.GroupVersion())
	}
	p := &v1alpha1.ImageClonePolicy{}
	return p, yaml.UnmarshalStrict(d.JSON, p)
}

// planOf is what becomes of the images of an object once every copy is there.
func planOf(o clone.Object, known *copies) []planned {
	verdicts, _ := known.policies.Decide(o, func(c clone.Choice) clone.Known {
		k := clone.Known{There: true}
		if x := known.of(c); x != nil {
			k.Digest = x.Status.Digest
		}
		return k
	})
	out := make([]planned, 0, len(verdicts))
	for _, v := range verdicts {
		p := planned{
			Namespace: o.Namespace, Kind: o.Kind, Name: o.Name, Container: v.Key, Image: v.Image, Action: planLeave,
			Reason: v.Why, Words: v.Words, To: v.To,
		}
		if v.Policy != nil {
			p.Policy = v.Policy.Name
		}
		if v.Wanted() {
			x := known.of(v.Choice)
			p.Copy = x == nil || x.Status.State != v1alpha1.StateReady
			p.act(v)
		} else if v.To != "" {
			p.Action = planRewrite // a pin that follows its tag
		}
		out = append(out, p)
	}
	return out
}

// act says what becomes of an image that has a copy, or will have.
func (p *planned) act(v clone.Verdict) {
	switch {
	case v.To != "", v.Why == clone.ReasonNotReady:
		p.Action = planRewrite
		p.To = cmp.Or(v.To, v.Copy.Written)
	case v.Policy.AdmitsPods(false):
		p.Action, p.To = planAdmit, v.Copy.Written
		if p.Kind == "Pod" { // it runs already, and nobody makes it anew
			p.Words = "only when it is made again"
		}
	default:
		p.Action, p.To = planCopy, v.Copy.Written
	}
}

func (f *planFlags) print(io *streams, plan []planned) error {
	if f.form != "" {
		items := []map[string]any{}
		for _, p := range plan {
			o, err := asMap(p)
			if err != nil {
				return err
			}
			items = append(items, o)
		}
		return printObject(io.out, f.form, map[string]any{"images": items})
	}
	t := tabwriter.NewWriter(io.out, 0, 0, 2, ' ', 0)
	sayf(t, "NAMESPACE\tOBJECT\tCONTAINER\tIMAGE\tACTION\tPOLICY\tTO, OR WHY NOT\n")
	copied, objects := map[string]bool{}, map[string]bool{}
	left := 0
	for _, p := range plan {
		action := p.Action
		if p.Copy && action != planCopy {
			action = "copy, " + action
		}
		if p.Copy {
			copied[p.To] = true
		}
		switch p.Action {
		case planRewrite:
			objects[p.Namespace+"/"+p.Kind+"/"+p.Name] = true
		case planLeave:
			left++
		}
		sayf(t, "%s\t%s/%s\t%s\t%s\t%s\t%s\t%s\n", p.Namespace, p.Kind, p.Name, p.Container, p.Image, action, orNone(p.Policy), p.why())
	}
	t.Flush() //nolint:errcheck // the sink remembers it
	sayf(io.out, "\n%s to copy, %s to rewrite, %s left as they are. Nothing was written.\n",
		count(len(copied), "image"), count(len(objects), "object"), count(left, "image"))
	return nil
}

// why is where to, and why not or not yet.
func (p *planned) why() string {
	switch {
	case p.To == "":
		return p.Words
	case p.Words == "":
		return p.To
	}
	return p.To + " (" + p.Words + ")"
}
