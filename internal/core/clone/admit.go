// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// ReasonPatched is said where the template that a pod was made of is patched instead.
const ReasonPatched = "Patched"

// Incoming is a pod that the API server asks about before it lets it in.
type Incoming struct {
	// Subject is what is at the top of the pod's owners, with the labels and annotations of the pod; the pod itself, if
	// nobody made it. Owner is the controller of that.
	Subject
	// Own are the pod's annotations.
	Own  map[string]string
	Spec *corev1.PodSpec
	// Before is set where containers are added to a pod that runs: only those are new, and nothing else can be changed.
	Before *corev1.PodSpec
}

// Admitted is what becomes of a pod as it is let in.
type Admitted struct {
	Verdicts []Verdict
	// Patch is a JSON patch; empty if the pod is let in as it is.
	Patch []Operation
	// Told is what cannot be written on the pod, for whoever made the request.
	Told []string
}

// Operation is one of a JSON patch.
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// mirrored is how the kubelet marks the API server's picture of a pod that it has from a file.
const mirrored = corev1.MirrorPodAnnotationKey

// Asks are the choices for which it has to be known how their copies are, before a pod can be let in. Of most pods there
// are none.
func (p Policies) Asks(in Incoming) []Choice {
	var out []Choice
	for _, v := range p.incoming(in) {
		if v.Why == "" {
			out = append(out, v.Choice)
		}
	}
	return out
}

// Admit gives a pod the copies that are there. Whatever is in doubt is left, and what is left for a reason that will pass
// has that reason written beside it. Asked again of its own answer it changes nothing.
func (p Policies) Admit(in Incoming, known func(Choice) Known) Admitted {
	out := Admitted{Verdicts: p.incoming(in)}
	for i := range out.Verdicts {
		if v := &out.Verdicts[i]; v.Why == "" {
			v.decide(known(v.Choice))
		}
	}
	if in.Before != nil {
		out.Patch, out.Told = in.added(out.Verdicts)
	} else {
		out.Patch = in.made(out.Verdicts)
	}
	return out
}

// incoming says for each image whether admission has a say at all.
func (p Policies) incoming(in Incoming) []Verdict {
	if _, is := in.Own[mirrored]; is {
		return nil
	}
	originals, err := ReadOriginals(in.Own)
	if err != nil {
		originals = nil // it is not ours, or broken: either way nothing is known from it
	}
	old := map[string]bool{}
	if in.Before != nil {
		for _, slot := range Slots(in.Before) {
			old[slot.Key] = true
		}
	}
	var out []Verdict
	for _, c := range p.Choose(in.Subject, in.Spec, originals) {
		if old[c.Key] {
			continue // it runs, and cannot be changed
		}
		v := Verdict{Choice: c}
		if v.Why == "" {
			v.Why, v.Words = c.Policy.letsBe(in.Subject)
		}
		out = append(out, v)
	}
	return out
}

// letsBe is why a policy leaves a subject's pods to others; empty if it does not.
func (p *Policy) letsBe(s Subject) (why, words string) {
	patched, reason, words := p.patches(s)
	switch {
	case p.DryRun:
		return ReasonDryRun, "policy " + p.Name + " only says what it would do"
	case reason == ReasonCopyOnly:
		return reason, words
	case !p.AdmitsPods(patched):
		return ReasonPatched, "policy " + p.Name + " patches templates, not pods"
	}
	return "", ""
}

// decide says what becomes of an image of which it is known how its copy is.
func (v *Verdict) decide(k Known) {
	switch {
	case !k.There && k.Failure != nil:
		v.Why, v.Words, v.Failure = ReasonOriginKept, k.Failure.Error(), k.Failure
	case !k.There:
		v.Why, v.Words = ReasonCopying, "its copy is not there yet"
	case v.Policy.Order == OriginFirst && !k.OriginLost:
		v.Why, v.Words = ReasonOriginKept, "the original can be had, and policy "+v.Policy.Name+" prefers it"
	default:
		v.To = v.Policy.Uses(v.Choice, k.Digest)
	}
}

