// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"rhumb.run/rhumb/internal/core/image"
)

// Why an image is left as it is, as annotations, events and plans say it.
const (
	// ReasonCopied: it is a copy already.
	ReasonCopied = "AlreadyCloned"
	// ReasonNoPolicy: no policy is for it.
	ReasonNoPolicy = "NoPolicy"
	// ReasonInvalid: it is no image reference.
	ReasonInvalid = image.ReasonInvalid
	// ReasonNeverPulled: its pull policy is Never.
	ReasonNeverPulled = "NeverPulled"
	// ReasonCopying: its copy is on its way.
	ReasonCopying = "Copying"
	// ReasonOriginKept: its copy cannot be used now.
	ReasonOriginKept = "OriginKept"
	// ReasonNotReady: the object is not ready, and its policy waits for that.
	ReasonNotReady = "NotReady"
	// ReasonOwned: another controller would put it back.
	ReasonOwned = "Owned"
	// ReasonCopyOnly: the policy only copies.
	ReasonCopyOnly = "CopyOnly"
	// ReasonAdmission: its pods are changed as they are made.
	ReasonAdmission = "Admission"
	// ReasonRolloutsFull: as many objects roll out as may.
	ReasonRolloutsFull = "RolloutsFull"
	// ReasonContested: somebody puts back what we wrote.
	ReasonContested = "RewriteContested"
	// ReasonDryRun: the policy only says what it would do.
	ReasonDryRun = "DryRun"
)

// Choice is what is to be done about one image of an object.
type Choice struct {
	Slot
	// Origin is the image that the slot stands for: what is written there, or what was before a copy's name was.
	Origin image.Ref
	// Policy is nil where no policy is for it.
	Policy *Policy
	// Copy is where its copy is, as pods call it.
	Copy image.Ref
	// Copied is set where the slot names a copy already.
	Copied bool
	// Why says why there is nothing to do; empty where there is.
	Why, Words string
}

// Wanted reports whether there is a copy to be had for the slot.
func (c Choice) Wanted() bool { return c.Policy != nil && c.Copy.Written != "" && !c.Copied }

// Kept reports whether the slot names a copy of which the original is known.
func (c Choice) Kept() bool { return c.Copied && c.Copy.Written != "" }

// Choose finds for each image of a pod which policy is for it. Originals are those that an object's annotation keeps.
func (p Policies) Choose(s Subject, spec *corev1.PodSpec, originals Originals) []Choice {
	slots := Slots(spec)
	out := make([]Choice, 0, len(slots))
	for _, slot := range slots {
		out = append(out, p.choose(s, slot, originals))
	}
	return out
}

func (p Policies) choose(s Subject, slot Slot, originals Originals) Choice {
	c := Choice{Slot: slot}
	ref, err := image.Parse(slot.Image)
	if err != nil {
		c.Why, c.Words = ReasonInvalid, err.Error()
		return c
	}
	c.Origin = ref
	if holder := p.holder(ref); holder != nil {
		return p.copied(s, c, holder, originals)
	}
	if former(s, ref) { // the policy that wrote it has another target now, or is gone: what counts is what it is a copy of
		if ref, err = image.Parse(originals[slot.Key]); err != nil {
			c.Why, c.Words = ReasonCopied, "it is a copy that a former policy made, and nobody knows of what"
			return c
		}
		c.Origin = ref
	}
	if slot.Policy == corev1.PullNever {
		c.Why, c.Words = ReasonNeverPulled, "its pull policy is Never"
		return c
	}
	c.Policy, c.Words = p.of(s, ref)
	if c.Policy == nil {
		c.Why = ReasonNoPolicy
		return c
	}
	if c.Copy, err = c.Policy.Target.Of(ref); err != nil {
		c.Policy, c.Why, c.Words = nil, ReasonInvalid, err.Error()
	}
	return c
}

// copied is the choice for a slot that names a copy. What it is a copy of, the annotation says; without one it is nobody's
// business, and never copied deeper.
func (p Policies) copied(s Subject, c Choice, holder *Policy, originals Originals) Choice {
	c.Copied, c.Why, c.Words = true, ReasonCopied, "it is under "+holder.Target.String()
	c.Policy = holder
	origin, err := image.Parse(originals[c.Key])
	if err != nil {
		return c
	}
	// Several policies may have one target: it is the copy of the one that is for the image.
	if meant, _ := p.of(s, origin); meant != nil && meant.Target.Holds(c.Origin) {
		c.Policy = meant
	}
	if of, err := c.Policy.Target.Of(origin); err == nil && sameName(of, c.Origin) {
		c.Copy, c.Origin = of, origin
	}
	return c
}

// former reports whether an image lies where an object's annotation says that its copies are.
func former(s Subject, ref image.Ref) bool {
	for _, under := range s.Under {
		if t, err := ParseTarget(under); err == nil && t.Holds(ref) {
			return true
		}
	}
	return false
}

// sameName compares copies without the digest that a policy may have pinned.
func sameName(a, b image.Ref) bool {
	return a.Host == b.Host && a.Repository == b.Repository && (a.Tag == b.Tag || b.Tag == "")
}

// of is the first policy that is for an image, or why none is.
func (p Policies) of(s Subject, ref image.Ref) (*Policy, string) {
	why := "there is no policy"
	for _, policy := range p {
		ok, words := policy.Match.takes(s)
		if ok && !policy.Match.Images.Take(ref) {
			ok, words = false, "its images do not take "+FullName(ref)
		}
		if ok {
			return policy, ""
		}
		why = "policy " + policy.Name + " is not for it: " + words
	}
	return nil, why
}

// Losers are policies that would be for an image, were it not for one that comes before them.
func (p Policies) Losers(s Subject, ref image.Ref) []*Policy {
	winner, _ := p.of(s, ref)
	var out []*Policy
	for _, policy := range p {
		if policy == winner {
			continue
		}
		if ok, _ := policy.Match.takes(s); ok && policy.Match.Images.Take(ref) && winner != nil {
			out = append(out, policy)
		}
	}
	return out
}

// patches reports whether a policy patches the template of an object, and if not, why.
func (p *Policy) patches(s Subject) (bool, string, string) {
	able := slices.Contains(patchable, s.Kind)
	switch {
	case p.Strategy == None:
		return false, ReasonCopyOnly, "policy " + p.Name + " only copies"
	case p.Strategy == Admission:
		return false, ReasonAdmission, "policy " + p.Name + " changes pods, not templates"
	case !able:
		return false, ReasonAdmission, "the template of a " + s.Kind + " is not patched"
	case s.Owner != "" && !p.Match.Owned:
		return false, ReasonOwned, s.Owner + " made it, and would put the original back"
	}
	return true, "", ""
}

// patchable are the kinds whose templates can be changed after they were made.
var patchable = []string{"Deployment", "StatefulSet", "DaemonSet", "CronJob"}

// AdmitsPods reports whether a policy changes pods of an owner as they are made. patched says whether the owner's template is
// one that the policy patches.
func (p *Policy) AdmitsPods(patched bool) bool {
	switch p.Strategy {
	case Admission, Both:
		return true
	case Auto:
		return !patched
	case Workload, None:
	}
	return false
}
