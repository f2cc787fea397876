// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"rhumb.run/rhumb/internal/core/image"
)

// Object is an object with a pod template, as it is now.
type Object struct {
	Subject
	UID, Version string
	// Own are the object's own annotations, not those of its pods.
	Own  map[string]string
	Spec *corev1.PodSpec
	// Ready is what the policy's ReadyFirst asks for.
	Ready bool
}

// Known is what is known of a copy.
type Known struct {
	// There is set once the copy answered by its digest.
	There  bool
	Digest string
	// Failure is why the last attempt failed.
	Failure *image.Failure
	// OriginLost is set while the original cannot be had.
	OriginLost bool
}

// Verdict is a choice, and what becomes of it now.
type Verdict struct {
	Choice
	// To is the image that the slot is to name; empty if it stays.
	To string
	// Failure is why the copy cannot be used.
	Failure *image.Failure
}

// Change is one patch of one object.
type Change struct {
	// Images by slot.
	Images map[string]string
	// Keep is what the annotation is to say.
	Keep   Originals
	Policy *Policy
	// Secrets are to be appended to the pull secrets.
	Secrets []string
	// Under are the targets under which the object's copies are then.
	Under []string
}

// Decide says what becomes of each image of an object, and which one change makes it so; nil if none is to be made now. A
// change waits until nothing is on its way any more, so that there is one; a copy that failed holds up nobody else.
func (p Policies) Decide(o Object, known func(Choice) Known) ([]Verdict, *Change) {
	originals, err := ReadOriginals(o.Own)
	if err != nil {
		originals = nil // what we cannot read we do not trust, and write anew
	}
	var verdicts []Verdict
	waiting := false
	for _, c := range p.Choose(o.Subject, o.Spec, originals) {
		v := judge(o, c, known)
		waiting = waiting || v.Why == ReasonCopying
		verdicts = append(verdicts, v)
	}
	if waiting {
		return verdicts, nil
	}
	return verdicts, changeOf(o, verdicts, originals)
}

// judge says what becomes of one image.
func judge(o Object, c Choice, known func(Choice) Known) Verdict {
	v := Verdict{Choice: c}
	if c.Why != "" && !c.repinned() {
		return v
	}
	k := known(c)
	if c.Copied {
		ok, _, _ := c.Policy.patches(o.Subject)
		if to := c.Policy.Uses(c, k.Digest); ok && k.There && to != c.Image {
			v.To = to
		}
		return v
	}
	switch {
	case k.Failure != nil && !k.There:
		v.Why, v.Words, v.Failure = ReasonOriginKept, k.Failure.Error(), k.Failure
		return v
	case !k.There:
		v.Why, v.Words = ReasonCopying, "its copy is on its way"
		return v
	}
	if ok, why, words := c.Policy.patches(o.Subject); !ok {
		v.Why, v.Words = why, words
		return v
	}
	if c.Policy.Order == OriginFirst && !k.OriginLost {
		v.Why, v.Words = ReasonOriginKept, "the original can be had, and policy "+c.Policy.Name+" prefers it"
		return v
	}
	if c.Policy.ReadyFirst && !o.Ready {
		v.Why, v.Words = ReasonNotReady, "the object is not ready yet"
		return v
	}
	v.To = c.Policy.Uses(c, k.Digest)
	return v
}

// repinned reports whether a slot's copy is pinned, so that it has to follow when its tag moves.
func (c Choice) repinned() bool {
	return c.Copied && c.Copy.Written != "" && c.Policy.Pin && c.Policy.Refresh != Never
}

// Uses is what a slot is to name: the copy, with its digest if the policy pins.
func (p *Policy) Uses(c Choice, digest string) string {
	if p.Pin && c.Copy.Digest == "" && digest != "" {
		return c.Copy.Written + "@" + digest
	}
	return c.Copy.Written
}

// changeOf gathers all that is to be changed into one.
func changeOf(o Object, verdicts []Verdict, originals Originals) *Change {
	change := &Change{Images: map[string]string{}, Keep: Originals{}, Under: slices.Clone(o.Under)}
	for _, v := range verdicts {
		switch {
		case v.To != "" && !v.Policy.DryRun:
			change.Images[v.Key], change.Keep[v.Key] = v.To, v.Origin.Written
			if change.Policy == nil {
				change.Policy = v.Policy
			}
			change.addSecret(o, v.Policy.PullSecret)
			change.under(v.Policy.Target.String())
		case originals[v.Key] != "" && (v.Copied || v.Origin.Written == originals[v.Key]):
			change.Keep[v.Key] = originals[v.Key]
		}
	}
	if len(change.Images) == 0 {
		return nil
	}
	return change
}

func (c *Change) under(target string) {
	if !slices.Contains(c.Under, target) {
		c.Under = append(c.Under, target)
	}
}

