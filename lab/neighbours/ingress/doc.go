// SPDX-License-Identifier: Apache-2.0

// Package ingress holds nothing: its module pins Skipper, which is built
// straight from the module proxy, apart from Kubernetes because the two need
// different versions of the same libraries.
package ingress
