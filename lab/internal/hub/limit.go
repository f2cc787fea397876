// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limit is how many manifests an address may GET in a window; none if zero.
type Limit struct {
	Count  int           `json:"count"`
	Window time.Duration `json:"window"`
}

// ParseLimit reads COUNT/WINDOW, or "off".
func ParseLimit(s string) (Limit, error) {
	if s == "off" {
		return Limit{}, nil
	}
	count, window, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(count)
	d, parsing := time.ParseDuration(window)
	if err != nil || parsing != nil || n < 1 || d < time.Second {
		return Limit{}, fmt.Errorf(`limit %q: want COUNT/WINDOW, for example 100/6h, or "off"`, s)
	}
	return Limit{n, d}, nil
}

// limit counts what each source has used. Its window begins with the first use.
type limit struct {
	mu   sync.Mutex
	now  Limit
	used map[string]use
}

type use struct {
	since time.Time
	count int
}

// set begins anew, with another limit.
func (l *limit) set(to Limit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now, l.used = to, map[string]use{}
}

func (l *limit) get() Limit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// pass writes down a request that counts and tells its source what is left, and
// whether it may pass. What does not count passes always.
func (l *limit) pass(header http.Header, source string, counts bool, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now.Count == 0 {
		return true
	}
	u := l.used[source]
	if u.since.IsZero() || now.Sub(u.since) >= l.now.Window {
		u = use{since: now}
	}
	ok := !counts || u.count < l.now.Count
	if counts && ok {
		u.count++
		l.used[source] = u
	}
	seconds := int(l.now.Window.Seconds())
	header.Set("Ratelimit-Limit", fmt.Sprintf("%d;w=%d", l.now.Count, seconds))
	header.Set("Ratelimit-Remaining", fmt.Sprintf("%d;w=%d", l.now.Count-u.count, seconds))
	header.Set("Docker-Ratelimit-Source", source)
	if !ok {
		header.Set("Retry-After", fmt.Sprint(int(u.since.Add(l.now.Window).Sub(now).Seconds())+1))
	}
	return ok
}
