// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"rhumb.run/rhumb/internal/core/image"
)

// Found is what a registry has of an image.
type Found struct {
	Manifests, Blobs int
	Bytes            int64
	// Lacks is what is missing or is something else, as people read it; nothing if the image is whole.
	Lacks []string
}

// Verify looks whether a registry, and no mirror of it, has all of an image: each manifest is fetched and hashed, each blob
// asked for with its length. The error is an *image.Failure, and says that it could not be found out.
func (c *Client) Verify(ctx context.Context, ref image.Ref, logins image.Logins) (Found, error) {
	v := &verifying{client: c, ref: ref, logins: logins, seen: map[string]bool{}}
	if err := v.tree(ctx, ref.Digest, 0); err != nil {
		return v.found, err
	}
	v.found.Blobs = len(v.blobs)
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(hostAtOnce)
	for _, d := range v.blobs {
		v.found.Bytes += d.Size
		group.Go(func() error { return v.blob(together, d) })
	}
	err := group.Wait()
	slices.Sort(v.found.Lacks)
	return v.found, err
}

type verifying struct {
	client *Client
	ref    image.Ref
	logins image.Logins
	seen   map[string]bool
	blobs  []descriptor

	mu    sync.Mutex
	found Found
}

// tree reads a manifest and those that it names; it collects the blobs.
func (v *verifying) tree(ctx context.Context, digest string, depth int) error {
	if v.seen[digest] {
		return nil
	}
	v.seen[digest] = true
	if depth > maxDepth || len(v.seen) > maxManifests {
		return asFailure(unlike("it consists of more than %d manifests, or more than %d deep", maxManifests, maxDepth))
	}
	p := part{digest: digest}
	err := v.client.origin(ctx, v.ref.At(digest), v.logins, func(ctx context.Context, e Endpoint, l *image.Login) error {
		var err error
		p.raw, _, err = v.client.manifest(ctx, e, l, v.ref.At(digest))
		return err
	})
	if f, ok := errors.AsType[*image.Failure](err); ok && (f.Reason == image.ReasonNotFound || f.Reason == image.ReasonDigestMismatch) {
		v.lacks("manifest %s: %s", digest, f.Detail)
		return nil
	}
	if err != nil {
		return err
	}
	if err := p.read(); err != nil {
		return asFailure(err)
	}
	v.found.Manifests++
	for _, d := range p.blobs {
		if !v.seen[d.Digest] {
			v.seen[d.Digest] = true
			v.blobs = append(v.blobs, d)
		}
	}
	for _, child := range p.children {
		if err := v.tree(ctx, child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifying) blob(ctx context.Context, d descriptor) error {
	err := v.client.origin(ctx, v.ref, v.logins, func(ctx context.Context, e Endpoint, l *image.Login) error {
		resp, err := v.client.do(ctx, e, l, ask{method: http.MethodHead, repository: v.ref.Repository, path: "blobs/" + d.Digest})
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return bad(resp)
		}
		closeBody(resp)
		if resp.ContentLength >= 0 && resp.ContentLength != d.Size {
			return mismatch(fmt.Sprintf("%d bytes", d.Size), fmt.Sprintf("%d bytes", resp.ContentLength))
		}
		return nil
	})
	if f, ok := errors.AsType[*image.Failure](err); ok && (f.Reason == image.ReasonNotFound || f.Reason == image.ReasonDigestMismatch) {
		v.lacks("blob %s: %s", d.Digest, f.Detail)
		return nil
	}
	return err
}

func (v *verifying) lacks(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found.Lacks = append(v.found.Lacks, strings.TrimSpace(fmt.Sprintf(format, args...)))
}
