// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

// Host is the registry that an archive is to the copy engine. Nobody else has that name.
const Host = "archive.invalid"

// Repository is where an image lies in an archive's registry: its original's host and path.
func Repository(origin image.Ref) string {
	at, err := (clone.Target{Host: Host}).Of(origin)
	if err != nil {
		return origin.Repository // it was parsed: it has a name
	}
	return at.Repository
}

// Place is an image in an archive, as the copy engine names it.
func Place(origin image.Ref) image.Ref {
	r := image.Ref{Host: Host, Repository: Repository(origin), Tag: origin.Tag}
	if r.Tag == "" {
		r.Digest = origin.Digest
	}
	r.Name = Host + "/" + r.Repository
	r.Written = canonical(origin)
	return r
}

// Served is an archive that listens.
type Served struct {
	// URL is where; Login is who may ask there.
	URL   string
	Login image.Login

	server   *http.Server
	listener net.Listener
}

// Serve makes a registry of the archive, on loopback, until Stop.
func (a *Archive) Serve() (*Served, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serving the archive to the copy engine: %w", err)
	}
	s := &Served{
		URL:      "http://" + l.Addr().String(),
		Login:    image.Login{Host: Host, From: "the archive", Username: "rhumb", Password: image.Secret(rand.Text())},
		listener: l,
	}
	s.server = &http.Server{Handler: locked(a.Handler(), s.Login), ReadHeaderTimeout: 10 * time.Second}
	go s.server.Serve(l) //nolint:errcheck // it ends when it is closed
	return s, nil
}

// Stop ends it.
func (s *Served) Stop() error { return s.server.Close() }

// locked lets in who has the login: other users of the machine may reach loopback too.
func locked(next http.Handler, l image.Login) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		if subtle.ConstantTimeCompare([]byte(password), []byte(l.Password)) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="archive"`)
			refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "this archive is another's")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Handler is the archive as a registry: what the distribution API takes to copy from and to it.
func (a *Archive) Handler() http.Handler {
	parts := []part{
		{"/manifests/", a.manifests},
		{"/blobs/uploads/", a.uploads},
		{"/blobs/", a.blobs},
		{"/referrers/", a.refer},
		{"/tags/list", a.list},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutPrefix(r.URL.Path, "/v2/")
		if !ok || path == "" {
			return
		}
		// A repository may be called as any of them: the last counts.
		last, at := part{}, -1
		for _, p := range parts {
			if i := strings.LastIndex(path, p.mark); i > at {
				last, at = p, i
			}
		}
		if at < 0 {
			refuse(w, http.StatusNotFound, "UNSUPPORTED", "an archive has no such thing")
			return
		}
		last.serve(w, r, path[:at], path[at+len(last.mark):])
	})
}

// part is one sort of request.
type part struct {
	mark  string
	serve func(w http.ResponseWriter, r *http.Request, repository, rest string)
}

func refuse(w http.ResponseWriter, status int, code, words string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, words) //nolint:errcheck // whoever asked has gone
}

// failed answers what an attempt to write came to.
func failed(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errWrongSize):
		refuse(w, http.StatusBadRequest, "SIZE_INVALID", errWrongSize.Error())
	case errors.Is(err, errWrongDigest):
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID", errWrongDigest.Error())
	default:
		refuse(w, http.StatusInsufficientStorage, "UNKNOWN", err.Error())
	}
}

func digestOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}
