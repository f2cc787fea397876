// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"errors"
	"testing"
	"time"

	"rhumb.run/rhumb/internal/fault"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }

var (
	overflow = &death{overflowed, errors.New("overflow")}
	late     = &death{timedOut, errors.New("late")}
)

func heldFor(s *suspects, data string) error {
	t := s.find("t")
	if t == nil {
		return nil
	}
	return s.held(t, data)
}

// What ended a helper is not tried again for a time that doubles.
func TestSuspectsHold(t *testing.T) {
	c := &clock{time.Unix(0, 0)}
	s := newSuspects(c.Now)
	s.ok("t") // for others
	if heldFor(s, "d") != nil {
		t.Error("held before anything happened")
	}
	for i, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
		said := s.died("t", "d", overflow)
		c.pass(want - time.Second)
		if again := heldFor(s, "d"); again == nil || again.Error() != said.Error() {
			t.Errorf("death %d: after %v, told %v and not %v", i, want-time.Second, again, said)
		}
		if heldFor(s, "other") != nil {
			t.Errorf("death %d: other data are held", i)
		}
		c.pass(time.Second)
		if err := heldFor(s, "d"); err != nil {
			t.Errorf("death %d: still held after %v: %v", i, want, err)
		}
	}
	c.pass(suspectFor - time.Hour)
	if s.find("t") == nil {
		t.Error("forgotten too early")
	}
	c.pass(time.Second)
	if s.find("t") != nil {
		t.Error("never forgotten")
	}
}

// A template that never made an object and ended three helpers is held for everybody.
func TestSuspectsHoldAWholeTemplate(t *testing.T) {
	c := &clock{time.Unix(0, 0)}
	s := newSuspects(c.Now)
	for i, data := range []string{"a", "b", "c"} {
		if heldFor(s, data) != nil {
			t.Errorf("held after %d deaths", i)
		}
		_ = s.died("t", data, overflow)
	}
	if heldFor(s, "d") == nil {
		t.Error("three deaths, no object, and it is tried again")
	}
	c.pass(holdFirst)
	if heldFor(s, "d") != nil {
		t.Error("held for ever")
	}
	s.ok("t")
	_ = s.died("t", "d", overflow)
	if heldFor(s, "e") != nil {
		t.Error("a template that serves somebody is held for everybody")
	}
}

// What asks of the loop to try again, and what not.
func TestVerdict(t *testing.T) {
	cases := map[string]struct {
		why   string
		d     *death
		times int
		class fault.Class
	}{
		"Certain":   {"the same will happen again", overflow, 1, fault.Reject},
		"Late":      {"the machine may have been busy", late, 1, fault.Retry},
		"LateAgain": {"and busy still", late, 2, fault.Retry},
		"Lasting":   {"three times is no accident", late, 3, fault.Reject},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if class, _ := fault.Of(verdict(c.d, c.times)); class != c.class {
				t.Errorf("%s: class %v, want %v", c.why, class, c.class)
			}
		})
	}
}

// Memory of suspects is bounded.
func TestSuspectsForget(t *testing.T) {
	s := newSuspects((&clock{time.Unix(0, 0)}).Now)
	for i := range maxWorked + 10 {
		name := time.Duration(i).String()
		s.ok(name)
		_ = s.died(name, "d", overflow)
		_ = s.died("t", name, overflow)
	}
	if len(s.templates) > maxSuspects || len(s.worked) > maxWorked || len(s.templates["t"].deaths) > maxDeaths {
		t.Errorf("remembers %d, %d, %d", len(s.templates), len(s.worked), len(s.templates["t"].deaths))
	}
}
