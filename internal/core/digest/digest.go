// SPDX-License-Identifier: Apache-2.0

// Package digest names content: equal JSON values have equal digests, whatever
// the order of their keys or the process that asks. Everything that must
// survive a restart without a write rests on that.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Of is the sha256 of a value's canonical JSON (sorted keys, no blanks), in
// the form sha256:<hex>. The value must be plain JSON.
func Of(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		// Plain JSON always encodes; anything else is a bug that must not pass for content.
		panic("digest of a value that is not JSON: " + err.Error())
	}
	return Bytes(raw)
}

// Bytes is the sha256 of raw bytes in the form sha256:<hex>.
func Bytes(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}
