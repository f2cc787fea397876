// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rhumb.run/rhumb/internal/core/image"
)

// maxHostLabels bounds a label that tenants choose.
const maxHostLabels = 200

var (
	pollsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rhumb_registry_polls_total",
		Help: "Polls of image registries, by host and outcome (Unchanged, Changed or the reason of the failure).",
	}, []string{"host", "outcome"})
	pollsShared = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "rhumb_registry_polled_images",
		Help: "Distinct images (repository, tag, credentials) that are polled.",
	})
	pollsWanted = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "rhumb_registry_poll_watchers",
		Help: "Objects for which images are polled; more than the images where objects share one.",
	})
	requestsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rhumb_registry_requests_total",
		Help: "Requests to image registries, by host, method, what they are about (manifest, blob, upload, tags, referrers, token) and the answer's status (0: none).",
	}, []string{"host", "method", "kind", "code"})
	quotaRemaining = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "rhumb_registry_quota_remaining",
		Help: "How many more manifests a registry lets us fetch, as it said last.",
	}, []string{"host"})
	queueDepth = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "rhumb_registry_queue_depth",
		Help: "Requests that wait for their turn at a registry.",
	}, []string{"host"})
	copiesTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rhumb_images_copies_total",
		Help: "Images that were to be copied, by result (copied, already, failed) and the reason of a failure.",
	}, []string{"result", "reason"})
	copySeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "rhumb_images_copy_seconds", Help: "How long copies took that copied something.", Buckets: prometheus.ExponentialBuckets(0.25, 2, 14),
	})
	bytesTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rhumb_images_bytes_total",
		Help: "Bytes of images: copied, mounted from another repository of the target, or skipped since they were there.",
	}, []string{"how"})
	register  sync.Once
	hostsSeen struct {
		sync.Mutex
		names map[string]bool
	}
)

func registerMetrics() {
	register.Do(func() {
		metrics.Registry.MustRegister(pollsTotal, pollsShared, pollsWanted, requestsTotal, quotaRemaining, queueDepth, copiesTotal, copySeconds, bytesTotal)
	})
}

func countPoll(host string, before, after image.Seen) {
	outcome := "Unchanged"
	switch {
	case after.Failure != nil:
		outcome = after.Failure.Reason
	case before.Digest != after.Digest:
		outcome = "Changed"
	}
	pollsTotal.WithLabelValues(hostLabel(host), outcome).Inc()
}

func countRequest(host, method, kind string, resp *http.Response) {
	code := 0
	if resp != nil {
		code = resp.StatusCode
	}
	requestsTotal.WithLabelValues(hostLabel(host), method, kind, strconv.Itoa(code)).Inc()
}

func countCopy(done Copied, err error, took time.Duration) {
	result, reason := "copied", ""
	switch f, ok := errors.AsType[*CopyFailure](err); {
	case ok:
		result, reason = "failed", f.Reason
	case err != nil:
		result = "failed"
	case done.Already:
		result = "already"
	default:
		copySeconds.Observe(took.Seconds())
	}
	copiesTotal.WithLabelValues(result, reason).Inc()
}

func countBytes(how string, n int64) { bytesTotal.WithLabelValues(how).Add(float64(n)) }

func hostLabel(host string) string {
	hostsSeen.Lock()
	defer hostsSeen.Unlock()
	if hostsSeen.names == nil {
		hostsSeen.names = map[string]bool{}
	}
	if !hostsSeen.names[host] && len(hostsSeen.names) >= maxHostLabels {
		return "other"
	}
	hostsSeen.names[host] = true
	return host
}
