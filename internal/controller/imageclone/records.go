// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/loop"
)

// records write down what is known of copies, as ClonedImages: for people, and for those who come after us. What they say
// can be found out again.
type records struct {
	client client.Client
	ledger *ledger
	queue  workqueue.TypedRateLimitingInterface[Key]
	// wrote is told of each policy one of whose copies reads differently.
	wrote func(policy string)
	fail  func(err error, key Key)
	// failed is told of a copy that could not be made, or looked at again, for a reason that it did not have before.
	failed func(o *v1alpha1.ClonedImage, why string)
}

func newRecords(c client.Client, l *ledger) *records {
	return &records{client: c, ledger: l, queue: workqueue.NewTypedRateLimitingQueue(loop.LimiterOf[Key]())}
}

// Changed asks for a record to be written soon: what happens within a moment is one write.
func (r *records) Changed(key Key) { r.queue.AddAfter(key, loop.Calm) }

// Start writes until ctx ends.
func (r *records) Start(ctx context.Context) error {
	go func() {
		<-ctx.Done()
		r.queue.ShutDown()
	}()
	for {
		key, over := r.queue.Get()
		if over {
			return nil
		}
		if err := r.write(ctx, key); err != nil && ctx.Err() == nil {
			r.fail(err, key)
			r.queue.AddRateLimited(key)
		} else {
			r.queue.Forget(key)
		}
		r.queue.Done(key)
	}
}

// write makes a record what it is to be.
func (r *records) write(ctx context.Context, key Key) error {
	d, ok := r.ledger.Describe(key)
	if !ok || d.policy == nil || d.policy.Name == clone.EnvName {
		return nil // nobody wants it any more: the sweep sees to that
	}
	want := &v1alpha1.ClonedImage{
		ObjectMeta: metav1.ObjectMeta{Name: clone.RecordName(key.Origin, key.Copy)},
		Spec:       v1alpha1.ClonedImageSpec{Origin: key.Origin, Target: key.Copy, Policy: d.policy.Name},
	}
	have := &v1alpha1.ClonedImage{}
	err := r.client.Get(ctx, types.NamespacedName{Name: want.Name}, have)
	if err == nil && have.Spec != want.Spec { // another policy decides now
		if err := r.client.Delete(ctx, have); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("replacing ClonedImage %s: %w", want.Name, err)
		}
		err = apierrors.NewNotFound(v1alpha1.Resource("clonedimages"), want.Name)
	}
	if apierrors.IsNotFound(err) {
		have = want.DeepCopy()
		err = r.client.Create(ctx, have)
	}
	if apierrors.IsAlreadyExists(err) { // the watch is behind
		r.queue.AddAfter(key, loop.Lag)
		return nil
	}
	if err != nil {
		return fmt.Errorf("writing ClonedImage %s: %w", want.Name, err)
	}
	return r.status(ctx, key, have, d)
}

func (r *records) status(ctx context.Context, key Key, have *v1alpha1.ClonedImage, d description) error {
	next := have.DeepCopy()
	d.into(&next.Status, next.Generation)
	seen := next.Status.LastVerified
	if have.Status.LastVerified != nil {
		next.Status.LastVerified = have.Status.LastVerified
	}
	if equality.Semantic.DeepEqual(have.Status, next.Status) { // that it is there still is not worth a write
		r.ledger.Written(key)
		return nil
	}
	next.Status.LastVerified = seen
	err := r.client.Status().Update(ctx, next)
	switch {
	case apierrors.IsConflict(err):
		r.queue.AddAfter(key, loop.Lag)
		return nil
	case err != nil:
		return fmt.Errorf("writing the status of ClonedImage %s: %w", have.Name, err)
	}
	r.ledger.Written(key)
	r.wrote(d.policy.Name)
	if why := news(have.Status, next.Status, d); why != "" {
		r.failed(next, why)
	}
	return nil
}

// news is why a copy failed, unless that is known already.
func news(have, next v1alpha1.ClonedImageStatus, d description) string {
	switch {
	case d.failure == nil, next.Reason == have.Reason && next.Side == have.Side:
		return ""
	case d.known.There:
		return "the copy stays: " + next.Message
	}
	return next.Message
}

// recallFrom gives what is written down of copies that are there. What another policy had is another registry, for all we know.
func recallFrom(reader client.Reader) func(context.Context, Key, string) (Recalled, bool) {
	return func(ctx context.Context, key Key, policy string) (Recalled, bool) {
		var o v1alpha1.ClonedImage
		if err := reader.Get(ctx, types.NamespacedName{Name: clone.RecordName(key.Origin, key.Copy)}, &o); err != nil {
			return Recalled{}, false
		}
		there := o.Spec.Policy == policy && (o.Status.State == v1alpha1.StateReady || o.Status.State == v1alpha1.StateUnused)
		return Recalled{Digest: o.Status.Digest, SourceDigest: o.Status.SourceDigest}, there && o.Status.Digest != ""
	}
}

