// SPDX-License-Identifier: Apache-2.0

package imageadmission

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

// Looks asks registries. An error is an *image.Failure, or says that ctx ended.
type Looks interface {
	// Copy asks the target for a copy by its digest.
	Copy(ctx context.Context, c clone.Choice, digest string) error
	// Origin asks an image's own registry for it.
	Origin(ctx context.Context, c clone.Choice) error
}

// Options are what the inventory is made of.
type Options struct {
	Looks Looks
	// Env is the policy of the environment; nil if there is none.
	Env *clone.Policy
	// Reach, if set, is told how the registries of all policies are reached, whenever that may have changed: this replica may
	// not be the one that copies.
	Reach func(ctx context.Context, all clone.Policies) error
	Clock clock.PassiveClock
}

// Inventory is what is known of images, on every replica.
type Inventory struct {
	reader   client.Reader
	cache    cache.Cache
	env      *clone.Policy
	reach    func(ctx context.Context, all clone.Policies) error
	seen     *seen
	policies atomic.Pointer[clone.Policies]
	// remembers is set once everything that is asked about is in memory; Start alone looks at it.
	remembers bool
}

// byCopy finds a ClonedImage by what it is about.
const byCopy = "rhumb.run/copy"

// Add lets a manager keep what the inventory needs in memory.
func Add(ctx context.Context, mgr manager.Manager, o Options) (*Inventory, error) {
	if o.Looks == nil {
		return nil, errors.New("making the inventory of images: a part is missing")
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	i := &Inventory{reader: mgr.GetClient(), cache: mgr.GetCache(), env: o.Env, reach: o.Reach, seen: newSeen(o.Looks, o.Clock)}
	err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.ClonedImage{}, byCopy, func(o client.Object) []string {
		c := o.(*v1alpha1.ClonedImage)
		return []string{about(c.Spec.Origin, c.Spec.Target)}
	})
	if err != nil {
		return nil, fmt.Errorf("indexing ClonedImages: %w", err)
	}
	if err := mgr.Add(i); err != nil {
		return nil, fmt.Errorf("making the inventory of images: %w", err)
	}
	return i, nil
}

// NeedLeaderElection is false: the API server asks any replica.
func (*Inventory) NeedLeaderElection() bool { return false }

// Start follows the policies until ctx ends. Until they were seen no pod is changed.
func (i *Inventory) Start(ctx context.Context) error {
	informer, err := i.cache.GetInformer(ctx, &v1alpha1.ImageClonePolicy{})
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("watching ImageClonePolicies: %w", err)
	}
	changed := make(chan struct{}, 1)
	wake := func(any) {
		select {
		case changed <- struct{}{}:
		default: // it is about to look
		}
	}
	handle, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: wake, UpdateFunc: func(before, now any) {
			if generation(before) != generation(now) {
				wake(now)
			}
		}, DeleteFunc: wake,
	})
	if err != nil {
		return fmt.Errorf("watching ImageClonePolicies: %w", err)
	}
	defer func() { _ = informer.RemoveEventHandler(handle) }()
	for {
		if err := i.compile(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

func generation(o any) int64 {
	if m, err := meta.Accessor(o); err == nil {
		return m.GetGeneration()
	}
	return 0
}

// compile makes the policies anew. One that cannot be followed is left out; its status says so.
func (i *Inventory) compile(ctx context.Context) error {
	var list v1alpha1.ImageClonePolicyList
	if err := i.reader.List(ctx, &list); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("reading ImageClonePolicies: %w", err)
	}
	var all []*clone.Policy
	if i.env != nil {
		all = append(all, i.env)
	}
	for n := range list.Items {
		if p, problems := clone.Compile(&list.Items[n]); len(problems) == 0 {
			all = append(all, p)
		}
	}
	if len(all) > 0 {
		if err := i.remember(ctx); err != nil {
			return err
		}
	}
	ordered := clone.InOrder(all)
	if i.reach != nil {
		if err := i.reach(ctx, ordered); err != nil {
			return fmt.Errorf("taking in how registries are reached: %w", err)
		}
	}
	i.policies.Store(&ordered)
	return nil
}

// remember has in memory what pods are asked about for, before the first question. Without a policy there is none, and
// nothing is remembered.
func (i *Inventory) remember(ctx context.Context) error {
	if i.remembers {
		return nil
	}
	for _, o := range append(owners(), &v1alpha1.ClonedImage{}) {
		if _, err := i.cache.GetInformer(ctx, o); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("watching owners of pods: %w", err)
		}
	}
	i.remembers = true
	return nil
}

// Policies are those of now, in their order.
func (i *Inventory) Policies() clone.Policies {
	if p := i.policies.Load(); p != nil {
		return *p
	}
	return nil
}

func about(origin, target string) string { return origin + " " + target }

// record is what was written of a copy; nil if nothing was.
func (i *Inventory) record(ctx context.Context, c clone.Choice) *v1alpha1.ClonedImage {
	var list v1alpha1.ClonedImageList
	key := about(clone.FullName(c.Origin), clone.FullName(c.Copy))
	if err := i.reader.List(ctx, &list, client.MatchingFields{byCopy: key}); err != nil || len(list.Items) == 0 {
		return nil
	}
	return &list.Items[0]
}

// Known is how copies are, for all of them at once: what is not known from memory is asked for side by side.
func (i *Inventory) Known(ctx context.Context, choices []clone.Choice) func(clone.Choice) clone.Known {
	known := make([]clone.Known, len(choices))
	done := make(chan struct{}, len(choices))
	for n, c := range choices {
		go func() {
			defer func() { done <- struct{}{} }()
			known[n] = i.known(ctx, c)
		}()
	}
	for range choices {
		<-done
	}
	return func(c clone.Choice) clone.Known {
		for n := range choices {
			if choices[n].Key == c.Key {
				return known[n]
			}
		}
		return clone.Known{}
	}
}

// known is how a copy is. What nobody copied is not there, whatever the target has under its name.
func (i *Inventory) known(ctx context.Context, c clone.Choice) clone.Known {
	r := i.record(ctx, c)
	if r == nil || !i.theirs(r.Spec.Policy, c.Policy) {
		return clone.Known{}
	}
	s := &r.Status
	if s.Digest == "" || s.State == v1alpha1.StateDrifted {
		return clone.Known{Failure: failed(s)}
	}
	out := clone.Known{Digest: s.Digest, OriginLost: meta.IsStatusConditionFalse(s.Conditions, v1alpha1.SourceAvailableCondition)}
	if out.Failure = i.seen.copy(ctx, c, s.Digest, s.LastVerified); out.Failure != nil {
		return out
	}
	out.There = true
	if c.Policy.Order == clone.OriginFirst && !out.OriginLost {
		out.OriginLost = i.seen.origin(ctx, c) != nil
	}
	return out
}

// theirs reports whether what one policy copied is where another one's copies are, too. A policy that is not in force may have
// had another registry under that name, and other credentials.
func (i *Inventory) theirs(copier string, p *clone.Policy) bool {
	if copier == p.Name {
		return true
	}
	for _, other := range i.Policies() {
		if other.Name == copier {
			return other.Target.String() == p.Target.String() && other.Target.Push == p.Target.Push
		}
	}
	return false
}

// failed is why there is no copy; nil while it is on its way.
func failed(s *v1alpha1.ClonedImageStatus) *image.Failure {
	if s.State != v1alpha1.StateFailed && s.State != v1alpha1.StateDrifted {
		return nil
	}
	return &image.Failure{Reason: s.Reason, Detail: s.Message}
}
