// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"encoding/json"
	"fmt"
)

// What we write beside an object's images, on the object itself.
const (
	// OriginalsAnnotation is a JSON object of slots and the images that they named before.
	OriginalsAnnotation = "rhumb.run/original-images"
	// PolicyAnnotation names the policy.
	PolicyAnnotation = "rhumb.run/image-clone-policy"
	// ReasonAnnotation says why something was left as it is.
	ReasonAnnotation = "rhumb.run/image-clone-reason"
	// TargetAnnotation names the targets under which the object's copies are, with commas between: what lies there is ours
	// although no policy says so any more.
	TargetAnnotation = "rhumb.run/image-clone-target"
	// SecretAnnotation names the pull secret that we appended.
	SecretAnnotation = "rhumb.run/image-clone-pull-secret"
)

// Originals are images by slot, as they were written before we came.
type Originals map[string]string

// ReadOriginals reads what an object's annotations keep; of one that cannot be read nothing is known, and an error says so.
func ReadOriginals(annotations map[string]string) (Originals, error) {
	text, ok := annotations[OriginalsAnnotation]
	if !ok {
		return nil, nil
	}
	var out Originals
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		return nil, fmt.Errorf("reading annotation %s: want a JSON object of slots and images: %w", OriginalsAnnotation, err)
	}
	return out, nil
}

// String is the annotation.
func (o Originals) String() string {
	raw, _ := json.Marshal(o) // texts always can be
	return string(raw)
}
