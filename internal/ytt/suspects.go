// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"sync"
	"time"
)

// suspects are the templates that ended a helper not long ago, by their digest.
//
// What ended one is not tried again for a while, and longer each time: the same
// template with the same data, whoever asks, is answered as before; and so is a
// template that ended several helpers and has yet to make its first object. A
// template that serves some of its owners goes on serving them, but on one
// helper at a time, so that it can't take all of them from everybody else.
type suspects struct {
	now func() time.Time

	mu        sync.Mutex
	templates map[string]*suspect
	worked    map[string]struct{}
}

// suspect is a template, and what it did.
type suspect struct {
	// lane is held by the one caller whose render is on.
	lane   chan struct{}
	deaths map[string]*record // by the digest of the data
	// barren is how often it ended a helper while it never made an object; whole is what came of that.
	barren int
	whole  record
	last   time.Time
}

// record is how often something ended a helper, what was said then, and until
// when that stays the answer.
type record struct {
	count int
	err   error
	until time.Time
}

// How long, and how many, are remembered.
const (
	holdFirst    = 30 * time.Second
	holdMost     = time.Hour
	suspectFor   = 2 * time.Hour
	maxSuspects  = 1000
	maxDeaths    = 4000
	maxWorked    = 10000
	wholeAfter   = 3
	certainAfter = 2
)

func newSuspects(now func() time.Time) *suspects {
	return &suspects{now: now, templates: map[string]*suspect{}, worked: map[string]struct{}{}}
}

// find is the suspect of a digest, or nil.
func (s *suspects) find(digest string) *suspect {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.templates[digest]
	if t != nil && s.now().Sub(t.last) > suspectFor {
		delete(s.templates, digest)
		return nil
	}
	return t
}

// held is what was said when the template ended a helper, if it is too early to try again.
func (s *suspects) held(t *suspect, data string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if r := t.deaths[data]; r != nil && now.Before(r.until) {
		return r.err
	}
	if now.Before(t.whole.until) {
		return t.whole.err
	}
	return nil
}

// ok notes that a template made an object.
func (s *suspects) ok(digest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.worked) >= maxWorked {
		clear(s.worked)
	}
	s.worked[digest] = struct{}{}
}

// died notes that a template with these data ended a helper, and gives what
// its caller is to hear, now and until it is tried again.
func (s *suspects) died(digest, data string, d *death) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.templates) >= maxSuspects {
		clear(s.templates)
	}
	t := s.templates[digest]
	if t == nil {
		t = &suspect{lane: make(chan struct{}, 1), deaths: map[string]*record{}}
		s.templates[digest] = t
	}
	if len(t.deaths) >= maxDeaths {
		clear(t.deaths)
	}
	r := t.deaths[data]
	if r == nil {
		r = &record{}
		t.deaths[data] = r
	}
	now := s.now()
	t.last = now
	err := verdict(d, r.count+1)
	r.hold(now, err)
	if _, worked := s.worked[digest]; worked {
		t.barren, t.whole = 0, record{}
	} else if t.barren++; t.barren >= wholeAfter {
		t.whole.hold(now, err)
	}
	return err
}

func (r *record) hold(now time.Time, err error) {
	r.count++
	r.err = err
	r.until = now.Add(min(holdFirst<<min(r.count-1, 10), holdMost))
}
