// SPDX-License-Identifier: Apache-2.0

package image

import (
	"fmt"
	"io"
)

const redacted = "[redacted]"

// Secret is text that no verb, encoder or logger prints; only a conversion to string reads it.
type Secret string

// String hides the secret.
func (Secret) String() string { return redacted }

// GoString hides the secret.
func (Secret) GoString() string { return redacted }

// Format hides the secret from every verb, %x and %q as well.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText hides the secret from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
