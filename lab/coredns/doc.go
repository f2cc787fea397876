// SPDX-License-Identifier: Apache-2.0

// Package coredns holds nothing: its module pins CoreDNS, which the lab builds
// straight from the module proxy, apart from Kubernetes because the two need
// different versions of the same libraries.
package coredns
