// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

// sweepEvery is how often copies that nobody uses are looked for.
const sweepEvery = time.Minute

// sweep marks copies that nobody uses, and deletes those that nobody has used for as long as their policy keeps them. It
// deletes tags alone: another tag may stand for the same digest.
type sweep struct {
	r     *Reconciler
	live  client.Reader
	now   func() time.Time
	every time.Duration
	log   logr.Logger
	told  func(policy string)
	// marked is set once a pass has ended: the first one since a start deletes nothing.
	marked bool
	// known are those that the last look found unused, and last is when that was.
	known map[types.UID]bool
	last  time.Time

	mu      sync.Mutex
	refused map[string]*clone.Failure // by policy
	worked  map[string]bool           // policies whose target has deleted a tag
}

// Start sweeps until ctx ends. The first time it only marks: what was not in use a moment after a start may be soon.
func (s *sweep) Start(ctx context.Context) error {
	ticker := time.NewTicker(s.every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		for _, p := range s.r.current() {
			s.told(p.Name) // a pull secret may be needed in fewer namespaces
		}
		if err := s.pass(ctx); err != nil && ctx.Err() == nil {
			s.log.Error(err, "looking for copies that nobody uses")
		}
	}
}

// pass looks once.
func (s *sweep) pass(ctx context.Context) error {
	var records v1alpha1.ClonedImageList
	if err := s.r.client.List(ctx, &records); err != nil {
		return fmt.Errorf("listing ClonedImages: %w", err)
	}
	var unused []*v1alpha1.ClonedImage
	shared := map[string]int{}
	for i := range records.Items {
		o := &records.Items[i]
		for _, name := range namesOf(o) {
			shared[name]++
		}
		if !s.r.ledger.Used(Key{o.Spec.Origin, o.Spec.Target}) {
			unused = append(unused, o)
		}
	}
	if s.seen(unused) {
		return nil
	}
	kept, err := s.kept(ctx)
	if err != nil {
		return err
	}
	s.saw(unused)
	for _, o := range unused {
		if err := s.unused(ctx, o, kept, shared); err != nil {
			s.log.Error(err, "seeing to a copy that nobody uses", "name", o.Name)
		}
	}
	s.marked = true
	return nil
}

// seldom is how many looks pass between two at what was seen unused before: each lists all ReplicaSets of the cluster.
const seldom = 10

// seen reports whether there is nothing unused that the last look did not see a short while ago.
func (s *sweep) seen(unused []*v1alpha1.ClonedImage) bool {
	if len(unused) > 0 && s.now().Sub(s.last) >= seldom*s.every {
		return false
	}
	return !slices.ContainsFunc(unused, func(o *v1alpha1.ClonedImage) bool { return !s.known[o.UID] })
}

func (s *sweep) saw(unused []*v1alpha1.ClonedImage) {
	s.last, s.known = s.now(), map[types.UID]bool{}
	for _, o := range unused {
		s.known[o.UID] = true
	}
}

// unused sees to a copy that nobody wants now, but that something kept may name.
func (s *sweep) unused(ctx context.Context, o *v1alpha1.ClonedImage, kept map[string]bool, shared map[string]int) error {
	// Who names an original may come to use its copy: if there is one, and a policy that says so.
	mayBe := kept[o.Spec.Origin] && o.Status.Digest != "" && s.policy(o.Spec.Policy) != nil
	if kept[o.Spec.Target] || mayBe {
		return s.unmark(ctx, o)
	}
	return s.one(ctx, o, shared)
}

// namesOf are the tag and the digest that a record stands for, where they are: another record may stand for the same.
func namesOf(o *v1alpha1.ClonedImage) []string {
	ref, err := image.Parse(o.Spec.Target)
	if err != nil {
		return nil
	}
	return []string{ref.Host + "/" + ref.Repository + ":" + ref.Tag, ref.Host + "/" + ref.Repository + "@" + o.Status.Digest}
}

