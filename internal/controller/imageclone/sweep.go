// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
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

	mu      sync.Mutex
	refused map[string]*clone.Failure // by policy
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
			if p.Inject {
				s.told(p.Name)
			}
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
	anchors := map[string]int{}
	for i := range records.Items {
		o := &records.Items[i]
		anchors[anchorOf(o)]++
		if !s.r.ledger.Used(Key{o.Spec.Origin, o.Spec.Target}) {
			unused = append(unused, o)
		}
	}
	if len(unused) == 0 {
		return nil
	}
	kept, err := s.kept(ctx)
	if err != nil {
		return err
	}
	for _, o := range unused {
		if kept[o.Spec.Target] || kept[o.Spec.Origin] {
			continue
		}
		if err := s.one(ctx, o, anchors[anchorOf(o)] > 1); err != nil {
			s.log.Error(err, "seeing to a copy that nobody uses", "name", o.Name)
		}
	}
	return nil
}

// anchorOf is the digest that a record stands for, where it is.
func anchorOf(o *v1alpha1.ClonedImage) string {
	ref, err := image.Parse(o.Spec.Target)
	if err != nil {
		return ""
	}
	return ref.Host + "/" + ref.Repository + "@" + o.Status.Digest
}

// kept are the images of versions that a rollback would bring back, by their full names, as the API server has them now.
func (s *sweep) kept(ctx context.Context) (map[string]bool, error) {
	out := map[string]bool{}
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
func (s *sweep) one(ctx context.Context, o *v1alpha1.ClonedImage, anchored bool) error {
	policy := s.policy(o.Spec.Policy)
	if policy == nil { // whoever wants the copies of a policy that is gone has them
		return client.IgnoreNotFound(s.r.client.Delete(ctx, o))
	}
	if o.Status.UnusedSince == nil {
		return s.mark(ctx, o)
	}
	if !policy.Cleanup.Enabled || policy.DryRun || s.now().Sub(o.Status.UnusedSince.Time) < policy.Cleanup.Retention || s.Refused(policy.Name) != nil {
		return nil
	}
	return s.delete(ctx, o, policy, anchored)
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
	return nil
}

// delete deletes a copy's tag, the anchor of its digest unless another copy has the same, and then its record.
func (s *sweep) delete(ctx context.Context, o *v1alpha1.ClonedImage, policy *clone.Policy, anchored bool) error {
	copied, err := image.Parse(o.Spec.Target)
	if err != nil {
		return client.IgnoreNotFound(s.r.client.Delete(ctx, o))
	}
	at := policy.Target.Pushed(copied)
	for _, tag := range tagsOf(at, o.Status.Digest, anchored) {
		err := s.untag(ctx, policy, at.Tagged(tag))
		f := failureOf(err)
		if f != nil && f.Reason == v1alpha1.UnsupportedReason {
			s.refuse(policy.Name, f)
			return nil
		}
		if f != nil {
			return f
		}
	}
	s.log.Info("copy deleted", "copy", o.Spec.Target, "unusedSince", o.Status.UnusedSince.Time)
	return client.IgnoreNotFound(s.r.client.Delete(ctx, o))
}

func tagsOf(at image.Ref, digest string, anchored bool) []string {
	var out []string
	if at.Tag != "" {
		out = append(out, at.Tag)
	}
	if digest != "" && !anchored {
		out = append(out, image.AnchorTag(digest))
	}
	return out
}

func (s *sweep) untag(ctx context.Context, policy *clone.Policy, at image.Ref) error {
	logins, err := s.r.keys.Target(ctx, policy)
	if err != nil {
		return err
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

// Forget lets all targets be asked again.
func (s *sweep) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.refused)
}
