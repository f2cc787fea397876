// SPDX-License-Identifier: Apache-2.0

package push

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/push"
	"rhumb.run/rhumb/internal/fault"
)

const (
	// pause is how long an object is left in peace after it was asked to look.
	pause = time.Second
	// patience bounds what a sender waits for, workers and perSecond what the API server is asked at once.
	patience  = 10 * time.Second
	workers   = 4
	perSecond = 100
	// tries are how often a server that is out of breath is asked.
	tries = 4
	// remembered bounds the objects of which the last question is known.
	remembered = 1000
)

// Actor is who acts for an owner, and on behalf of which blueprint.
type Actor struct {
	Account   types.NamespacedName
	Blueprint string
}

// Options are what a Controller needs.
type Options struct {
	// Stamped are the GitRepositories that were stamped for owners, from memory.
	Stamped func(ctx context.Context) ([]*unstructured.Unstructured, error)
	// ActorOf says who acts for an owner of a kind.
	ActorOf func(ctx context.Context, kind string, owner types.NamespacedName) (Actor, error)
	// Ask has an object's controller look at once. An object that is gone is no error.
	Ask func(ctx context.Context, as Actor, source *unstructured.Unstructured) error
	Log logr.Logger
}

// Controller hears of pushes and passes them on.
type Controller struct {
	o     Options
	queue workqueue.TypedDelayingInterface[types.UID]
	turns *rate.Limiter
	now   func() time.Time

	mu     sync.Mutex
	wanted map[types.UID]want
	asked  map[types.UID]time.Time
}

// want is an object that is to be asked, as it was when the push was heard.
type want struct {
	source *unstructured.Unstructured
	tried  int
}

// New makes a controller that has not begun to ask.
func New(o Options) *Controller {
	register.Do(func() { metrics.Registry.MustRegister(askedTotal) })
	return &Controller{
		o: o, queue: workqueue.NewTypedDelayingQueue[types.UID](), turns: rate.NewLimiter(perSecond, perSecond), now: time.Now,
		wanted: map[types.UID]want{}, asked: map[types.UID]time.Time{},
	}
}

// NeedLeaderElection is false: a Service sends a notification to any replica.
func (c *Controller) NeedLeaderElection() bool { return false }

// Heard sees to it that whoever fetches what was pushed does so soon. It returns before they do.
func (c *Controller) Heard(ctx context.Context, pushed push.Pushed) {
	// Who was told need not stay on the line.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer stop()
	stamped, err := c.o.Stamped(ctx)
	if err != nil {
		c.o.Log.Error(err, "notification of a git server not passed on")
		return
	}
	places := pushed.Places()
	for _, source := range stamped {
		if pushed.Moves(places, source) {
			c.want(source, 0)
		}
	}
}

func (c *Controller) want(source *unstructured.Unstructured, tried int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted[source.GetUID()] = want{source, tried}
	c.queue.AddAfter(source.GetUID(), pause/2<<tried-pause/2)
}

// Start asks until ctx ends.
func (c *Controller) Start(ctx context.Context) error {
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { c.run(ctx) })
	}
	<-ctx.Done()
	c.queue.ShutDown()
	all.Wait()
	return nil
}

func (c *Controller) run(ctx context.Context) {
	for {
		uid, over := c.queue.Get()
		if over {
			return
		}
		if w, due := c.take(uid); due && c.turns.Wait(ctx) == nil {
			c.ask(ctx, w)
		}
		c.queue.Done(uid)
	}
}

// take gives what is to be asked now. What was asked a moment ago gets another turn: it may have looked already, and what
// was pushed since then is not to wait for the interval.
func (c *Controller) take(uid types.UID) (want, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, wanted := c.wanted[uid]
	now := c.now()
	if wait := c.asked[uid].Add(pause).Sub(now); wanted && wait > 0 {
		c.queue.AddAfter(uid, wait)
		return want{}, false
	}
	delete(c.wanted, uid)
	if wanted {
		c.forget(now)
		c.asked[uid] = now
	}
	return w, wanted
}

func (c *Controller) forget(now time.Time) {
	if len(c.asked) < remembered {
		return
	}
	for uid, at := range c.asked {
		if now.Sub(at) >= pause {
			delete(c.asked, uid)
		}
	}
}

func (c *Controller) ask(ctx context.Context, w want) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	err := c.askAs(ctx, w.source)
	class, _ := fault.Of(err)
	outcome := "Failed"
	switch {
	case err == nil:
		outcome = "Asked"
	case class != fault.Retry:
		outcome = "Refused"
		c.o.Log.Info("push not passed on", "namespace", w.source.GetNamespace(), "gitRepository", w.source.GetName(), "why", err.Error())
	case w.tried+1 < tries:
		outcome = "Retried"
		c.want(w.source, w.tried+1)
	default:
		c.o.Log.Error(err, "push not passed on", "namespace", w.source.GetNamespace(), "gitRepository", w.source.GetName())
	}
	askedTotal.WithLabelValues(outcome).Inc()
}

var errNobody = errors.New("it was not stamped for an owner")

func (c *Controller) askAs(ctx context.Context, source *unstructured.Unstructured) error {
	by := metav1.GetControllerOf(source)
	if by == nil || by.APIVersion != v1alpha1.SchemeGroupVersion.String() {
		return fault.As(fault.Reject, "", errNobody)
	}
	actor, err := c.o.ActorOf(ctx, by.Kind, types.NamespacedName{Namespace: source.GetNamespace(), Name: by.Name})
	if err != nil {
		return fmt.Errorf("finding who acts for %s %s: %w", by.Kind, by.Name, err)
	}
	return c.o.Ask(ctx, actor, source)
}

var (
	askedTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rhumb_push_asked_total",
		Help: "Git repositories that were asked to look at what was pushed, by outcome: Asked, Retried, Refused or Failed.",
	}, []string{"outcome"})
	register sync.Once
)
