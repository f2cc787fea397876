// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"rhumb.run/rhumb/internal/cluster"
	"rhumb.run/rhumb/internal/core/clone"
)

type restoreFlags struct {
	sight
	all, namespaces, dry, force, yes bool
	policy                           string
}

func newRestore(io *streams) *cobra.Command {
	f := &restoreFlags{}
	cmd := &cobra.Command{
		Use:   "restore KIND/NAME... | --policy NAME | --all",
		Short: "Put back the images that were there before copies took their place",
		Long: `restore reads what each rewritten object keeps (annotation rhumb.run/original-images)
and puts it back, with one patch each; the annotations go, and the pull secret that
was added. An image that was changed since is left as it is. The controller is not
needed for it, nor a policy.

What a policy would rewrite again is refused, with what to do first.`,
		Example: `  rhumb images restore deployment/shop
  rhumb images restore --policy mirror --dry-run
  rhumb images restore --all -n shop --yes`,
		Args: exactly(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, io, args) },
	}
	f.flags(cmd, true)
	flags := cmd.Flags()
	flags.BoolVar(&f.all, "all", false, "every object that was rewritten, of all namespaces unless -n is given")
	flags.StringVar(&f.policy, "policy", "", "those that this policy rewrote, of all namespaces unless -n is given; env is the one of the environment variables")
	flags.BoolVarP(&f.namespaces, "all-namespaces", "A", false, "of all namespaces, as without -n")
	flags.BoolVar(&f.dry, "dry-run", false, "say what would be put back, and write nothing")
	flags.BoolVar(&f.force, "force", false, "even where a policy would rewrite it again")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	return cmd
}

// templates are the kinds that are rewritten. Pods are changed as they are made: new ones are as their policy says.
var templates = []string{"Deployment", "StatefulSet", "DaemonSet", "CronJob"}

func (f *restoreFlags) run(cmd *cobra.Command, io *streams, names []string) error {
	wanted, err := f.wanted(names)
	if err != nil {
		return err
	}
	c, err := f.open(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	// A policy is for a whole cluster, and so is "all": what is left out is said, not guessed.
	f.namespaces = f.namespaces || len(names) == 0 && !cmd.Flags().Changed("namespace")
	objects, err := f.objects(ctx, c, wanted)
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		if err := f.known(ctx, c); err != nil {
			return err
		}
		sayf(io.out, "Nothing was rewritten: there is nothing to restore.\n")
		return nil
	}
	if !f.force {
		if err := again(ctx, c, objects); err != nil {
			return err
		}
	}
	if sure, err := f.sure(io, objects); err != nil || !sure {
		return err
	}
	return f.each(ctx, io, c, objects)
}

// wanted are the objects that are named, if that goes with the flags.
func (f *restoreFlags) wanted(names []string) ([]string, error) {
	switch {
	case len(names) == 0 && f.policy == "" && !f.all:
		return nil, usagef("name what to restore, as deployment/shop, or --policy NAME, or --all")
	case len(names) > 0 && (f.policy != "" || f.all || f.namespaces):
		return nil, usagef("what is named is restored: that goes with none of --policy, --all and -A")
	}
	return parseNames(names)
}

// known refuses a policy that nobody has heard of: its name is mistyped, or its objects are in another namespace.
func (f *restoreFlags) known(ctx context.Context, c *cluster.Cluster) error {
	if f.policy == "" || f.policy == clone.EnvName {
		return nil
	}
	live, err := c.ClonePolicies(ctx)
	if err != nil {
		return err
	}
	for _, p := range live {
		if p.Name == f.policy {
			return nil
		}
	}
	where := "of any namespace"
	if !f.namespaces {
		where = "of namespace " + c.Namespace
	}
	return fmt.Errorf("there is no policy %s: no ImageClonePolicy has that name, and no annotation %s %s", f.policy, clone.PolicyAnnotation, where)
}

func parseNames(names []string) ([]string, error) {
	var out []string
	for _, n := range names {
		word, name, ok := strings.Cut(n, "/")
		kind := cluster.KindOfPods(word)
		if !ok || name == "" || !slices.Contains(templates, kind) {
			return nil, usagef("%q is not KIND/NAME of a Deployment, StatefulSet, DaemonSet or CronJob", n)
		}
		out = append(out, kind+"/"+name)
	}
	return out, nil
}

// objects are those that are wanted and were rewritten; one that was named must be there.
func (f *restoreFlags) objects(ctx context.Context, c *cluster.Cluster, wanted []string) ([]clone.Object, error) {
	all, err := c.HavePods(ctx, f.namespaces, templates...)
	if err != nil {
		return nil, err
	}
	for _, w := range wanted {
		if !slices.ContainsFunc(all, func(o clone.Object) bool { return o.Kind+"/"+o.Name == w }) {
			return nil, fmt.Errorf("%s is not in namespace %s", w, c.Namespace)
		}
	}
	return slices.DeleteFunc(all, func(o clone.Object) bool {
		_, ours := o.Own[clone.OriginalsAnnotation]
		return !ours || len(wanted) > 0 && !slices.Contains(wanted, o.Kind+"/"+o.Name) || f.policy != "" && o.Own[clone.PolicyAnnotation] != f.policy
	}), nil
}

