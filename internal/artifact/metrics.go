// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rhumb.run/rhumb/internal/core/image"
)

var (
	madeTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rhumb_artifact_tarballs_made_total",
		Help: "Tarballs that were made of images, by outcome (Made or the reason of the failure).",
	}, []string{"outcome"})
	servedTotal = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "rhumb_artifact_tarballs_served_total",
		Help: "Tarballs that were served, made for it or not.",
	})
	hooksTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rhumb_artifact_hooks_total",
		Help: "Notifications of registries, by HTTP status of the answer.",
	}, []string{"code"})
	gitHooksTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rhumb_artifact_git_hooks_total",
		Help: "Notifications of git servers, by HTTP status of the answer.",
	}, []string{"code"})
	cacheBytes = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "rhumb_artifact_cache_bytes",
		Help: "Size of the tarballs that are kept.",
	})
	register sync.Once
)

func registerMetrics() {
	register.Do(func() { metrics.Registry.MustRegister(madeTotal, servedTotal, hooksTotal, gitHooksTotal, cacheBytes) })
}

func countMade(err error) {
	outcome := "Made"
	var f *image.Failure
	switch {
	case errors.As(err, &f):
		outcome = f.Reason
	case err != nil:
		outcome = "Error"
	}
	madeTotal.WithLabelValues(outcome).Inc()
}
