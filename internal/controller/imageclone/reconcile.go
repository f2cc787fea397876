// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/loop"
)

// fieldManager is the name under which images are changed.
const fieldManager = "rhumb-images"

// Reconciler acts for one object with pods at a time.
type Reconciler struct {
	client   client.Client
	live     client.Reader // not from memory
	ledger   *ledger
	rollouts *rollouts
	contests *contests
	diary    *diary
	written  *written
	plans    *plans
	events   events.EventRecorder
	keys     *keys
	kinds    []string
	// told says that something else is known of a policy now.
	told func(policy string)

	mu       sync.Mutex
	policies clone.Policies
	queue    workqueue.TypedRateLimitingInterface[User]
}

// start takes the queue when it begins to run.
func (r *Reconciler) start(_ context.Context, queue workqueue.TypedRateLimitingInterface[User]) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = queue
	return nil
}

// wake asks for a look at an object.
func (r *Reconciler) wake(user User) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queue != nil {
		r.queue.Add(user)
	}
}

func (r *Reconciler) wakeAll(users []User) {
	for _, user := range users {
		r.wake(user)
	}
}

func (r *Reconciler) current() clone.Policies {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.policies
}

// Reconcile acts for one object.
func (r *Reconciler) Reconcile(ctx context.Context, user User) (reconcile.Result, error) {
	o := made[user.Kind]()
	err := r.client.Get(ctx, user.NamespacedName, o)
	if apierrors.IsNotFound(err) || (err == nil && !o.GetDeletionTimestamp().IsZero()) {
		r.forget(user) //nolint:contextcheck // a copy outlives who asked for it.
		return reconcile.Result{}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("reading %s: %w", user.Kind, err)
	}
	if r.written.Newer(user, o.GetResourceVersion()) {
		return reconcile.Result{}, nil // the cache is behind what we wrote, and wakes us when it is not
	}
	s, err := r.see(ctx, o)
	if err != nil {
		return reconcile.Result{}, err
	}
	return r.act(ctx, user, s)
}

func (r *Reconciler) forget(user User) {
	r.ledger.Want(user, nil)
	r.diary.Forget(user)
	r.contests.Forget(user)
	r.wakeAll(r.rollouts.Forget(user))
	r.written.Forget(user)
	r.tellAll(r.plans.Note(user, nil, clone.Subject{}, nil))
	r.peace(user)
}

func (r *Reconciler) tellAll(policies []string) {
	for _, p := range policies {
		r.told(p)
	}
}

// peace notes that nobody fights over an object.
func (r *Reconciler) peace(user User) {
	if lost := r.contests.Peace(user); lost != "" {
		r.told(lost)
	}
}

// see reads an object, and the labels of its namespace, by which policies choose.
func (r *Reconciler) see(ctx context.Context, o client.Object) (state, error) {
	s := read(o)
	if err := r.top(ctx, o, &s); err != nil {
		return s, err
	}
	if !r.current().AskNamespaces() {
		return s, nil
	}
	var ns corev1.Namespace
	if err := r.client.Get(ctx, types.NamespacedName{Name: s.Namespace}, &ns); client.IgnoreNotFound(err) != nil {
		return s, fmt.Errorf("reading namespace: %w", err)
	}
	s.NamespaceLabels = ns.Labels
	return s, nil
}

// top finds the kind at the top of an object's owners, by which policies choose.
func (r *Reconciler) top(ctx context.Context, o client.Object, s *state) error {
	if s.Kind != "Pod" && s.Kind != "Job" {
		return nil
	}
	kind, name, known := clone.MakerOf(o)
	if !known {
		return nil
	}
	s.Kind = kind
	if kind != "Job" {
		return nil
	}
	var job batchv1.Job
	err := r.client.Get(ctx, types.NamespacedName{Namespace: o.GetNamespace(), Name: name}, &job)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading the job of a pod: %w", err)
	}
	if up, _, known := clone.MakerOf(&job); known {
		s.Kind = up
	}
	return nil
}

