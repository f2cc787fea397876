// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"rhumb.run/rhumb/internal/core/image"
)

// maxProof is how many tags are looked at to know that a digest has one alone.
const maxProof = 200

// DeleteTag deletes a tag; that it is gone already is as well. A registry that deletes by digest alone is asked for that only
// where its list proves that the digest has no other tag and is in no index that has one, since all of them would go with it.
// The error is an *image.Failure; its reason is Unsupported where the registry does not delete.
func (c *Client) DeleteTag(ctx context.Context, ref image.Ref, logins image.Logins) error {
	ref.Digest = ""
	f := c.delete(ctx, ref, logins)
	if f == nil || f.Reason != image.ReasonUnsupported {
		return orNil(f)
	}
	digest, err := c.ResolveOrigin(ctx, ref, logins)
	if gone, ok := errors.AsType[*image.Failure](err); ok && gone.Reason == image.ReasonNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if why := c.shared(ctx, ref, digest, logins); why != "" {
		f.Detail += "; by digest it was not tried: " + why
		return f
	}
	return orNil(c.delete(ctx, ref.At(digest), logins))
}

func orNil(f *image.Failure) error {
	if f == nil || f.Reason == image.ReasonNotFound {
		return nil
	}
	return f
}

func (c *Client) delete(ctx context.Context, ref image.Ref, logins image.Logins) *image.Failure {
	err := c.origin(ctx, ref, logins, func(ctx context.Context, e Endpoint, l *image.Login) error {
		resp, err := c.do(ctx, e, l, ask{method: http.MethodDelete, repository: ref.Repository, path: "manifests/" + ref.Manifest(), remove: true})
		if err != nil {
			return err
		}
		if resp.StatusCode == http.StatusAccepted || resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusNoContent {
			closeBody(resp)
			return nil
		}
		a := bad(resp)
		switch a.code {
		case http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusBadRequest, http.StatusConflict, http.StatusPreconditionFailed:
			a.reason, a.fix = image.ReasonUnsupported, "let the registry delete tags, or delete them there"
		}
		return a
	})
	if err == nil {
		return nil
	}
	return asFailure(err)
}

// shared says what else has a digest, or why that is not known; nothing if the tag is all.
func (c *Client) shared(ctx context.Context, ref image.Ref, digest string, logins image.Logins) string {
	tags, err := c.Tags(ctx, ref, logins)
	if err != nil {
		return "its tags cannot be listed"
	}
	if len(tags) > maxProof {
		return fmt.Sprintf("it has more than %d tags", maxProof)
	}
	if !slices.Contains(tags, ref.Tag) {
		return "its list of tags lacks this one"
	}
	for _, tag := range tags {
		if tag == ref.Tag {
			continue
		}
		other := ref
		other.Tag = tag
		p, err := c.rootAt(ctx, other, logins)
		switch {
		case err != nil:
			return "tag " + tag + " cannot be read"
		case p.digest == digest || slices.Contains(p.children, digest):
			return "tag " + tag + " has it too"
		}
	}
	return ""
}

// rootAt gets the manifest that a reference names from the registry itself.
func (c *Client) rootAt(ctx context.Context, ref image.Ref, logins image.Logins) (part, error) {
	var p part
	err := c.origin(ctx, ref, logins, func(ctx context.Context, e Endpoint, l *image.Login) (err error) {
		p.raw, p.digest, err = c.manifest(ctx, e, l, ref)
		return err
	})
	if err == nil {
		err = p.read()
	}
	return p, err
}
