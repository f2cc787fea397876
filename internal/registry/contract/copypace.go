// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	dto "github.com/prometheus/client_model/go"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

// paced are tests of how a registry is spared.
var paced = map[string]func(*copying){
	"CopyThrottled":   (*copying).throttled,
	"CopyQuota":       (*copying).quota,
	"CopyQuotaOfMany": (*copying).quotaOfMany,
	"CopyRefusals":    (*copying).refusals,
}

// throttled: whatever was asked when a registry asked to be left alone, nothing is asked before it is over; others go on.
func (c *copying) throttled() {
	Push(c.T, c.source.URL, "apps/demo:1", two(c.T))
	Push(c.T, c.store.URL, "apps/else:1", Image(c.T, Files{"a": "1"}))
	logins := c.source.Tokens(Host, "reader")
	for what, method := range map[string]string{"manifest": http.MethodGet, "blob": http.MethodGet, "token": http.MethodGet, "": http.MethodHead} {
		for _, after := range []string{"60", time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)} {
			c.throttledAt(method, what, after, logins)
		}
	}
}

// throttledAt is one registry that asks to be left alone, at one of its answers.
func (c *copying) throttledAt(method, what, after string, logins image.Logins) {
	c.with(registry.Options{})
	j := c.job("apps/demo:1")
	j.SourceLogins = logins
	j.Target.Repository = "apps/" + strings.ToLower(method) + what
	full := Status(http.StatusTooManyRequests, "TOOMANYREQUESTS: slow down", "Retry-After", after)
	gate := c.source.gate
	if what == "token" {
		c.source.guard(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/token" {
				full(w, r, nil)
				return false
			}
			return gate(w, r)
		})
	} else {
		c.source.Fault(On(method, what, full))
	}
	_, err := c.copy(j)
	f := c.failure(err)
	if f.Reason != image.ReasonQuotaExceeded || !f.Source || f.After < 50*time.Second || f.After > time.Minute {
		c.Errorf("%s %s, Retry-After %q: %v (%s) of the source: %v, for %s", method, what, after, err, f.Reason, f.Source, f.After)
	}
	c.source.Fault(nil)
	c.source.guard(gate)
	_, err = c.copy(j)
	if f := c.failure(err); f.Reason != image.ReasonQuotaExceeded || f.After < 50*time.Second || !f.Unasked || len(c.source.Asked()) > 0 {
		c.Errorf("%s %s: asked again, %v", method, what, err)
	}
	other := c.job("apps/else:1")
	other.Source = c.ref("store.example.com/apps/else:1")
	c.must(other)
}

// quota: with nothing left of a quota, and with no more than is kept for others, no manifest is fetched; HEAD goes on.
func (c *copying) quota() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	for _, tc := range []struct {
		why, remaining string
		keep           int
		copied         bool
	}{
		{"nothing is left", "0;w=21600", 0, false},
		{"what is left is kept for others", "19;w=21600", 20, false},
		{"enough is left", "21;w=21600", 20, true},
	} {
		c.with(registry.Options{})
		c.copier.Client.SetPaces(map[string]registry.Pace{Host: {MinRemaining: tc.keep}})
		c.source.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			w.Header().Set("ratelimit-limit", "100;w=21600")
			w.Header().Set("ratelimit-remaining", tc.remaining)
			next.ServeHTTP(w, r)
		})
		j := c.job("apps/demo:1")
		_, err := c.copy(j)
		asked := c.source.Asked()
		if tc.copied {
			if err != nil {
				c.Errorf("%s: %v", tc.why, err)
			}
			continue
		}
		f := c.failure(err)
		if f.Reason != image.ReasonQuotaExceeded || f.After < time.Minute || Count(asked, http.MethodGet) > 0 || Count(asked, http.MethodHead) != 1 {
			c.Errorf("%s: %v (%s, for %s), asked %q", tc.why, err, f.Reason, f.After, asked)
		}
		if _, err := c.copier.Client.Resolve(c.Context(), j.Source, nil); err != nil || Count(c.source.Asked(), http.MethodHead) != 1 {
			c.Errorf("%s: a tag is not looked at any more: %v", tc.why, err)
		}
		if got := gauge("rhumb_registry_quota_remaining", Host); !strings.HasPrefix(tc.remaining, got+";") {
			c.Errorf("%s: the metric says %s", tc.why, got)
		}
	}
}

// quotaOfMany: a quota that comes back lets copies go on at once.
func (c *copying) quotaOfMany() {
	Push(c.T, c.source.URL, "apps/demo:1", two(c.T))
	var remaining atomic.Int32
	remaining.Store(1)
	c.source.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if k, _ := kind(r); k == "manifest" && r.Method == http.MethodGet {
			remaining.Add(-1)
		}
		w.Header().Set("ratelimit-remaining", fmt.Sprintf("%d;w=60", remaining.Load()))
		next.ServeHTTP(w, r)
	})
	_, err := c.copy(c.job("apps/demo:1"))
	if f := c.failure(err); f.Reason != image.ReasonQuotaExceeded {
		c.Errorf("three manifests with one left: %v", err)
	}
	remaining.Store(100)
	c.must(c.job("apps/demo:1"))
}

// refusals: what the target refuses is told in its words.
func (c *copying) refusals() {
	for _, tc := range []struct {
		why, method, of, want string
		code                  int
		words                 string
	}{
		{"a tag that may not be moved", http.MethodPut, "manifest", image.ReasonPushRejected, 409, "TAG_IMMUTABLE: the tag cannot be overwritten"},
		{"a layer too large for it", http.MethodPut, "upload", image.ReasonPushRejected, 413, "SIZE_INVALID: larger than allowed"},
		{"a quota of space", http.MethodPost, "upload", image.ReasonPushRejected, 429 - 1, "DENIED: quota"},
		{"a repository that has to be made first", http.MethodPost, "upload", image.ReasonPushRejected, 404, "NAME_UNKNOWN: no such repository"},
		{"no right to push", http.MethodPost, "upload", image.ReasonUnauthorized, 403, "DENIED: read only"},
	} {
		Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": tc.why}))
		c.with(registry.Options{})
		c.target.Fault(On(tc.method, tc.of, Status(tc.code, tc.words)))
		_, err := c.copy(c.job("apps/demo:1"))
		if f := c.failure(err); f.Source || f.Reason != tc.want || !strings.Contains(f.Detail, tc.words) {
			c.Errorf("%s: %v (%s), of the source: %v", tc.why, err, f.Reason, f.Source)
		}
		if tries := c.target.Tally()[tc.method+" "+tc.of]; tries > 2 { // the layer and the config may meet it together
			c.Errorf("%s: tried %d times", tc.why, tries)
		}
		c.target.Forget()
	}
}

// gauge is a metric of a host, as text.
func gauge(name, host string) string {
	w := httptest.NewRecorder()
	families, err := metrics.Registry.Gather()
	if err != nil {
		return err.Error()
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && labelled(m, host) {
				_, _ = w.WriteString(strings.TrimSuffix(strings.TrimSuffix(m.GetGauge().String(), " "), ">"))
			}
		}
	}
	return strings.TrimPrefix(w.Body.String(), "value:")
}

func labelled(m *dto.Metric, host string) bool {
	for _, l := range m.GetLabel() {
		if l.GetName() == "host" && l.GetValue() == host {
			return true
		}
	}
	return false
}
