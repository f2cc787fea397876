// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// quota is how many more manifests a registry lets one login fetch, as it said last.
type quota struct {
	remaining int
	// until is when that is worth nothing any more: somebody has to ask again to know.
	until time.Time
}

// How long a quota that is used up is waited for, before it is asked about by using it.
const (
	shortestWait = time.Minute
	longestWait  = time.Hour
)

// learn reads what an answer says of a quota, in the headers of Docker Hub and of those that do as it does:
// "ratelimit-remaining: 76;w=21600", "ratelimit-limit: 100;w=21600", and the "ratelimit-reset" that some add.
func (h *pace) learn(who string, header http.Header, now time.Time) {
	remaining, window, ok := limit(header.Get("Ratelimit-Remaining"))
	if !ok {
		return
	}
	quotaRemaining.WithLabelValues(hostLabel(h.host)).Set(float64(remaining))
	all, w, _ := limit(header.Get("Ratelimit-Limit"))
	window = max(window, w)
	h.mu.Lock()
	defer h.mu.Unlock()
	wait := longestWait
	if reset, _, ok := limit(header.Get("Ratelimit-Reset")); ok {
		wait = time.Duration(min(reset, int(longestWait/time.Second))) * time.Second
	} else if all > 0 && window > 0 {
		wait = window / time.Duration(all) * time.Duration(max(1, h.keep-remaining))
	}
	if len(h.quotas) >= maxHosts {
		clear(h.quotas)
	}
	h.quotas[who] = &quota{remaining: remaining, until: now.Add(min(max(wait, shortestWait), longestWait))}
}

// spend counts what is on its way to be counted by the registry.
func (h *pace) spend(n need) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if q := h.quotas[n.who]; n.manifest && q != nil {
		q.remaining--
	}
}

// limit reads "100;w=21600".
func limit(v string) (n int, window time.Duration, ok bool) {
	first, rest, _ := strings.Cut(v, ";")
	n, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || n < 0 {
		return 0, 0, false
	}
	for p := range strings.SplitSeq(rest, ";") {
		if s, is := strings.CutPrefix(strings.TrimSpace(p), "w="); is {
			if seconds, err := strconv.Atoi(s); err == nil && seconds > 0 {
				window = time.Duration(min(seconds, 7*24*3600)) * time.Second
			}
		}
	}
	return n, window, true
}
