// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	reviews = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rhumb_admission_reviews_total",
		Help: "Admission reviews answered, by kind and verdict: allowed, denied, or error for those not understood.",
	}, []string{"kind", "verdict"})
	podSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "rhumb_image_webhook_seconds",
		Help:    "How long it took to say which copies a pod is to use.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, .6, 1, 2},
	})
	podImages = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rhumb_image_admissions_total",
		Help: "Images of pods that were let in, by result: Rewritten, or the reason why an image was left.",
	}, []string{"result"})
	expires = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "rhumb_admission_certificate_expires_seconds",
		Help: "When the certificate that is shown to the API server ends, in seconds since 1970.",
	})
)

func init() { metrics.Registry.MustRegister(reviews, podSeconds, podImages, expires) }

const (
	verdictAllowed = "allowed"
	verdictDenied  = "denied"
	verdictError   = "error"
	// resultRewritten is what an image that is not left for a reason is.
	resultRewritten = "Rewritten"
)

func verdictOf(allowed bool) string {
	if allowed {
		return verdictAllowed
	}
	return verdictDenied
}

func count(kind, verdict string) { reviews.WithLabelValues(kind, verdict).Inc() }