// act sees to the copies that an object wants, and to the one change that makes it use them.
func (r *Reconciler) act(ctx context.Context, user User, s state) (reconcile.Result, error) {
	if s.settled {
		r.wakeAll(r.rollouts.Settled(user, s.generation))
	} else {
		r.rollouts.Rolling(user, s.Own[clone.PolicyAnnotation])
	}
	policies := r.current()
	r.ledger.Want(user, wantedBy(policies, s)) //nolint:contextcheck // as above.
	if user.Kind == "Pod" || user.Kind == "Job" {
		return reconcile.Result{}, nil // what runs already is not changed
	}
	verdicts, change := policies.Decide(s.Object, r.known)
	r.diary.Tell(user, s.Subject, verdicts)
	r.tellAll(r.plans.Note(user, policies, s.Subject, verdicts))
	if change == nil {
		r.peace(user)
		return reconcile.Result{}, nil
	}
	return r.change(ctx, user, s, verdicts, change)
}

// known is what is known of a copy. A policy that only says what it would do says so as if all copies were there.
func (r *Reconciler) known(c clone.Choice) clone.Known {
	if c.Policy.DryRun {
		return clone.Known{There: true}
	}
	return r.ledger.Known(c)
}

// wantedBy are the copies that an object's images are to have, and those that it has.
func wantedBy(policies clone.Policies, s state) []clone.Choice {
	originals, _ := clone.ReadOriginals(s.Own)
	var out []clone.Choice
	for _, c := range policies.Choose(s.Subject, s.Spec, originals) {
		if c.Policy == nil || c.Policy.DryRun {
			continue
		}
		if c.Wanted() || (c.Kept() && c.Policy.Name != clone.EnvName) {
			out = append(out, c)
		}
	}
	return out
}

// change makes one change, if nobody fights over it and there is room for a rollout.
func (r *Reconciler) change(ctx context.Context, user User, s state, verdicts []clone.Verdict, change *clone.Change) (reconcile.Result, error) {
	if r.contests.Over(user, s, change) {
		return reconcile.Result{}, r.giveUp(ctx, user, s, change)
	}
	if change.Alone(s.Object) {
		account, err := r.keys.account(ctx, s.Object)
		if err != nil {
			return reconcile.Result{}, err
		}
		change.Beside(account)
	}
	if !r.rollouts.Enter(user, change.Policy) {
		return reconcile.Result{RequeueAfter: time.Minute}, nil // or woken when there is room
	}
	r.diary.Changing(user, verdicts)
	answer, err := r.patch(ctx, user, change.Patch(s.Object))
	if err == nil {
		rewritesTotal.WithLabelValues(resultRewritten).Inc()
		r.rollouts.Changed(user, answer.GetGeneration())
		r.contests.Wrote(user, change)
		r.diary.Changed(user, verdicts)
		r.events.Eventf(s.object, nil, corev1.EventTypeNormal, "ImagesRewritten", "Rewrite", "%s",
			image.Bound("policy "+change.Policy.Name+": "+changes(verdicts), maxNote))
		return reconcile.Result{}, nil
	}
	r.wakeAll(r.rollouts.Leave(user))
	switch {
	case apierrors.IsConflict(err): // somebody changed the object meanwhile: the watch shows it
		rewritesTotal.WithLabelValues(resultConflict).Inc()
		return reconcile.Result{RequeueAfter: loop.Lag}, nil
	case apierrors.IsNotFound(err):
		return reconcile.Result{}, nil
	}
	rewritesTotal.WithLabelValues(resultFailed).Inc()
	return reconcile.Result{}, fmt.Errorf("changing the images of %s %s: %w", user.Kind, user.NamespacedName, err)
}

// changes are what became of an object's images, in words.
func changes(verdicts []clone.Verdict) string {
	var out []string
	for _, v := range verdicts {
		if v.To != "" && !v.Policy.DryRun {
			out = append(out, v.Image+" is "+v.To)
		}
	}
	return strings.Join(out, ", ")
}

// patch writes one patch, and remembers what the object is since.
func (r *Reconciler) patch(ctx context.Context, user User, patch map[string]any) (client.Object, error) {
	raw, err := json.Marshal(patch)
	if err != nil {
		return nil, fmt.Errorf("encoding a patch: %w", err)
	}
	o := made[user.Kind]()
	o.SetNamespace(user.Namespace)
	o.SetName(user.Name)
	if err := r.client.Patch(ctx, o, client.RawPatch(types.StrategicMergePatchType, raw), client.FieldOwner(fieldManager)); err != nil {
		return nil, err
	}
	r.written.Note(user, o.GetResourceVersion())
	return o, nil
}

// SetPolicies replaces the policies. Whoever calls sees to it that every object is looked at again.
func (r *Reconciler) SetPolicies(policies clone.Policies) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.policies = policies
}
