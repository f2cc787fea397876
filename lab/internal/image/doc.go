// SPDX-License-Identifier: Apache-2.0

// Package image makes container images of static programs and pushes them,
// without Docker or any other tool.
//
//	Spec ──Build──▶ base layer (/tmp, /etc/passwd, …) + one layer of files ──Push──▶ ref@digest
//
// Equal input gives an equal digest on every machine: times are fixed, entries
// sorted, owners named in the Spec.
package image
