// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"
)

const (
	// life of a certificate; its successor is made when two thirds are over.
	life    = 90 * 24 * time.Hour
	renewal = 60 * 24 * time.Hour
	// settling is how long a CA is believed before what it signed is shown: every
	// API server has read the new bundle long before.
	settling = time.Hour
)

// stored is what the Secret holds.
type stored struct {
	// bundle are the CAs to believe, newest first: that of the current pair, that
	// of the next, and those before, until they end.
	bundle []byte
	// current is shown; next waits until it is believed.
	current, next pair
}

// The Secret's keys. The first three are those of any TLS Secret.
const (
	bundleKey   = "ca.crt"
	certKey     = "tls.crt"
	keyKey      = "tls.key"
	nextCertKey = "next.crt"
	nextKeyKey  = "next.key"
)

func fromData(d map[string][]byte) stored {
	return stored{
		bundle:  d[bundleKey],
		current: pair{cert: d[certKey], key: d[keyKey]},
		next:    pair{cert: d[nextCertKey], key: d[nextKeyKey]},
	}
}

func (s stored) data() map[string][]byte {
	d := map[string][]byte{bundleKey: s.bundle, certKey: s.current.cert, keyKey: s.current.key}
	if len(s.next.cert) > 0 {
		d[nextCertKey], d[nextKeyKey] = s.next.cert, s.next.key
	}
	return d
}

func (s stored) equal(o stored) bool {
	same := func(a, b pair) bool { return bytes.Equal(a.cert, b.cert) && bytes.Equal(a.key, b.key) }
	return bytes.Equal(s.bundle, o.bundle) && same(s.current, o.current) && same(s.next, o.next)
}

// step is what the Secret should hold now, and when to look again. Believed is
// true if the API server has been given the whole bundle.
func step(have stored, names []string, believed bool, now time.Time) (want stored, again time.Time, err error) {
	want = have
	leaf := usable(want.current, want.bundle, names, now)
	next := usable(want.next, want.bundle, names, now)
	if next == nil {
		want.next = pair{}
	}
	switch {
	case next != nil && (leaf == nil || believed && !now.Before(next.NotBefore.Add(skew+settling))):
		want.current, want.next, leaf, next = want.next, pair{}, next, nil
	case leaf == nil:
		// There is nothing to show: that the API server believes it a moment later harms less.
		if want.current, err = newPair(names, now); err != nil {
			return have, now, err
		}
		want.bundle = append(bytes.Clone(want.current.ca), want.bundle...)
		leaf = certificates(want.current.cert)[0]
	}
	if next == nil && !now.Before(leaf.NotBefore.Add(skew+renewal)) {
		if want.next, err = newPair(names, now); err != nil {
			return have, now, err
		}
		want.bundle = append(bytes.Clone(want.next.ca), want.bundle...)
		next = certificates(want.next.cert)[0]
	}
	want.bundle = alive(want.bundle, now)
	if next != nil {
		return want, next.NotBefore.Add(skew + settling), nil
	}
	return want, leaf.NotBefore.Add(skew + renewal), nil
}

// usable is the pair's certificate, if it can be shown: it is valid, goes with
// its key, speaks for all names, and a CA of the bundle vouches for it.
func usable(p pair, bundle []byte, names []string, now time.Time) *x509.Certificate {
	both, err := tls.X509KeyPair(p.cert, p.key)
	if err != nil {
		return nil
	}
	leaf, err := x509.ParseCertificate(both.Certificate[0])
	if err != nil {
		return nil
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now}); err != nil {
		return nil
	}
	if slices.ContainsFunc(names, func(n string) bool { return leaf.VerifyHostname(n) != nil }) {
		return nil
	}
	return leaf
}

// alive leaves out what has ended, and what is no certificate.
func alive(bundle []byte, now time.Time) []byte {
	var out []byte
	for _, c := range certificates(bundle) {
		if now.Before(c.NotAfter) {
			out = append(out, encode("CERTIFICATE", c.Raw)...)
		}
	}
	return out
}