// kept are the images of all that runs or may run, whether or not anybody says that they are copies, and of versions that a
// rollback would bring back, by their full names.
func (s *sweep) kept(ctx context.Context) (map[string]bool, error) {
	out := map[string]bool{}
	for _, kind := range s.r.kinds {
		err := s.r.each(ctx, kind, func(o client.Object) {
			for _, slot := range clone.Slots(read(o).Spec) {
				keep(out, slot.Image)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	var sets appsv1.ReplicaSetList
	if err := s.live.List(ctx, &sets); err != nil {
		return nil, fmt.Errorf("listing ReplicaSets: %w", err)
	}
	for i := range sets.Items {
		for _, slot := range clone.Slots(&sets.Items[i].Spec.Template.Spec) {
			keep(out, slot.Image)
		}
	}
	var revisions appsv1.ControllerRevisionList
	if err := s.live.List(ctx, &revisions); err != nil {
		return nil, fmt.Errorf("listing ControllerRevisions: %w", err)
	}
	for i := range revisions.Items {
		for _, name := range clone.RevisionImages(raw(revisions.Items[i].Data)) {
			keep(out, name)
		}
	}
	return out, nil
}

func raw(e runtime.RawExtension) []byte { return e.Raw }

func keep(all map[string]bool, written string) {
	if ref, err := image.Parse(written); err == nil {
		all[clone.FullName(ref)] = true
		ref.Digest = "" // a policy may have pinned it
		all[clone.FullName(ref)] = true
	}
}

// one marks a copy that nobody uses, or deletes it once it is time.
func (s *sweep) one(ctx context.Context, o *v1alpha1.ClonedImage, shared map[string]int) error {
	policy := s.policy(o.Spec.Policy)
	if policy == nil {
		return s.orphan(ctx, o)
	}
	if o.Status.UnusedSince == nil {
		return s.mark(ctx, o)
	}
	if o.Status.Digest == "" && s.marked {
		return s.drop(ctx, o)
	}
	if !policy.Cleanup.Enabled || policy.DryRun || s.now().Sub(o.Status.UnusedSince.Time) < policy.Cleanup.Retention || s.Refused(policy.Name) != nil || !s.marked {
		return nil
	}
	return s.delete(ctx, o, policy, shared)
}

// drop deletes the record of an image that was never copied, and that nobody asks for any more: there is nothing to come back to.
func (s *sweep) drop(ctx context.Context, o *v1alpha1.ClonedImage) error {
	err := s.r.client.Delete(ctx, o, client.Preconditions{UID: &o.UID, ResourceVersion: &o.ResourceVersion})
	if apierrors.IsConflict(err) {
		return nil // something else is known of it since
	}
	s.told(o.Spec.Policy)
	return client.IgnoreNotFound(err)
}

// orphan deletes the record of a policy that is gone; whoever wants its copies has them. One that is there and can't be
// followed now may be mended.
func (s *sweep) orphan(ctx context.Context, o *v1alpha1.ClonedImage) error {
	var policy v1alpha1.ImageClonePolicy
	err := s.live.Get(ctx, client.ObjectKey{Name: o.Spec.Policy}, &policy)
	if err == nil {
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading ImageClonePolicy %s: %w", o.Spec.Policy, err)
	}
	return client.IgnoreNotFound(s.r.client.Delete(ctx, o))
}

// unmark takes back that nobody uses a copy.
func (s *sweep) unmark(ctx context.Context, o *v1alpha1.ClonedImage) error {
	if o.Status.UnusedSince == nil {
		return nil
	}
	next := o.DeepCopy()
	next.Status.UnusedSince = nil
	if o.Status.State == v1alpha1.StateUnused {
		next.Status.State = v1alpha1.StateReady
	}
	if err := s.r.client.Status().Update(ctx, next); err != nil && !apierrors.IsConflict(err) {
		return client.IgnoreNotFound(err)
	}
	return nil
}

func (s *sweep) policy(name string) *clone.Policy {
	for _, p := range s.r.current() {
		if p.Name == name {
			return p
		}
	}
	return nil
}

func (s *sweep) mark(ctx context.Context, o *v1alpha1.ClonedImage) error {
	next := o.DeepCopy()
	next.Status.UnusedSince = &metav1.Time{Time: s.now().Truncate(time.Second)}
	next.Status.Users = v1alpha1.CloneUsers{}
	if o.Status.State == v1alpha1.StateReady {
		next.Status.State = v1alpha1.StateUnused
	}
	if err := s.r.client.Status().Update(ctx, next); err != nil && !apierrors.IsConflict(err) {
		return client.IgnoreNotFound(err)
	}
	s.told(o.Spec.Policy)
	return nil
}

// delete deletes a copy's tag and the anchor of its digest, as far as no other copy has the same, and then its record. A tag
// that is not what we wrote is somebody else's.
func (s *sweep) delete(ctx context.Context, o *v1alpha1.ClonedImage, policy *clone.Policy, shared map[string]int) error {
	copied, err := image.Parse(o.Spec.Target)
	if err != nil {
		return client.IgnoreNotFound(s.r.client.Delete(ctx, o))
	}
	at := policy.Target.Pushed(copied)
	names := namesOf(o)
	for _, tag := range tagsOf(at, o.Status, shared[names[0]] > 1, shared[names[1]] > 1) {
		err := s.untag(ctx, policy, at.Tagged(tag), o.Status.Digest)
		f := failureOf(err)
		if f != nil && f.Reason == v1alpha1.UnsupportedReason {
			s.refuse(policy.Name, f)
			return nil
		}
		if f != nil {
			return f
		}
	}
	s.mu.Lock()
	s.worked[policy.Name] = true
	s.mu.Unlock()
	s.told(policy.Name)
	s.log.Info("copy deleted", "copy", o.Spec.Target, "unusedSince", o.Status.UnusedSince.Time)
	return client.IgnoreNotFound(s.r.client.Delete(ctx, o))
}

// tagsOf are the tags that stand for a copy alone.
func tagsOf(at image.Ref, status v1alpha1.ClonedImageStatus, tagShared, digestShared bool) []string {
	if status.Digest == "" || status.State == v1alpha1.StateDrifted {
		return nil
	}
	var out []string
	if !digestShared {
		out = append(out, image.AnchorTag(status.Digest))
	}
	if at.Tag != "" && !tagShared {
		out = append(out, at.Tag)
	}
	return out
}

// untag deletes a tag if it is what we wrote; one that is gone is well.
func (s *sweep) untag(ctx context.Context, policy *clone.Policy, at image.Ref, digest string) error {
	logins, err := s.r.keys.Target(ctx, policy)
	if err != nil {
		return err
	}
	is, err := s.r.ledger.engine.Look(ctx, at, logins)
	if f := failureOf(err); f != nil {
		if f.Reason == image.ReasonNotFound {
			return nil
		}
		return f
	}
	if is != digest {
		return nil
	}
	return s.r.ledger.engine.Delete(ctx, at, logins)
}

// refuse notes that a target deletes nothing, which is not asked again until the policy changes.
func (s *sweep) refuse(policy string, f *clone.Failure) {
	s.mu.Lock()
	s.refused[policy] = f
	s.mu.Unlock()
	s.told(policy)
}

// Refused is why the target of a policy deletes nothing; nil if it does, or was not asked.
func (s *sweep) Refused(policy string) *clone.Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused[policy]
}

// Worked reports whether the target of a policy has deleted a tag.
func (s *sweep) Worked(policy string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.worked[policy]
}

// Forget lets all targets be asked again.
func (s *sweep) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.refused)
}
