// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"

	"rhumb.run/rhumb/internal/core/image"
)

const maxManifest = 4 << 20

// acceptManifest lists what an image may be; the index first, so that a tag means all its platforms.
var acceptManifest = strings.Join([]string{
	mediaOCIIndex, mediaDockerList, mediaOCIManifest, mediaDockerManifest,
}, ", ")

// Resolve asks what digest a reference has, by HEAD. A registry that does not say it in a header is asked for the manifest,
// which is hashed here. The error is an *image.Failure.
func (c *Client) Resolve(ctx context.Context, ref image.Ref, logins image.Logins) (string, error) {
	return c.resolve(ctx, ref, logins, c.each)
}

// ResolveOrigin asks the registry itself, and none of its mirrors.
func (c *Client) ResolveOrigin(ctx context.Context, ref image.Ref, logins image.Logins) (string, error) {
	return c.resolve(ctx, ref, logins, c.origin)
}

func (c *Client) resolve(ctx context.Context, ref image.Ref, logins image.Logins, each func(context.Context, image.Ref, image.Logins, try) error) (string, error) {
	var digest string
	err := each(ctx, ref, logins, func(ctx context.Context, e Endpoint, l *image.Login) error {
		d, err := c.head(ctx, e, l, ref)
		digest = d
		return err
	})
	if err != nil {
		return "", err
	}
	return digest, nil
}

func (c *Client) head(ctx context.Context, e Endpoint, l *image.Login, ref image.Ref) (string, error) {
	resp, err := c.do(ctx, e, l, ask{method: http.MethodHead, repository: ref.Repository, path: "manifests/" + ref.Manifest(), accept: acceptManifest})
	if err != nil {
		return "", err
	}
	digest := resp.Header.Get("Docker-Content-Digest")
	switch {
	case resp.StatusCode == http.StatusOK && image.IsDigest(digest):
		closeBody(resp)
		if ref.Pinned() && digest != ref.Digest {
			return "", mismatch(ref.Digest, digest)
		}
		return digest, nil
	case resp.StatusCode == http.StatusOK, resp.StatusCode == http.StatusMethodNotAllowed, resp.StatusCode == http.StatusNotImplemented:
		closeBody(resp)
		_, digest, err = c.manifest(ctx, e, l, ref)
		return digest, err
	}
	return "", bad(resp)
}

// manifest fetches a manifest and hashes it; neither its header nor the digest in the request is believed.
func (c *Client) manifest(ctx context.Context, e Endpoint, l *image.Login, ref image.Ref) (body []byte, digest string, err error) {
	resp, err := c.do(ctx, e, l, ask{method: http.MethodGet, repository: ref.Repository, path: "manifests/" + ref.Manifest(), accept: acceptManifest})
	if err != nil {
		return nil, "", err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, "", bad(resp)
	}
	defer closeBody(resp)
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxManifest+1))
	if err != nil {
		return nil, "", fmt.Errorf("reading the manifest: %w", err)
	}
	if len(body) > maxManifest {
		return nil, "", &answer{reason: image.ReasonRemote, words: fmt.Sprintf("its manifest is larger than %d bytes", maxManifest)}
	}
	sum := sha256.Sum256(body)
	digest = "sha256:" + hex.EncodeToString(sum[:])
	if said := resp.Header.Get("Docker-Content-Digest"); image.IsDigest(said) && said != digest {
		return nil, "", mismatch(said, digest)
	}
	if ref.Pinned() && digest != ref.Digest {
		return nil, "", mismatch(ref.Digest, digest)
	}
	return body, digest, nil
}

func mismatch(want, got string) *answer {
	return &answer{reason: image.ReasonDigestMismatch, words: fmt.Sprintf("it answered %s where %s was asked for", got, want)}
}
