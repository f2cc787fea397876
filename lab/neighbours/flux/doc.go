// SPDX-License-Identifier: Apache-2.0

// Package flux holds nothing: its module pins Flux's source-controller, which
// is built straight from the module proxy, apart from Kubernetes because the
// two need different versions of the same libraries.
package flux
