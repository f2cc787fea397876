// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// attestationOf is what an attestation says it is about.
const attestationOf = "vnd.docker.reference.digest"

// subset is an index with the images of some platforms alone, and their attestations: the same each time, under a digest of
// its own. What is no index, or has nothing else, stays what it is.
func (p *part) subset(platforms []string) (part, error) {
	if len(platforms) == 0 || len(p.children) == 0 {
		return *p, nil
	}
	var top map[string]json.RawMessage
	var all []json.RawMessage
	if json.Unmarshal(p.raw, &top) != nil || json.Unmarshal(top["manifests"], &all) != nil {
		return part{}, unlike("its manifest is not JSON")
	}
	read := make([]child, len(all))
	for i, raw := range all {
		if json.Unmarshal(raw, &read[i]) != nil {
			return part{}, unlike("its index names what is no image")
		}
	}
	kept, has := chosen(read, platforms)
	if len(kept) == 0 {
		return part{}, unlike("it has none of %s; it has %s", strings.Join(platforms, ", "), strings.Join(has, ", "))
	}
	var some []json.RawMessage
	for i, c := range read {
		if kept[c.Digest] || kept[c.Annotations[attestationOf]] || c.Platform == nil {
			some = append(some, all[i])
		}
	}
	if len(some) == len(all) {
		return *p, nil
	}
	return p.with(top, some)
}

// with is an index with some of its manifests alone.
func (p *part) with(top map[string]json.RawMessage, some []json.RawMessage) (part, error) {
	var err error
	if top["manifests"], err = json.Marshal(some); err != nil {
		return part{}, fmt.Errorf("choosing platforms: %w", err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(top); err != nil {
		return part{}, fmt.Errorf("choosing platforms: %w", err)
	}
	less := part{raw: bytes.TrimSpace(b.Bytes())}
	sum := sha256.Sum256(less.raw)
	less.digest = "sha256:" + hex.EncodeToString(sum[:])
	if err := less.read(); err != nil {
		return part{}, err
	}
	less.media = p.media
	return less, nil
}

// child is what an index says of an image.
type child struct {
	Digest   string `json:"digest"`
	Platform *struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Variant      string `json:"variant"`
	} `json:"platform"`
	Annotations map[string]string `json:"annotations"`
}

func (c child) platform() string {
	return strings.TrimSuffix(c.Platform.OS+"/"+c.Platform.Architecture+"/"+c.Platform.Variant, "/")
}

// chosen are the images of platforms, by digest, and the platforms that there are. One without a variant is any variant.
func chosen(all []child, platforms []string) (kept map[string]bool, has []string) {
	kept = map[string]bool{}
	for _, c := range all {
		if c.Platform == nil || c.Platform.OS == "unknown" {
			continue
		}
		is := c.platform()
		has = append(has, is)
		if slices.ContainsFunc(platforms, func(p string) bool { return p == is || strings.HasPrefix(is, p+"/") }) {
			kept[c.Digest] = true
		}
	}
	return kept, has
}
