// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/admit"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/loop"
)

// policyLag is how long a policy's counts may be behind: many copies end together.
const policyLag = time.Second

// policies keeps in force what people write, and tells them what became of it.
type policies struct {
	client client.Client
	r      *Reconciler
	env    *clone.Policy
	swept  *sweep
	inject *injector
	// reach is told how the registries of all policies are reached, whenever that may have changed.
	reach func(ctx context.Context, all clone.Policies) error
	// live reads Secrets of namespace, which is ours; lacking is what policies miss there, as far as they were looked at.
	live      client.Reader
	namespace string
	lacking   map[string]*image.Failure
	looked    map[string]bool
	// every, if set, is how often tags are looked at again, whatever policies say.
	every time.Duration

	mu      sync.Mutex
	inForce string // generations, by which the policies in force are told from others
	mended  int    // how often a Secret of theirs has changed
	queue   workqueue.TypedRateLimitingInterface[reconcile.Request]
}

// start takes the queue when it begins to run.
func (p *policies) start(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = queue
	return nil
}

// changed asks for a policy's status to be written soon.
func (p *policies) changed(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queue != nil && name != clone.EnvName {
		p.queue.AddAfter(reconcile.Request{NamespacedName: types.NamespacedName{Name: name}}, policyLag)
	}
}

// secretChanged has the policies that name a Secret taken into force anew: how registries are reached, and who we are there.
func (p *policies) secretChanged(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, policy := range p.r.current() {
		if p.queue != nil && policy.Names(name) {
			p.mended++
			p.queue.Add(reconcile.Request{NamespacedName: types.NamespacedName{Name: policy.Name}})
		}
	}
}

// secretsSeen tells policies whose Secrets have changed from those before.
func (p *policies) secretsSeen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("secrets %d\n", p.mended)
}

// Reconcile takes one policy's change into account, and writes its status.
func (p *policies) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	var list v1alpha1.ImageClonePolicyList
	if err := p.client.List(ctx, &list); err != nil {
		return reconcile.Result{}, fmt.Errorf("reading ImageClonePolicies: %w", err)
	}
	all := []*clone.Policy{}
	if p.env != nil {
		all = append(all, p.env)
	}
	var mine *v1alpha1.ImageClonePolicy
	var wrong *image.Failure
	var versions strings.Builder
	versions.WriteString(p.secretsSeen())
	for i := range list.Items {
		o := &list.Items[i]
		fmt.Fprintf(&versions, "%s %s %d %v\n", o.Name, o.UID, o.Generation, o.DeletionTimestamp.IsZero())
		compiled, problems := clone.Compile(o)
		if compiled != nil && o.DeletionTimestamp.IsZero() {
			compiled.Every = cmp.Or(p.every, compiled.Every)
			all = append(all, compiled)
		}
		if o.Name == req.Name {
			mine, wrong = o, invalid(problems)
		}
	}
	if err := p.enforce(ctx, versions.String(), clone.InOrder(all)); err != nil {
		return reconcile.Result{}, err
	}
	if mine == nil {
		p.inject.Forget(req.Name)
		return reconcile.Result{}, nil
	}
	return p.report(ctx, mine, wrong)
}

// invalid is what is wrong with a policy that cannot be followed; nil if nothing is.
func invalid(problems []admit.Problem) *image.Failure {
	if len(problems) == 0 {
		return nil
	}
	first := problems[0]
	return &image.Failure{Reason: v1alpha1.InvalidPolicyReason, Detail: first.Path.String() + ": " + first.Message}
}

// enforce takes the policies into force if they are others than before, and has every object looked at.
func (p *policies) enforce(ctx context.Context, versions string, all clone.Policies) error {
	p.mu.Lock()
	same := p.inForce == versions
	p.mu.Unlock()
	if same {
		return nil
	}
	if err := p.reach(ctx, all); err != nil {
		return err
	}
	p.r.SetPolicies(all)
	p.r.ledger.Policies(all)
	p.r.ledger.Retry() //nolint:contextcheck // a copy outlives who asked for it.
	p.swept.Forget()
	if err := p.r.lookAtAll(ctx); err != nil {
		return err
	}
	p.lacking, p.looked = map[string]*image.Failure{}, map[string]bool{}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inForce = versions
	return nil
}

// look notes which Secret that a policy names is missing. One that may not be read is met when it is used.
func (p *policies) look(ctx context.Context, policy *clone.Policy) error {
	have := map[string]*corev1.Secret{}
	for _, name := range policy.Secrets() {
		secret := &corev1.Secret{}
		err := p.live.Get(ctx, types.NamespacedName{Namespace: p.namespace, Name: name}, secret)
		switch {
		case err == nil:
			have[name] = secret
		case apierrors.IsForbidden(err):
			delete(p.lacking, policy.Name)
			return nil
		case !apierrors.IsNotFound(err):
			return fmt.Errorf("reading Secret %s/%s: %w", p.namespace, name, err)
		}
	}
	p.lacking[policy.Name] = policy.Lacks(p.namespace, have)
	return nil
}

