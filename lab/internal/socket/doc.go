// SPDX-License-Identifier: Apache-2.0

// Package socket listens on and dials unix sockets in a data directory. A
// socket is a file, so it reaches from one network namespace into another
// where no packet goes. Paths longer than the kernel's 107 bytes work too.
package socket
