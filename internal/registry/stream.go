// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"rhumb.run/rhumb/internal/core/image"
)

// stream is a blob on its way from the source. It passes the last bytes on only if all of them are the blob's, so that
// nobody stores what is not; what goes wrong with it is the source's fault, and kept apart from what the target says.
type stream struct {
	run  *copying
	want descriptor

	mu  sync.Mutex // the transport may read yet when the request has ended
	err error
}

// open begins to read the blob, from the start.
func (s *stream) open(ctx context.Context) (io.ReadCloser, error) {
	var from io.ReadCloser
	r := s.run
	err := r.Client.source(ctx, r.Source, r.SourceLogins, func(ctx context.Context, e Endpoint, l *image.Login) error {
		resp, err := r.Client.do(ctx, e, l, ask{method: http.MethodGet, repository: r.Source.Repository, path: "blobs/" + s.want.Digest, download: true})
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return bad(resp)
		}
		from = resp.Body
		return nil
	})
	if err != nil {
		return nil, s.fail(err)
	}
	return &proven{ReadCloser: from, s: s, hash: sha256.New()}, nil
}

func (s *stream) fail(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil { // what follows the first is its consequence
		s.err = err
	}
	return err
}

// failure is what went wrong with the source, if anything did.
func (s *stream) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// proven is one reading of a stream.
type proven struct {
	io.ReadCloser
	s    *stream
	hash hash.Hash
	read int64
	over atomic.Bool
}

// Close is what the transport does when the target has heard enough: what is read after that is nobody's fault.
func (p *proven) Close() error {
	p.over.Store(true)
	return p.ReadCloser.Close()
}

func (p *proven) Read(b []byte) (int, error) {
	want := p.s.want
	if left := want.Size - p.read; int64(len(b)) > left+1 {
		b = b[:left+1] // one byte too many is enough to tell
	}
	n, err := p.ReadCloser.Read(b)
	p.hash.Write(b[:n])
	p.read += int64(n)
	p.s.run.add(&p.s.run.sent, int64(n))
	switch {
	case p.over.Load():
		return 0, io.ErrClosedPipe
	case p.read > want.Size:
		return 0, p.s.fail(mismatch(want.Digest, fmt.Sprintf("more than %d bytes", want.Size)))
	case errors.Is(err, io.EOF) && p.read < want.Size:
		return 0, p.s.fail(&answer{reason: image.ReasonUnreachable, words: fmt.Sprintf("it ended after %d of %d bytes", p.read, want.Size)})
	case err != nil && !errors.Is(err, io.EOF):
		return 0, p.s.fail(err)
	case p.read == want.Size:
		if got := "sha256:" + hex.EncodeToString(p.hash.Sum(nil)); got != want.Digest {
			return 0, p.s.fail(mismatch(want.Digest, got))
		}
	}
	return n, err
}
