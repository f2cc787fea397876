// SPDX-License-Identifier: Apache-2.0

package config

import "embed"

// CRDs are the definitions of all kinds, a file each, in crd/.
//
//go:embed crd/*.yaml
var CRDs embed.FS