// description is a copy, as it is to be written down.
type description struct {
	policy         *clone.Policy
	known          clone.Known
	outcome        clone.Outcome
	failure        *clone.Failure
	failures       int
	running, asked bool
	next, verified time.Time
	users          []User
	count          int
}

const samples = 5

// Describe is how a copy is.
func (l *ledger) Describe(key Key) (description, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.all[key]; e != nil {
		return e.describe(), true
	}
	d, left := l.left[key]
	return d, left
}

// Of are a policy's copies.
func (l *ledger) Of(policy string) []description {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []description
	for _, e := range l.all {
		if e.choice.Policy != nil && e.choice.Policy.Name == policy {
			out = append(out, e.describe())
		}
	}
	return out
}

func (e *entry) describe() description {
	d := description{
		policy: e.choice.Policy, known: e.known, outcome: e.outcome, failure: e.failure, failures: e.failures, running: e.running, asked: e.asked,
		next: e.next, verified: e.verified, count: len(e.users),
	}
	for user := range e.users {
		d.users = append(d.users, user)
	}
	slices.SortFunc(d.users, User.compare)
	d.users = d.users[:min(len(d.users), samples)]
	return d
}

// into writes it into a status. Times are kept as they were where nothing happened, so that nothing is written then.
func (d description) into(s *v1alpha1.ClonedImageStatus, generation int64) {
	s.ObservedGeneration, s.UnusedSince = generation, nil
	s.State, s.Reason, s.Side, s.Message = d.state()
	if d.known.There {
		s.Digest, s.SourceDigest = d.outcome.Digest, d.outcome.SourceDigest
	}
	s.Attempts, s.NextAttempt = int32(d.failures), nil
	if d.failure != nil && !d.running {
		s.NextAttempt = &metav1.Time{Time: d.next.Truncate(time.Second)}
	}
	if !d.verified.IsZero() {
		s.LastVerified = &metav1.Time{Time: d.verified.Truncate(time.Second)}
	}
	s.Users = v1alpha1.CloneUsers{Count: int32(d.count)}
	for _, user := range d.users {
		s.Users.Samples = append(s.Users.Samples, user.String())
	}
	p := d.outcome.Progress
	if p.Total > 0 {
		s.Size = p.Total
		s.Bytes = v1alpha1.ByteCounts{Copied: p.Sent, Mounted: p.Mounted, Skipped: p.Skipped}
	}
	d.conditions(s, generation)
}

// state is how a copy is, in one word, and why.
func (d description) state() (state v1alpha1.CloneState, reason string, side v1alpha1.RegistrySide, message string) {
	if d.failure != nil {
		reason, side, message = d.failure.Reason, v1alpha1.SideTarget, clip(d.failure.Error())
		if d.failure.Source {
			side = v1alpha1.SideSource
		}
	}
	switch {
	case reason == v1alpha1.DriftedReason:
		return v1alpha1.StateDrifted, reason, side, message
	case d.known.There:
		return v1alpha1.StateReady, reason, side, message
	case d.failure != nil:
		return v1alpha1.StateFailed, reason, side, message
	case d.running:
		return v1alpha1.StateCopying, v1alpha1.CopyingReason, "", ""
	}
	return v1alpha1.StatePending, v1alpha1.PendingReason, "", ""
}

func (d description) conditions(s *v1alpha1.ClonedImageStatus, generation int64) {
	set := func(kind string, status metav1.ConditionStatus, reason, message string) {
		setCondition(&s.Conditions, metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: generation})
	}
	switch {
	case d.failure != nil && d.failure.Reason == v1alpha1.SourceNotFoundReason:
		set(v1alpha1.SourceAvailableCondition, metav1.ConditionFalse, d.failure.Reason, s.Message)
	case d.failure == nil && d.known.There && d.asked:
		set(v1alpha1.SourceAvailableCondition, metav1.ConditionTrue, v1alpha1.AvailableReason, "")
	}
	switch s.State {
	case v1alpha1.StateReady, v1alpha1.StateUnused:
		set(v1alpha1.ReadyCondition, metav1.ConditionTrue, v1alpha1.ReadyReason, "")
	case v1alpha1.StateFailed, v1alpha1.StateDrifted:
		set(v1alpha1.ReadyCondition, metav1.ConditionFalse, s.Reason, s.Message)
	case v1alpha1.StatePending, v1alpha1.StateCopying:
		set(v1alpha1.ReadyCondition, metav1.ConditionUnknown, s.Reason, "")
	}
}
