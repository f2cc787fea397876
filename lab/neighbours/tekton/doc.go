// SPDX-License-Identifier: Apache-2.0

// Package tekton holds nothing: its module pins Tekton Pipelines, which is
// built straight from the module proxy, apart from Kubernetes because the two
// need different versions of the same libraries.
package tekton