// lookAgain is when a policy that misses a Secret is looked at again, whoever may not watch Secrets.
const lookAgain = time.Minute

// missing is what a policy misses now. What it missed, and nobody told us that it came, is taken into force: how registries are
// reached may have hung on it.
func (p *policies) missing(ctx context.Context, name string) (*image.Failure, error) {
	policy, was := p.swept.policy(name), p.lacking[name]
	if policy == nil || p.looked[name] && was == nil {
		return nil, nil
	}
	if err := p.look(ctx, policy); err != nil {
		return was, err
	}
	p.looked[name] = true
	if was != nil && p.lacking[name] == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.mended++
		p.queue.Add(reconcile.Request{NamespacedName: types.NamespacedName{Name: name}})
	}
	return p.lacking[name], nil
}

// lookAtAll asks for a look at every object that has pods.
func (r *Reconciler) lookAtAll(ctx context.Context) error {
	for _, kind := range r.kinds {
		if err := r.each(ctx, kind, func(o client.Object) {
			r.wake(User{kind, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}})
		}); err != nil {
			return err
		}
	}
	return nil
}

// each calls f for every object of a kind. They are the cache's own, and not to be changed.
func (r *Reconciler) each(ctx context.Context, kind string, f func(client.Object)) error {
	list := lists[kind]()
	if err := r.client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing %ss: %w", kind, err)
	}
	return meta.EachListItem(list, func(o runtime.Object) error {
		f(o.(client.Object))
		return nil
	})
}

// report writes a policy's status, if it reads differently.
func (p *policies) report(ctx context.Context, o *v1alpha1.ImageClonePolicy, wrong *image.Failure) (reconcile.Result, error) {
	next, again := o.DeepCopy(), reconcile.Result{}
	if wrong == nil {
		var err error
		if wrong, err = p.missing(ctx, o.Name); err != nil {
			return again, err
		}
		if wrong != nil {
			again.RequeueAfter = lookAgain
		}
	}
	policy := p.swept.policy(o.Name)
	refused, err := p.inject.See(ctx, o, policy)
	if err != nil {
		return reconcile.Result{}, err
	}
	if policy != nil && !policy.DryRun && policy.Strategy != clone.None { // else nothing was looked at
		p.injected(&next.Status, o, refused)
	}
	p.tally(&next.Status, o, wrong)
	if next.Status.Images.Unused, err = p.unused(ctx, o.Name); err != nil {
		return reconcile.Result{}, err
	}
	if equality.Semantic.DeepEqual(o.Status, next.Status) {
		return again, nil
	}
	err = p.client.Status().Update(ctx, next)
	if apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: loop.Lag}, nil
	}
	if client.IgnoreNotFound(err) != nil {
		return reconcile.Result{}, fmt.Errorf("writing the status of ImageClonePolicy %s: %w", o.Name, err)
	}
	return again, nil
}

// injected says whether nodes find the pull secret; an Event says so once.
func (p *policies) injected(s *v1alpha1.ImageClonePolicyStatus, o *v1alpha1.ImageClonePolicy, refused *image.Failure) {
	c := metav1.Condition{
		Type: v1alpha1.PullSecretInjectedCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.InjectedReason, ObservedGeneration: o.Generation,
	}
	switch before := meta.FindStatusCondition(s.Conditions, c.Type); {
	case !o.Spec.Target.Pull.Inject:
		meta.RemoveStatusCondition(&s.Conditions, c.Type)
		return
	case refused != nil:
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, refused.Reason, clip(refused.Error())
		if before == nil || before.Message != c.Message {
			p.r.events.Eventf(o, nil, corev1.EventTypeWarning, c.Reason, "Inject", "%s", image.Bound(c.Message, maxNote))
		}
	}
	setCondition(&s.Conditions, c)
}

// unused counts the copies of a policy that nobody uses.
func (p *policies) unused(ctx context.Context, policy string) (count int32, err error) {
	var records v1alpha1.ClonedImageList
	if err := p.client.List(ctx, &records, client.UnsafeDisableDeepCopy); err != nil {
		return 0, fmt.Errorf("listing ClonedImages: %w", err)
	}
	for i := range records.Items {
		if records.Items[i].Spec.Policy == policy && records.Items[i].Status.UnusedSince != nil {
			count++
		}
	}
	return count, nil
}