// made is the patch of a pod that is being made.
func (in Incoming) made(verdicts []Verdict) []Operation {
	var out []Operation
	keep, secrets, notes := Originals{}, []string(nil), map[string]string{}
	at := places(in.Spec)
	was, _ := ReadOriginals(in.Own)
	for _, v := range verdicts {
		switch {
		case v.To != "":
			out = append(out, Operation{"replace", at[v.Key], v.To})
			keep[v.Key] = v.Origin.Written
			notes[PolicyAnnotation] = v.Policy.Name
			if s := v.Policy.PullSecret; s != "" && !slices.Contains(secrets, s) &&
				!slices.Contains(in.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: s}) {
				secrets = append(secrets, s)
			}
		case v.Copied && was[v.Key] != "":
			keep[v.Key] = was[v.Key]
		case (v.Why == ReasonOriginKept || v.Why == ReasonCopying) && notes[ReasonAnnotation] == "":
			notes[ReasonAnnotation] = v.Why + ": " + v.Key + ": " + v.Words
		}
	}
	if len(out) > 0 {
		notes[OriginalsAnnotation] = keep.String()
	}
	if len(secrets) > 0 {
		notes[SecretAnnotation] = strings.Join(append(list(in.Own[SecretAnnotation]), secrets...), ",")
	}
	return append(append(out, appended(in.Spec, secrets)...), annotated(in.Own, notes)...)
}

// added is the patch of containers that are added to a pod that runs. Nothing can be written on such a pod, so that
// whoever adds them is told.
func (in Incoming) added(verdicts []Verdict) (out []Operation, told []string) {
	at := places(in.Spec)
	for _, v := range verdicts {
		if v.To == "" {
			continue
		}
		out = append(out, Operation{"replace", at[v.Key], v.To})
		told = append(told, "image "+v.Image+" of "+v.Key+" is read from its copy "+v.To+" (ImageClonePolicy "+v.Policy.Name+")")
	}
	return out, told
}

// places are the paths of slots in a pod.
func places(spec *corev1.PodSpec) map[string]string {
	out := map[string]string{}
	at := func(list string, i int, field string) string {
		return "/spec/" + list + "/" + strconv.Itoa(i) + "/" + field
	}
	for i, c := range spec.Containers {
		out[c.Name] = at("containers", i, "image")
	}
	for i, c := range spec.InitContainers {
		out[initPrefix+c.Name] = at("initContainers", i, "image")
	}
	for i, c := range spec.EphemeralContainers {
		out[ephemeralPrefix+c.Name] = at("ephemeralContainers", i, "image")
	}
	for i, v := range spec.Volumes {
		out[volumePrefix+v.Name] = at("volumes", i, "image/reference")
	}
	return out
}

// appended adds pull secrets behind those that are there.
func appended(spec *corev1.PodSpec, secrets []string) []Operation {
	var out []Operation
	for i, s := range secrets {
		ref := map[string]string{"name": s}
		if i == 0 && len(spec.ImagePullSecrets) == 0 {
			out = append(out, Operation{"add", "/spec/imagePullSecrets", []any{ref}})
			continue
		}
		out = append(out, Operation{"add", "/spec/imagePullSecrets/-", ref})
	}
	return out
}

// annotated writes annotations, where they are not there already.
func annotated(own, notes map[string]string) []Operation {
	var out []Operation
	for _, key := range []string{OriginalsAnnotation, PolicyAnnotation, ReasonAnnotation, SecretAnnotation} {
		value, is := notes[key]
		if !is || own[key] == value {
			continue
		}
		if own == nil {
			own = map[string]string{}
			out = append(out, Operation{"add", "/metadata/annotations", map[string]string{}})
		}
		out = append(out, Operation{"add", "/metadata/annotations/" + strings.ReplaceAll(key, "/", "~1"), value})
	}
	return out
}
