// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// store is a registry in memory that counts what it is asked.
type store struct {
	front *httptest.Server

	dead atomic.Bool

	mu    sync.Mutex
	asked map[string]int // "METHOD tags"
}

func newStore() *store {
	s := &store{asked: map[string]int{}}
	behind := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s.front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := "other"
		switch dir, last := path.Split(r.URL.Path); {
		case strings.HasSuffix(dir, "/manifests/") && strings.HasPrefix(last, "sha256"):
			kind = "manifests" // and what may be attached to one
		case strings.HasSuffix(dir, "/manifests/"):
			kind = "tags"
		case strings.HasSuffix(dir, "/blobs/"):
			kind = "blobs"
		}
		s.mu.Lock()
		s.asked[r.Method+" "+kind]++
		s.mu.Unlock()
		if s.dead.Load() {
			<-r.Context().Done()
			return
		}
		behind.ServeHTTP(w, r)
	}))
	return s
}

// host is how images name the registry.
func (s *store) host() string { return strings.TrimPrefix(s.front.URL, "http://") }

// hang lets nobody have an answer any more.
func (s *store) hang() { s.dead.Store(true) }

// take gives what was asked, and begins anew.
func (s *store) take() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := maps.Clone(s.asked)
	clear(s.asked)
	return out
}

// uploads are requests that bring something.
func uploads(asked map[string]int) (n int) {
	for what, times := range asked {
		if !strings.HasPrefix(what, "GET ") && !strings.HasPrefix(what, "HEAD ") {
			n += times
		}
	}
	return n
}

func all(asked map[string]int) (n int) {
	for _, times := range asked {
		n += times
	}
	return n
}

func (s *store) image(i int) string { return fmt.Sprintf("%s/apps/app%d:v%d", s.host(), i%50, i) }

// push pushes the i-th image: a layer that all have, and a config of its own.
func (s *store) push(i int) error {
	layer := static.NewLayer([]byte("what all have in common"), types.OCILayer)
	img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), layer)
	if err != nil {
		return fmt.Errorf("making an image: %w", err)
	}
	img, err = mutate.Config(img, v1.Config{Labels: map[string]string{"image": fmt.Sprint(i)}})
	if err != nil {
		return fmt.Errorf("making an image: %w", err)
	}
	ref, err := name.ParseReference(s.image(i), name.Insecure)
	if err != nil {
		return fmt.Errorf("naming an image: %w", err)
	}
	if err := remote.Write(ref, img); err != nil {
		return fmt.Errorf("pushing %s: %w", ref, err)
	}
	return nil
}
