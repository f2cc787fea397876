// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"rhumb.run/rhumb/internal/core/image"
)

const (
	maxPages = 100
	maxTags  = 20_000
)

// Tags are the tags of a repository, as the registry itself lists them. The error is an *image.Failure.
func (c *Client) Tags(ctx context.Context, ref image.Ref, logins image.Logins) ([]string, error) {
	var tags []string
	err := c.origin(ctx, ref, logins, func(ctx context.Context, e Endpoint, l *image.Login) error {
		tags = nil
		first := ask{method: http.MethodGet, repository: ref.Repository, path: "tags/list", query: url.Values{"n": {"1000"}}}
		return c.pages(ctx, e, l, first, func(body []byte) error {
			var page struct {
				Tags []string `json:"tags"`
			}
			if json.Unmarshal(body, &page) != nil {
				return unlike("its list of tags is not JSON")
			}
			if tags = append(tags, page.Tags...); len(tags) > maxTags {
				return unlike("it has more than %d tags", maxTags)
			}
			return nil
		})
	})
	return tags, err
}

// pages reads a list that a registry gives in parts, each of which names the next.
func (c *Client) pages(ctx context.Context, e Endpoint, l *image.Login, a ask, read func(body []byte) error) error {
	for range maxPages {
		resp, err := c.do(ctx, e, l, a)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return bad(resp)
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxManifest+1))
		next, more := nextPage(resp)
		closeBody(resp)
		if err != nil {
			return fmt.Errorf("reading a list: %w", err)
		}
		if len(body) > maxManifest {
			return unlike("a page of its list is larger than %d bytes", maxManifest)
		}
		if err := read(body); err != nil || !more {
			return err
		}
		a.at, a.query = next, nil
	}
	return unlike("its list has more than %d pages", maxPages)
}

// nextPage is where a Link header says that the list goes on.
func nextPage(resp *http.Response) (*url.URL, bool) {
	for _, link := range resp.Header.Values("Link") {
		target, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(link), "<"), ">")
		if !ok || !strings.Contains(strings.ReplaceAll(rest, " ", ""), `rel="next"`) && !strings.Contains(rest, "rel=next") {
			continue
		}
		if u, err := resp.Request.URL.Parse(target); err == nil && u.Host == resp.Request.URL.Host && u.Scheme == resp.Request.URL.Scheme {
			return u, true
		}
	}
	return nil, false
}

// Referrer is a manifest that says of itself that it is about another: a signature, an SBOM.
type Referrer struct {
	Digest, MediaType, ArtifactType string

	raw json.RawMessage
}

// Referrers are the manifests that refer to a digest, as the registry itself lists them. The error is an *image.Failure.
func (c *Client) Referrers(ctx context.Context, ref image.Ref, logins image.Logins) ([]Referrer, error) {
	all, _, err := c.referrers(ctx, ref, logins, c.origin)
	return all, err
}

// referrers asks for the list, and where a registry keeps none for what clients keep in its place: native says which.
func (c *Client) referrers(ctx context.Context, ref image.Ref, logins image.Logins, each func(context.Context, image.Ref, image.Logins, try) error) (all []Referrer, native bool, err error) {
	read := func(body []byte) error {
		page, err := readReferrers(body)
		if err != nil {
			return err
		}
		if all = append(all, page...); len(all) > maxChildren {
			return unlike("more than %d manifests refer to it", maxChildren)
		}
		return nil
	}
	native = true
	err = each(ctx, ref, logins, func(ctx context.Context, e Endpoint, l *image.Login) error {
		all = nil
		return c.pages(ctx, e, l, ask{method: http.MethodGet, repository: ref.Repository, path: "referrers/" + ref.Digest, accept: mediaOCIIndex}, read)
	})
	if f, ok := errors.AsType[*image.Failure](err); !ok || (f.Code != http.StatusNotFound && f.Code != http.StatusMethodNotAllowed && f.Code != http.StatusBadRequest) {
		return all, native, err
	}
	native, all = false, nil
	list := ref
	list.Digest, list.Tag = "", image.FallbackTag(ref.Digest)
	err = each(ctx, list, logins, func(ctx context.Context, e Endpoint, l *image.Login) error {
		all = nil
		body, _, err := c.manifest(ctx, e, l, list)
		if err != nil {
			return err
		}
		return read(body)
	})
	if f, ok := errors.AsType[*image.Failure](err); ok && f.Reason == image.ReasonNotFound {
		err = nil
	}
	return all, native, err
}

// readReferrers reads one page of a list.
func readReferrers(body []byte) ([]Referrer, error) {
	var page struct {
		Manifests []json.RawMessage `json:"manifests"`
	}
	if json.Unmarshal(body, &page) != nil {
		return nil, unlike("its list of referrers is not JSON")
	}
	var out []Referrer
	for _, raw := range page.Manifests {
		var d struct{ MediaType, Digest, ArtifactType string }
		if json.Unmarshal(raw, &d) != nil || !image.IsDigest(d.Digest) {
			return nil, unlike("its list of referrers names content without a sha256 digest")
		}
		out = append(out, Referrer{Digest: d.Digest, MediaType: d.MediaType, ArtifactType: d.ArtifactType, raw: raw})
	}
	return out, nil
}
