// SPDX-License-Identifier: Apache-2.0

// Package forward carries connections from the machine's loopback into a
// lab's network, which has no way in: a unix socket lies in between.
//
//	machine:  127.0.0.1:5000 ──Outside──▶ <data>/run/forward-1.sock
//	lab:      <data>/run/forward-1.sock ──Inside──▶ 127.0.0.1:5000
//
// It looks at no byte that it carries.
package forward
