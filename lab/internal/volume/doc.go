// SPDX-License-Identifier: Apache-2.0

// Package volume gives claims of the lab's storage class what they ask for: a
// directory of the data directory each.
//
//	claim ──▶ missing ──▶ directory, then PersistentVolume for that claim alone
//	claim gone ──▶ released ──▶ directory deleted, then PersistentVolume
//
// It is one of the lab's own components and keeps nothing in memory that the
// API server does not know. Capacities are not enforced: the disk is the
// machine's.
package volume
