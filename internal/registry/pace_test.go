// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestPace(t *testing.T) {
	for name, tc := range map[string]struct {
		why   string
		rules map[string]Pace
		need  need
		turns int
		took  time.Duration
	}{
		"Named":  {"what is said of a host holds", map[string]Pace{"a": {PerSecond: 2}, AnyHost: {PerSecond: 1000}}, need{}, 12, 5 * time.Second},
		"Any":    {"and else what is said of all", map[string]Pace{"b": {PerSecond: 1000}, AnyHost: {PerSecond: 2}}, need{}, 12, 5 * time.Second},
		"Unsaid": {"or what is right for most", nil, need{}, 150, 2 * time.Second},
		"Own":    {"where we write nobody is spared", map[string]Pace{"a": {PerSecond: 2}}, need{own: true}, 100, 0},
		"Slow":   {"less than one a second is possible", map[string]Pace{"a": {PerSecond: 0.1}}, need{}, 3, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var p paces
				p.of("a")
				p.set(tc.rules)
				began := time.Now()
				for range tc.turns {
					leave, err := p.of("a").turn(t.Context(), tc.need)
					if err != nil {
						t.Fatal(err)
					}
					leave()
				}
				if took := time.Since(began).Round(time.Second); took != tc.took {
					t.Errorf("%s: %d turns took %s, want %s", tc.why, tc.turns, took, tc.took)
				}
			})
		})
	}
}

// A download does not keep a poll waiting, nor the other way round.
func TestPaceKindsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p paces
		for range hostDownloads {
			if _, err := p.of("a").turn(t.Context(), need{download: true}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.of("a").turn(t.Context(), need{}); err != nil {
			t.Error(err)
		}
	})
}

func TestQuotaEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		why     string
		headers map[string]string
		barred  time.Duration
	}{
		"Window": {"a sliding window gives one back after its share of it", map[string]string{"Ratelimit-Limit": "100;w=21600", "Ratelimit-Remaining": "0;w=21600"}, 216 * time.Second},
		"Reset":  {"a registry may say when", map[string]string{"Ratelimit-Remaining": "0", "Ratelimit-Reset": "600"}, 10 * time.Minute},
		"Bare":   {"or nothing but that it is over", map[string]string{"Ratelimit-Remaining": "0"}, time.Hour},
		"Short":  {"asking costs, so that it is not often", map[string]string{"Ratelimit-Remaining": "0", "Ratelimit-Reset": "1"}, time.Minute},
		"Left":   {"what is left can be used", map[string]string{"Ratelimit-Remaining": "5;w=60"}, 0},
		"Other":  {"words that nobody knows say nothing", map[string]string{"Ratelimit-Remaining": "many"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var p paces
			now := time.Now()
			header := http.Header{}
			for k, v := range tc.headers {
				header.Set(k, v)
			}
			h := p.of("a")
			h.learn("", header, now)
			a := h.barred(need{manifest: true}, now)
			if (a == nil) != (tc.barred == 0) || (a != nil && a.after != tc.barred) {
				t.Fatalf("%s: %+v, want %s", tc.why, a, tc.barred)
			}
			if h.barred(need{manifest: true}, now.Add(tc.barred)) != nil || h.barred(need{}, now) != nil || h.barred(need{who: "other", manifest: true}, now) != nil {
				t.Errorf("%s: it holds for too long, or for what it is not about", tc.why)
			}
		})
	}
}