// addSecret appends a policy's pull secret, if the object does not have it.
func (c *Change) addSecret(o Object, secret string) {
	if secret == "" || slices.Contains(c.Secrets, secret) || slices.Contains(o.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: secret}) {
		return
	}
	c.Secrets = append(c.Secrets, secret)
}

// Alone reports whether the change gives pull secrets to pods that name none. Kubernetes gives such pods those of their service
// account, and would not any more.
func (c *Change) Alone(o Object) bool { return len(c.Secrets) > 0 && len(o.Spec.ImagePullSecrets) == 0 }

// Beside names the pull secrets of an object's service account before ours, so that its pods lose none of them.
func (c *Change) Beside(account []corev1.LocalObjectReference) {
	all := make([]string, 0, len(account)+len(c.Secrets))
	for _, ref := range account {
		if ref.Name != "" && !slices.Contains(all, ref.Name) {
			all = append(all, ref.Name)
		}
	}
	missing := slices.DeleteFunc(c.Secrets, func(s string) bool { return slices.Contains(all, s) })
	if c.Secrets = nil; len(missing) > 0 { // else the account gives all that there is to give
		c.Secrets = append(all, missing...)
	}
}

// Patch is the strategic merge patch of an object's version, and no other: somebody else's edit in between makes it fail.
func (c *Change) Patch(o Object) map[string]any {
	spec := part(c.Images, slices.Sorted(maps.Keys(c.Images)))
	annotations := map[string]any{
		OriginalsAnnotation: c.Keep.String(),
		PolicyAnnotation:    c.Policy.Name,
		TargetAnnotation:    strings.Join(c.Under, ","),
	}
	if o.Own[ReasonAnnotation] != "" {
		annotations[ReasonAnnotation] = nil
	}
	if len(c.Secrets) > 0 {
		spec["imagePullSecrets"] = named(c.Secrets, nil)
		spec["$setElementOrder/imagePullSecrets"] = named(append(secretsOf(o), c.Secrets...), nil)
		annotations[SecretAnnotation] = strings.Join(append(list(o.Own[SecretAnnotation]), c.Secrets...), ",")
	}
	return patch(o, annotations, spec)
}

// secretsOf are an object's own pull secrets, which stay first.
func secretsOf(o Object) []string {
	var out []string
	for _, s := range o.Spec.ImagePullSecrets {
		out = append(out, s.Name)
	}
	return out
}

// named are items of a list that is merged by name.
func named(names []string, more map[string]any) []any {
	var out []any
	for _, name := range names {
		item := map[string]any{"name": name}
		maps.Copy(item, more)
		out = append(out, item)
	}
	return out
}

// patch wraps a pod's spec as the kind of object has it.
func patch(o Object, annotations, spec map[string]any) map[string]any {
	out := map[string]any{"metadata": map[string]any{
		"uid": o.UID, "resourceVersion": o.Version, "annotations": annotations,
	}}
	if len(spec) == 0 {
		return out
	}
	template := map[string]any{"template": map[string]any{"spec": spec}}
	switch o.Kind {
	case "Pod":
		out["spec"] = spec
	case "CronJob":
		out["spec"] = map[string]any{"jobTemplate": map[string]any{"spec": template}}
	default:
		out["spec"] = template
	}
	return out
}

// Restore is the patch that puts an object's originals back, and takes away what we wrote; nil if we wrote nothing. Images that
// were changed since are left as they are.
func Restore(o Object) (map[string]any, error) {
	originals, err := ReadOriginals(o.Own)
	if err != nil {
		return nil, err
	}
	if _, ours := o.Own[OriginalsAnnotation]; !ours {
		return nil, nil
	}
	back := map[string]string{}
	for _, slot := range Slots(o.Spec) {
		if origin, kept := originals[slot.Key]; kept && IsCopyOf(slot.Image, origin) {
			back[slot.Key] = origin
		}
	}
	spec := part(back, slices.Sorted(maps.Keys(back)))
	if secrets := list(o.Own[SecretAnnotation]); len(secrets) > 0 {
		spec["imagePullSecrets"] = named(secrets, map[string]any{"$patch": "delete"})
	}
	return patch(o, map[string]any{
		OriginalsAnnotation: nil, PolicyAnnotation: nil, ReasonAnnotation: nil, SecretAnnotation: nil, TargetAnnotation: nil,
	}, spec), nil
}

// IsCopyOf reports whether an image may be a copy of another: one elsewhere, under the same tag and digest. It is asked when
// the policy may be gone, and with it the knowledge where its copies are.
func IsCopyOf(written, original string) bool {
	now, err := image.Parse(written)
	if err != nil {
		return false
	}
	origin, err := image.Parse(original)
	if err != nil || now.Tag != origin.Tag || (origin.Digest != "" && now.Digest != origin.Digest) {
		return false
	}
	// In the same registry it has another path in front, or the hash of the original in its name.
	return now.Host != origin.Host || strings.HasSuffix(now.Repository, "/"+origin.Repository) || strings.HasSuffix(now.Repository, "/"+hashed(origin))
}
