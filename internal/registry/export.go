// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/klauspost/compress/zstd"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry/tree"
)

const maxZstdWind = 64 << 20

// Exporter makes tarballs of images.
type Exporter struct {
	Client *Client
	// Platform is which image of an index is taken, such as linux/amd64.
	Platform string
	// Dir holds what is in the making; it is left empty.
	Dir string
	// Limits bound one image.
	Limits tree.Limits
}

// Export writes the file tree of one digest as a tar.gz. Each manifest and layer is hashed before it is used; what is written
// depends on the digest and the platform alone. The error is an *image.Failure unless w failed.
func (x *Exporter) Export(ctx context.Context, ref image.Ref, logins image.Logins, w io.Writer) error {
	m, err := x.image(ctx, ref, logins)
	if err != nil {
		return err
	}
	spool, err := x.temp("spool-*")
	if err != nil {
		return err
	}
	defer discard(spool)
	t := tree.New(spool, x.Limits)
	for _, l := range m.Layers {
		if err := x.layer(ctx, ref, logins, l, t); err != nil {
			return err
		}
	}
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return fmt.Errorf("packing the tree: %w", err)
	}
	if err := t.Write(z); err != nil {
		return fmt.Errorf("packing the tree: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("packing the tree: %w", err)
	}
	return nil
}

// Resolve asks what digest a reference has, as Client does.
func (x *Exporter) Resolve(ctx context.Context, ref image.Ref, logins image.Logins) (string, error) {
	return x.Client.Resolve(ctx, ref, logins)
}

// image fetches the manifest that the digest names, or the one for our platform if it names an index.
func (x *Exporter) image(ctx context.Context, ref image.Ref, logins image.Logins) (manifest, error) {
	m, err := x.Client.fetchManifest(ctx, ref, logins)
	if err != nil {
		return m, err
	}
	if len(m.Manifests) > 0 {
		d, err := choose(m, x.Platform)
		if err != nil {
			return m, asFailure(err)
		}
		if m, err = x.Client.fetchManifest(ctx, ref.At(d.Digest), logins); err != nil {
			return m, err
		}
		if len(m.Manifests) > 0 {
			return m, asFailure(noTree("its index holds an index"))
		}
	}
	if err := tarLayers(m); err != nil {
		return m, asFailure(err)
	}
	return m, nil
}

func (c *Client) fetchManifest(ctx context.Context, ref image.Ref, logins image.Logins) (manifest, error) {
	var body []byte
	err := c.each(ctx, ref, logins, func(ctx context.Context, e Endpoint, l *image.Login) error {
		var err error
		body, _, err = c.manifest(ctx, e, l, ref)
		return err
	})
	if err != nil {
		return manifest{}, err
	}
	m, err := readManifest(body)
	if err != nil {
		return m, asFailure(err)
	}
	return m, nil
}

// layer fetches one layer whole, hashes it, and only then unpacks it.
func (x *Exporter) layer(ctx context.Context, ref image.Ref, logins image.Logins, d descriptor, t *tree.Tree) error {
	if d.Size > x.Limits.Bytes {
		return asFailure(noTree("a layer is larger than %d bytes", x.Limits.Bytes))
	}
	blob, err := x.temp("layer-*")
	if err != nil {
		return err
	}
	defer discard(blob)
	err = x.Client.each(ctx, ref, logins, func(ctx context.Context, e Endpoint, l *image.Login) error {
		if _, err := blob.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := blob.Truncate(0); err != nil {
			return err
		}
		return x.Client.blob(ctx, e, l, ref.Repository, d, blob)
	})
	if err != nil {
		return err
	}
	if _, err := blob.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading layer: %w", err)
	}
	r, end, err := unpacked(blob)
	if err != nil {
		return asFailure(noTree("layer %s: %v", d.Digest, err))
	}
	defer end()
	if err := t.Apply(r); err != nil {
		return asFailure(noTree("%s", image.Bound(err.Error(), maxWords)))
	}
	return nil
}

// blob copies a blob to w and checks its length and hash. It ends when nothing has arrived for a while, however long the
// whole takes.
func (c *Client) blob(ctx context.Context, e Endpoint, l *image.Login, repository string, d descriptor, w io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := newAlarm(c.stall, func() { cancel(context.DeadlineExceeded) })
	defer alarm.stop()
	resp, err := c.do(ctx, e, l, ask{method: http.MethodGet, repository: repository, path: "blobs/" + d.Digest, download: true})
	if err != nil {
		return cause(ctx, err)
	}
	if resp.StatusCode != http.StatusOK {
		return bad(resp)
	}
	defer func() { _ = resp.Body.Close() }()
	alarm.wait(c.stall)
	h := sha256.New()
	body := &watched{r: io.LimitReader(resp.Body, d.Size+1), alarm: alarm}
	n, err := io.Copy(io.MultiWriter(w, h), body)
	if err != nil {
		return cause(ctx, fmt.Errorf("reading the layer: %w", err))
	}
	if got := "sha256:" + hex.EncodeToString(h.Sum(nil)); got != d.Digest || n != d.Size {
		if n > d.Size {
			got = fmt.Sprintf("more than %d bytes", d.Size)
		}
		return mismatch(d.Digest, got)
	}
	return nil
}

// unpacked sees by the first bytes how a layer is compressed, since media types are often wrong about it.
func unpacked(r io.Reader) (io.Reader, func(), error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("reading: %w", err)
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, nil, fmt.Errorf("unpacking gzip: %w", err)
		}
		return z, func() { _ = z.Close() }, nil
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWind))
		if err != nil {
			return nil, nil, fmt.Errorf("unpacking zstd: %w", err)
		}
		return z, z.Close, nil
	}
	return b, func() {}, nil
}

// temp makes a file that has no name any more, so that nothing is left of it whatever happens.
func (x *Exporter) temp(pattern string) (*os.File, error) {
	f, err := os.CreateTemp(x.Dir, pattern)
	if err != nil {
		return nil, fmt.Errorf("making room for the tree: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		discard(f)
		return nil, fmt.Errorf("making room for the tree: %w", err)
	}
	return f, nil
}

func discard(f *os.File) { _ = f.Close() }
