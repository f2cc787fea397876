// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"errors"
)

// JSON is any JSON value: text, number, boolean, list, object or null. It is
// kept as the bytes in which it arrived, so that nothing is lost on the way.
//
// +kubebuilder:validation:Type=""
// +kubebuilder:pruning:PreserveUnknownFields
type JSON struct {
	// Raw is the value, encoded. Empty means null.
	Raw []byte `json:"-"`
}

// MarshalJSON returns the bytes as they are; no bytes are null.
func (j JSON) MarshalJSON() ([]byte, error) {
	if len(j.Raw) == 0 {
		return []byte("null"), nil
	}
	return j.Raw, nil
}

// UnmarshalJSON keeps a copy of the bytes. Null is kept too: a param may be null on purpose.
func (j *JSON) UnmarshalJSON(data []byte) error {
	if j == nil {
		return errors.New("decoding a JSON value: nowhere to put it")
	}
	j.Raw = bytes.Clone(data)
	return nil
}