// tally counts what a policy's copies are, and says what they come to.
func (p *policies) tally(s *v1alpha1.ImageClonePolicyStatus, o *v1alpha1.ImageClonePolicy, wrong *image.Failure) {
	s.ObservedGeneration = o.Generation
	s.Images, s.Bytes = v1alpha1.ImageCounts{}, v1alpha1.ByteCounts{}
	var target *clone.Failure
	reached := false
	for _, d := range p.r.ledger.Of(o.Name) {
		s.Images.Desired++
		switch state, _, _, _ := d.state(); state {
		case v1alpha1.StateReady, v1alpha1.StateUnused:
			s.Images.Ready++
			reached = true
		case v1alpha1.StateFailed, v1alpha1.StateDrifted:
			s.Images.Failed++
		case v1alpha1.StatePending, v1alpha1.StateCopying:
			s.Images.Pending++
		}
		s.Bytes.Copied += d.outcome.Sent
		s.Bytes.Mounted += d.outcome.Mounted
		s.Bytes.Skipped += d.outcome.Skipped
		if f := d.failure; f != nil && !f.Source && (f.Reason == image.ReasonUnreachable || f.Reason == image.ReasonUnauthorized) {
			target = f
		}
	}
	s.Contested = p.r.contests.Of(o.Name)
	s.Planned, s.OverruledBy = p.r.plans.Of(o.Name)
	s.Images.Overruled, s.Left = p.r.plans.Overruled(o.Name), p.r.plans.Left(o.Name)
	p.conclude(s, o, wrong, target, reached)
}

// conclude sets the conditions.
func (p *policies) conclude(s *v1alpha1.ImageClonePolicyStatus, o *v1alpha1.ImageClonePolicy, wrong *image.Failure, target *clone.Failure, reached bool) {
	set := func(kind string, status metav1.ConditionStatus, reason, message string) {
		setCondition(&s.Conditions, metav1.Condition{Type: kind, Status: status, Reason: reason, Message: clip(message), ObservedGeneration: o.Generation})
	}
	switch {
	case target != nil:
		set(v1alpha1.TargetReachableCondition, metav1.ConditionFalse, target.Reason, target.Error())
	case reached:
		set(v1alpha1.TargetReachableCondition, metav1.ConditionTrue, v1alpha1.ReachableReason, "")
	default:
		set(v1alpha1.TargetReachableCondition, metav1.ConditionUnknown, v1alpha1.InitializingReason, "nothing was asked of it yet")
	}
	if len(s.Contested) > 0 {
		set(v1alpha1.RewriteContestedCondition, metav1.ConditionTrue, v1alpha1.RevertedReason, s.Contested[0].Object+" was given its original images again by "+s.Contested[0].Manager)
	} else {
		set(v1alpha1.RewriteContestedCondition, metav1.ConditionFalse, v1alpha1.UncontestedReason, "")
	}
	switch refused := p.swept.Refused(o.Name); {
	case !o.Spec.Cleanup.Enabled:
		meta.RemoveStatusCondition(&s.Conditions, v1alpha1.CleanupSupportedCondition)
	case refused != nil:
		set(v1alpha1.CleanupSupportedCondition, metav1.ConditionFalse, v1alpha1.DeleteRefusedReason, refused.Error())
	case p.swept.Worked(o.Name):
		set(v1alpha1.CleanupSupportedCondition, metav1.ConditionTrue, v1alpha1.SupportedReason, "")
	default:
		set(v1alpha1.CleanupSupportedCondition, metav1.ConditionUnknown, v1alpha1.InitializingReason, "nothing had to be deleted yet")
	}
	switch {
	case wrong != nil:
		set(v1alpha1.ReadyCondition, metav1.ConditionFalse, wrong.Reason, wrong.Error())
	case o.Spec.DryRun:
		set(v1alpha1.ReadyCondition, metav1.ConditionUnknown, v1alpha1.DryRunReason, "nothing is copied or changed; status.planned says what would be")
	case target != nil:
		set(v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.TargetUnreachableReason, target.Error())
	case s.Images.Failed > 0:
		set(v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.ImagesFailedReason,
			fmt.Sprintf("%d of %d images could not be copied; see kubectl get clonedimages", s.Images.Failed, s.Images.Desired))
	case s.Images.Pending > 0:
		set(v1alpha1.ReadyCondition, metav1.ConditionUnknown, v1alpha1.PendingReason,
			fmt.Sprintf("%d of %d images are on their way, or wait for their turn", s.Images.Pending, s.Images.Desired))
	default:
		set(v1alpha1.ReadyCondition, metav1.ConditionTrue, v1alpha1.ReadyReason, "")
	}
}

// maxMessage is what a status has room for.
const maxMessage = 2000

func clip(s string) string { return image.Bound(s, maxMessage) }

// setCondition replaces a condition; its time moves only with its status.
func setCondition(all *[]metav1.Condition, c metav1.Condition) {
	meta.SetStatusCondition(all, c)
	slices.SortStableFunc(*all, func(a, b metav1.Condition) int { // the one that sums up is last
		switch {
		case a.Type == v1alpha1.ReadyCondition && b.Type != a.Type:
			return 1
		case b.Type == v1alpha1.ReadyCondition && b.Type != a.Type:
			return -1
		}
		return 0
	})
}
