// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rhumb.run/rhumb/internal/core/report"
)

// Events tells people what happened, as long as that does not cost more than
// the work: each event is a write. Beyond a bounded rate they are counted and
// dropped; the status always has the whole truth.
type Events struct {
	recorder record.EventRecorder
	budget   *rate.Limiter
}

const (
	eventsPerSecond = 1
	eventsAtOnce    = 50
)

var eventsDropped = prometheus.NewCounter(prometheus.CounterOpts{
	Name: "rhumb_events_dropped_total",
	Help: "Events that were not written because too many happened at once.",
})

func init() { metrics.Registry.MustRegister(eventsDropped) }

// NewEvents writes core/v1 events: the recorder of events.k8s.io takes two
// messages of one reason for the same happening and keeps the first.
func NewEvents(mgr manager.Manager, source string) (Events, error) {
	sink, err := corev1client.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return Events{}, fmt.Errorf("making the event client: %w", err)
	}
	broadcaster := record.NewBroadcaster()
	err = mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		broadcaster.StartRecordingToSink(&corev1client.EventSinkImpl{Interface: sink.Events("")})
		<-ctx.Done()
		broadcaster.Shutdown()
		return nil
	}))
	recorder := broadcaster.NewRecorder(mgr.GetScheme(), corev1.EventSource{Component: source})
	return Events{recorder, rate.NewLimiter(eventsPerSecond, eventsAtOnce)}, err
}

// EventsTo writes to a recorder without a bound.
func EventsTo(recorder record.EventRecorder) Events {
	return Events{recorder, rate.NewLimiter(rate.Inf, 1)}
}

// Record writes events about an object.
func (e Events) Record(about client.Object, happened ...report.Event) {
	for _, h := range happened {
		if !e.budget.Allow() {
			eventsDropped.Inc()
			continue
		}
		e.recorder.Event(about, corev1.EventTypeNormal, h.Reason, h.Message)
	}
}
