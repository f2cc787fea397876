// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

// verifies are what it takes to say that a copy is whole.
var verifies = map[string]func(*copying){
	"VerifyWhole":       (*copying).verifyWhole,
	"VerifyLost":        (*copying).verifyLost,
	"VerifyOther":       (*copying).verifyOther,
	"VerifyUnreachable": (*copying).verifyUnreachable,
}

func (c *copying) verified() (registry.Found, error) {
	c.Helper()
	digest := Push(c.T, c.source.URL, "apps/demo:1", two(c.T))
	c.must(c.job("apps/demo:1"))
	return c.copier.Client.Verify(c.Context(), c.ref(Target+"/apps/demo:1").At(digest), nil)
}

func (c *copying) verifyWhole() {
	found, err := c.verified()
	// An index, two images, their configs, the layer that they share and one of each.
	if err != nil || found.Manifests != 3 || found.Blobs != 5 || found.Bytes == 0 || len(found.Lacks) > 0 {
		c.Errorf("found %+v: %v", found, err)
	}
}

// verifyLost: a registry that lost one blob says of the tag that all is well.
func (c *copying) verifyLost() {
	var lost atomic.Pointer[string]
	c.target.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if _, digest, is := strings.Cut(r.URL.Path, "/apps/demo/blobs/sha256:"); is && r.Method == http.MethodHead && c.copied() {
			lost.CompareAndSwap(nil, &digest)
			if digest == *lost.Load() {
				http.NotFound(w, r)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
	found, err := c.verified()
	if err != nil || len(found.Lacks) != 1 || !strings.Contains(found.Lacks[0], "blob sha256:"+*lost.Load()) {
		c.Errorf("found %+v: %v", found, err)
	}
}

// copied says whether the target has taken the tag yet, which is written last.
func (c *copying) copied() bool {
	return slices.ContainsFunc(c.target.Requests(), func(q Request) bool {
		return q.Method == http.MethodPut && q.Path == "/v2/apps/demo/manifests/1" && q.Code == http.StatusCreated
	})
}

// verifyOther: a blob of another length is another blob.
func (c *copying) verifyOther() {
	c.target.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.Contains(r.URL.Path, "/blobs/sha256:") && r.Method == http.MethodHead && c.copied() {
			w.Header().Set("Content-Length", "7")
			return
		}
		next.ServeHTTP(w, r)
	})
	found, err := c.verified()
	if err != nil || len(found.Lacks) != 5 || !strings.Contains(found.Lacks[0], "it answered 7 bytes where") {
		c.Errorf("found %+v: %v", found, err)
	}
}

// verifyUnreachable: no answer is not the answer that something is missing.
func (c *copying) verifyUnreachable() {
	c.target.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.Contains(r.URL.Path, "/blobs/sha256:") && r.Method == http.MethodHead && c.copied() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
	found, err := c.verified()
	if Reason(err) != image.ReasonRemote || len(found.Lacks) > 0 {
		c.Errorf("found %+v: %v", found, err)
	}
}
