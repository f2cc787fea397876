// SPDX-License-Identifier: Apache-2.0

// Package e2e holds the journeys: what a user goes through, on a real node.
//
//	sight of the machine ─▶ lab up ─▶ install ─▶ journeys, a namespace each ─▶ lab gone ─▶ the same sight
//
// They need root on Linux and the packages of lab/packages.txt; `make e2e` sees
// to that. A journey knows only what a user sees, and waits only for that.
package e2e
