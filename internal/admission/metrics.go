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
	expires = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "rhumb_admission_certificate_expires_seconds",
		Help: "When the certificate that is shown to the API server ends, in seconds since 1970.",
	})
)

func init() { metrics.Registry.MustRegister(reviews, expires) }

const (
	verdictAllowed = "allowed"
	verdictDenied  = "denied"
	verdictError   = "error"
)

func verdictOf(allowed bool) string {
	if allowed {
		return verdictAllowed
	}
	return verdictDenied
}

func count(kind, verdict string) { reviews.WithLabelValues(kind, verdict).Inc() }
