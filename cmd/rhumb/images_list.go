// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

type imagesListFlags struct {
	sight
	all, pods      bool
	registry, form string
}

func newImagesList(io *streams) *cobra.Command {
	f := &imagesListFlags{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List which images run, from which registry, and how their copies are",
		Long: `list shows the images of what makes pods, and of pods that nobody makes: init and
ephemeral containers and image volumes too. CLONED says whether it is a copy, and
STATE how the copy is, where a policy is about it.`,
		Example: `  rhumb images list -A
  rhumb images list -A --registry docker.io
  rhumb images list -A --registry docker.io -o name | rhumb images export -f - --to images.tar`,
		Args: exactly(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, io) },
	}
	f.flags(cmd, true)
	flags := cmd.Flags()
	flags.BoolVarP(&f.all, "all-namespaces", "A", false, "of all namespaces")
	flags.BoolVar(&f.pods, "pods", false, "of pods alone, as they run, whoever made them")
	flags.StringVar(&f.registry, "registry", "", "only those from this registry, such as docker.io")
	flags.StringVarP(&f.form, "output", "o", "", "yaml or json with all that is known, or name: each image once")
	return cmd
}

// used is an image where it is used.
type used struct {
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Container string `json:"container"`
	Image     string `json:"image"`
	Registry  string `json:"registry"`
	Cloned    bool   `json:"cloned"`
	// Origin is what it is a copy of, where that is known.
	Origin string `json:"origin,omitempty"`
	Policy string `json:"policy,omitempty"`
	// State is the copy's; Reason is why it is not Ready.
	State  string `json:"state,omitempty"`
	Reason string `json:"reason,omitempty"`
}

func (f *imagesListFlags) run(cmd *cobra.Command, io *streams) error {
	if err := oneOf("-o", f.form, objectForms...); err != nil {
		return err
	}
	c, err := f.open(cmd)
	if err != nil {
		return err
	}
	objects, err := c.HavePods(cmd.Context(), f.all)
	if err != nil {
		return err
	}
	if f.pods {
		objects = pods(objects)
	} else {
		objects = outermost(objects)
	}
	known, err := readCopies(cmd.Context(), c, nil)
	if err != nil {
		return err
	}
	return f.print(io, f.chosen(usedBy(objects, known)))
}

func (f *imagesListFlags) chosen(all []used) []used {
	want := image.CanonicalHost(f.registry)
	return slices.DeleteFunc(all, func(u used) bool { return f.registry != "" && u.Registry != want })
}

func (f *imagesListFlags) print(io *streams, all []used) error {
	switch f.form {
	case "name":
		said := map[string]bool{}
		for _, u := range all {
			if !said[u.Image] {
				said[u.Image] = true
				sayf(io.out, "%s\n", u.Image)
			}
		}
		return nil
	case "":
	default:
		items := []map[string]any{}
		for _, u := range all {
			o, err := asMap(u)
			if err != nil {
				return err
			}
			items = append(items, o)
		}
		return printObject(io.out, f.form, map[string]any{"images": items})
	}
	if len(all) == 0 {
		sayf(io.out, "No images found.\n")
		return nil
	}
	t := tabwriter.NewWriter(io.out, 0, 0, 2, ' ', 0)
	sayf(t, "NAMESPACE\tOBJECT\tCONTAINER\tIMAGE\tREGISTRY\tCLONED\tSTATE\n")
	for _, u := range all {
		state := u.State
		if u.Reason != "" {
			state += ": " + u.Reason
		}
		sayf(t, "%s\t%s/%s\t%s\t%s\t%s\t%s\t%s\n", u.Namespace, u.Kind, u.Name, u.Container, u.Image, u.Registry,
			map[bool]string{true: "yes", false: "no"}[u.Cloned], orNone(state))
	}
	t.Flush() //nolint:errcheck // the sink remembers it
	return nil
}

// outermost leaves out what another of the objects made: its images are that one's.
func outermost(all []clone.Object) []clone.Object {
	there := byName(all)
	return slices.DeleteFunc(slices.Clone(all), func(o clone.Object) bool {
		_, made := there[maker(o)]
		return made
	})
}

// pods are the pods among objects. What the images of one were is kept by who was rewritten: it, or who it was made for.
func pods(all []clone.Object) []clone.Object {
	there := byName(all)
	var out []clone.Object
	for _, o := range all {
		if o.Kind != "Pod" {
			continue
		}
		for by, ok := there[maker(o)]; ok && o.Own[clone.OriginalsAnnotation] == ""; by, ok = there[maker(by)] {
			if by.Own[clone.OriginalsAnnotation] != "" {
				o.Own = by.Own
			}
		}
		out = append(out, o)
	}
	return out
}

func byName(all []clone.Object) map[string]clone.Object {
	out := map[string]clone.Object{}
	for _, o := range all {
		out[o.Namespace+"/"+o.Kind+"/"+o.Name] = o
	}
	return out
}

// maker is the name of who made an object, as byName has it; for a ReplicaSet its Deployment's, whose name and a hash it has.
func maker(o clone.Object) string {
	kind, name, owned := strings.Cut(o.Owner, "/")
	if !owned {
		return ""
	}
	if i := strings.LastIndexByte(name, '-'); kind == "ReplicaSet" && i > 0 {
		kind, name = "Deployment", name[:i]
	}
	return o.Namespace + "/" + kind + "/" + name
}

// usedBy are the images of objects.
func usedBy(objects []clone.Object, known *copies) []used {
	var out []used
	for _, o := range objects {
		// One that cannot be read tells nothing; what the images are is seen all the same.
		originals, _ := clone.ReadOriginals(o.Own)
		for _, c := range known.policies.Choose(o.Subject, o.Spec, originals) {
			out = append(out, usedAs(o, c, originals[c.Key], known.of(c)))
		}
	}
	slices.SortStableFunc(out, func(a, b used) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// usedAs is one image of an object. The account of its copy may be nil.
func usedAs(o clone.Object, c clone.Choice, origin string, account *v1alpha1.ClonedImage) used {
	u := used{
		Namespace: o.Namespace, Kind: o.Kind, Name: o.Name, Container: c.Key, Image: c.Image,
		Registry: "-", Origin: origin, Cloned: c.Copied || clone.IsCopyOf(c.Image, origin),
	}
	if r, err := image.Parse(c.Image); err == nil {
		u.Registry = r.Host
	}
	if c.Policy != nil {
		u.Policy = c.Policy.Name
	}
	if account == nil {
		return u
	}
	u.State, u.Reason = string(account.Status.State), account.Status.Reason
	if u.Cloned && u.Origin == "" {
		u.Origin = account.Spec.Origin
	}
	return u
}