// again refuses what would be rewritten as soon as it is restored.
func again(ctx context.Context, c *cluster.Cluster, objects []clone.Object) error {
	known, err := readCopies(ctx, c, nil)
	if err != nil {
		return err
	}
	var environment string
	for _, o := range objects {
		if o.Own[clone.PolicyAnnotation] == clone.EnvName {
			if environment, err = cloner(ctx, c); err != nil {
				return err
			}
			break
		}
	}
	for _, o := range objects {
		if p := rewriter(o, known.policies); p != nil {
			return fmt.Errorf("policy %s would rewrite %s again: delete it, set its spec.rewrite.strategy to None, or leave the object out by its spec.match; --force restores all the same", p.Name, objectName(o))
		}
		if o.Own[clone.PolicyAnnotation] == clone.EnvName && environment != "" {
			return fmt.Errorf("%s would rewrite %s again, as its variables IMAGE_CLONER_… say: scale it to 0, or take the variables away; --force restores all the same", environment, objectName(o))
		}
	}
	return nil
}

// rewriter is the policy that would rewrite an object that has its originals back, if there is one.
func rewriter(o clone.Object, policies clone.Policies) *clone.Policy {
	originals, err := clone.ReadOriginals(o.Own)
	if err != nil {
		return nil
	}
	before := o
	before.Own, before.Spec, before.Ready = nil, o.Spec.DeepCopy(), true
	restored(before.Spec, originals)
	verdicts, _ := policies.Decide(before, func(clone.Choice) clone.Known { return clone.Known{There: true, OriginLost: true} })
	for _, v := range verdicts {
		if v.To != "" && originals[v.Key] != "" && !v.Policy.DryRun {
			return v.Policy
		}
	}
	return nil
}

// restored gives a pod its originals back.
func restored(spec *corev1.PodSpec, originals clone.Originals) {
	put := func(key string, at *string) {
		if origin, kept := originals[key]; kept && clone.IsCopyOf(*at, origin) {
			*at = origin
		}
	}
	for i := range spec.InitContainers {
		put("init:"+spec.InitContainers[i].Name, &spec.InitContainers[i].Image)
	}
	for i := range spec.Containers {
		put(spec.Containers[i].Name, &spec.Containers[i].Image)
	}
	for i := range spec.Volumes {
		if spec.Volumes[i].Image != nil {
			put("volume:"+spec.Volumes[i].Name, &spec.Volumes[i].Image.Reference)
		}
	}
}

// cloner is a Deployment that clones by its environment, if one is seen that runs.
func cloner(ctx context.Context, c *cluster.Cluster) (string, error) {
	all, err := c.HavePods(ctx, true, "Deployment")
	if err != nil {
		return "", err
	}
	for _, o := range all {
		if o.Ready && clonesByEnvironment(o.Spec) {
			return objectName(o), nil
		}
	}
	return "", nil
}

func clonesByEnvironment(spec *corev1.PodSpec) bool {
	for _, c := range spec.Containers {
		for _, e := range c.Env {
			if e.Name == clone.EnvRegistry {
				return true
			}
		}
		for _, e := range c.EnvFrom {
			if e.ConfigMapRef != nil && e.ConfigMapRef.Name == "image-cloner-config" {
				return true
			}
		}
	}
	return false
}

func objectName(o clone.Object) string { return o.Kind + " " + o.Namespace + "/" + o.Name }

// sure asks before many objects roll out at once.
func (f *restoreFlags) sure(io *streams, objects []clone.Object) (bool, error) {
	if f.dry || f.policy == "" && !f.all {
		return true, nil
	}
	a := &asker{io: io, out: io.out, yes: f.yes, sign: f.emoji("❓")}
	in := map[string]bool{}
	for _, o := range objects {
		in[o.Namespace] = true
	}
	return a.ask("Really put back the images of %s in %s, whose pods are made anew", count(len(objects), "object"), count(len(in), "namespace"))
}

// each restores objects; one that cannot be stops no other.
func (f *restoreFlags) each(ctx context.Context, io *streams, c *cluster.Cluster, objects []clone.Object) error {
	var failed error
	environment := false
	for _, o := range objects {
		if err := f.one(ctx, io, c, o); err != nil {
			failed = errFound
			sayf(io.err, "%s: %v\n", objectName(o), err)
			continue
		}
		environment = environment || o.Own[clone.PolicyAnnotation] == clone.EnvName
	}
	if environment && !f.dry { // it may run outside of the cluster, where nobody sees it
		sayf(io.out, "A controller with %s that still runs somewhere rewrites again what policy %s rewrote.\n", clone.EnvRegistry, clone.EnvName)
	}
	return failed
}

func (f *restoreFlags) one(ctx context.Context, io *streams, c *cluster.Cluster, o clone.Object) error {
	patch, err := clone.Restore(o)
	if err != nil {
		return fmt.Errorf("%w; mend the annotation, or remove it", err)
	}
	verb := "Restored"
	if f.dry {
		verb = "Would restore"
	} else if err := c.PatchImages(ctx, o.Subject, patch); errors.Is(err, cluster.ErrChanged) {
		return fmt.Errorf("%w, and nothing was written: run the command again", err)
	} else if err != nil {
		return err
	}
	sayf(io.out, "%s%s %s\n", f.emoji("👍"), verb, objectName(o))
	originals, err := clone.ReadOriginals(o.Own)
	for _, s := range clone.Slots(o.Spec) {
		switch origin, kept := originals[s.Key]; {
		case !kept:
		case clone.IsCopyOf(s.Image, origin):
			sayf(io.out, "  %s: %s → %s\n", s.Key, s.Image, origin)
		default:
			sayf(io.out, "  %s: %s stays, since it was changed after it was rewritten\n", s.Key, s.Image)
		}
	}
	return err
}
