// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	rendersTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rhumb_ytt_renders_total",
		Help: "Evaluations of ytt templates, by result: ok, failed (the template's own error), stack, memory, time or unknown (the helper ended), held (not tried again yet), large, canceled.",
	}, []string{"result"})
	renderSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "rhumb_ytt_render_seconds",
		Help:    "Time of an evaluation, from the moment that a helper is free for it.",
		Buckets: []float64{.0002, .0005, .001, .002, .005, .01, .05, .25, 1, 4},
	})
	helpersRunning = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "rhumb_ytt_helpers",
		Help: "Processes that evaluate ytt templates, busy or idle.",
	})
	helpersEnded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rhumb_ytt_helpers_ended_total",
		Help: "Processes that ended, by cause: stack, memory, time or unknown (a template, most likely), canceled, idle, stopped.",
	}, []string{"cause"})
	register sync.Once
)

func registerMetrics() {
	register.Do(func() {
		metrics.Registry.MustRegister(rendersTotal, renderSeconds, helpersRunning, helpersEnded)
	})
}

// result is what became of a call, as a label.
type result string

const (
	fine       result = "ok"
	failed     result = "failed"
	heldBack   result = "held"
	tooLarge   result = "large"
	notStarted result = "canceled"
)

func resultOf(err error) result {
	if err == nil {
		return fine
	}
	return failed
}

func count(r result) { rendersTotal.WithLabelValues(string(r)).Inc() }
