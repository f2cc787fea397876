// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rhumb.run/rhumb/internal/core/report"
)

// Events tells people what happened, as long as that does not cost more than
// the work: each event is a write. Beyond a bounded rate they are counted and
// dropped; the status always has the whole truth.
type Events struct {
	recorder events.EventRecorder
	budget   *rate.Limiter
}

const (
	eventsPerSecond = 5
	eventsAtOnce    = 100
)

var eventsDropped = prometheus.NewCounter(prometheus.CounterOpts{
	Name: "rhumb_events_dropped_total",
	Help: "Events that were not written because too many happened at once.",
})

func init() { metrics.Registry.MustRegister(eventsDropped) }

func newEvents(recorder events.EventRecorder) Events {
	return Events{recorder, rate.NewLimiter(eventsPerSecond, eventsAtOnce)}
}

// Record writes events about an object.
func (e Events) Record(about client.Object, happened ...report.Event) {
	for _, h := range happened {
		if !e.budget.Allow() {
			eventsDropped.Inc()
			continue
		}
		e.recorder.Eventf(about, nil, corev1.EventTypeNormal, h.Reason, "Realize", "%s", h.Message)
	}
}
