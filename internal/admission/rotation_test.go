// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"crypto/x509"
	"testing"
	"time"
)

var names = []string{"rhumb-webhook.rhumb-system.svc", "127.0.0.1"}

var day0 = time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)

func take(t *testing.T, have stored, believed bool, now time.Time) (stored, time.Time) {
	t.Helper()
	want, again, err := step(have, names, believed, now)
	if err != nil {
		t.Fatal(err)
	}
	if usable(want.current, want.bundle, names, now) == nil {
		t.Fatalf("at %s nothing can be shown", now)
	}
	return want, again
}

// Whoever looks whenever it is told to, for years, finds at every moment that
// what is shown is vouched for by the bundle of this and of the moment before.
func TestRotationNeverBreaks(t *testing.T) {
	now := day0
	have, again := take(t, stored{}, true, now)
	shown := map[string]bool{}
	for now.Before(day0.AddDate(3, 0, 0)) {
		if !again.After(now) {
			t.Fatalf("at %s the next look was to be at %s", now, again)
		}
		now = again
		before := have
		have, again = take(t, have, true, now)
		if usable(have.current, before.bundle, names, now) == nil {
			t.Fatalf("at %s a certificate is shown that nobody was told to believe before", now)
		}
		if usable(before.current, have.bundle, names, now) == nil {
			t.Fatalf("at %s a replica that still shows the old certificate is no longer believed", now)
		}
		if n := len(certificates(have.bundle)); n > 3 {
			t.Fatalf("at %s %d CAs are believed", now, n)
		}
		shown[string(have.current.cert)] = true
	}
	if len(shown) < 17 || len(shown) > 20 {
		t.Errorf("%d certificates in three years, want one in 60 days", len(shown))
	}
}

func TestStep(t *testing.T) {
	fresh, _ := take(t, stored{}, true, day0)
	both, _ := take(t, fresh, true, day0.Add(renewal))
	cases := map[string]struct {
		why      string
		have     stored
		believed bool
		now      time.Time
		// what of the fresh and the next pair is kept
		current, next []byte
	}{
		"Fresh":         {"nothing is due", fresh, true, day0.Add(renewal - time.Second), fresh.current.cert, nil},
		"Waits":         {"the next is not shown before it is believed everywhere", both, true, day0.Add(renewal + settling - time.Second), fresh.current.cert, both.next.cert},
		"Shown":         {"then it is", both, true, day0.Add(renewal + settling), both.next.cert, nil},
		"NotBelieved":   {"and not while the API server has not been told", both, false, day0.Add(renewal + settling), fresh.current.cert, both.next.cert},
		"Ended":         {"but what has ended is worse than what is not believed", both, false, day0.Add(life + skew), both.next.cert, nil},
		"NextIsRubbish": {"a next pair that cannot be read is no pair", stored{fresh.bundle, fresh.current, pair{cert: []byte("x"), key: []byte("y")}}, true, day0, fresh.current.cert, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, again := take(t, c.have, c.believed, c.now)
			if !bytes.Equal(got.current.cert, c.current) || !bytes.Equal(got.next.cert, c.next) {
				t.Errorf("%s: current kept %t, next kept %t", c.why, bytes.Equal(got.current.cert, c.current), bytes.Equal(got.next.cert, c.next))
			}
			if c.believed && !again.After(c.now) {
				t.Errorf("%s: to look again at %s, which is not after %s", c.why, again, c.now)
			}
		})
	}
}

// What cannot be shown is made anew, whatever else stands in the Secret.
func TestStepMakesAnew(t *testing.T) {
	fresh, _ := take(t, stored{}, true, day0)
	other, _ := take(t, stored{}, true, day0)
	long, err := newPair([]string{"elsewhere"}, day0)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		why  string
		have stored
		now  time.Time
	}{
		"Empty":      {"a Secret that holds nothing", stored{}, day0},
		"Ended":      {"a controller that was away for years", fresh, day0.AddDate(1, 0, 0)},
		"NotYet":     {"a clock that was wrong", fresh, day0.AddDate(-1, 0, 0)},
		"OtherKey":   {"somebody replaced the key", stored{fresh.bundle, pair{cert: fresh.current.cert, key: other.current.key}, pair{}}, day0},
		"NoVoucher":  {"somebody replaced the CA", stored{other.bundle, fresh.current, pair{}}, day0},
		"OtherNames": {"the controller moved to another namespace", stored{long.ca, long, pair{}}, day0},
		"Rubbish":    {"somebody wrote text", stored{[]byte("a"), pair{cert: []byte("b"), key: []byte("c")}, pair{}}, day0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, _ := take(t, c.have, true, c.now)
			if bytes.Equal(got.current.cert, c.have.current.cert) {
				t.Errorf("%s: kept", c.why)
			}
			for _, ca := range certificates(got.bundle) {
				if !c.now.Before(ca.NotAfter) {
					t.Errorf("%s: a CA is believed that has ended", c.why)
				}
			}
		})
	}
}

// The CA signs for us and for nobody else, and its key is not kept.
func TestPairIsNarrow(t *testing.T) {
	fresh, _ := take(t, stored{}, true, day0)
	ca, leaf := certificates(fresh.bundle)[0], certificates(fresh.current.cert)[0]
	if leaf.IsCA || leaf.KeyUsage != x509.KeyUsageDigitalSignature || len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth {
		t.Errorf("the certificate may do more than serve: %+v", leaf)
	}
	if !ca.MaxPathLenZero || ca.PublicKey == leaf.PublicKey {
		t.Errorf("the CA vouches for other CAs, or for itself")
	}
	for key := range fresh.data() {
		if key != bundleKey && key != certKey && key != keyKey {
			t.Errorf("the Secret holds %s", key)
		}
	}
}
