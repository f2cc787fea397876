// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/core/push"
)

const (
	answerTimeout = 30 * time.Minute
	shutdown      = 20 * time.Second
)

// Source knows what may be served.
type Source interface {
	// Tree returns how the tarball of a digest is made, if an object of that name may hand it out; nil if there is none such,
	// whatever the cause. Other errors are *image.Failure.
	Tree(ctx context.Context, namespace, name, digest string) (func(ctx context.Context, w io.Writer) error, error)
}

// Options are what a Server needs.
type Options struct {
	// Addr is where to listen, such as ":9090".
	Addr   string
	Source Source
	Cache  *Cache
	// Notify is told what registries say was pushed; nil if nobody listens.
	Notify func(ctx context.Context, pushed []image.Pushed)
	// Pushed is told what git servers say was pushed; nil if nobody listens.
	Pushed func(ctx context.Context, pushed push.Pushed)
	// HookToken, if set, is what a registry has to show as a bearer token, and a git server in a way of its own.
	HookToken image.Secret
	Log       logr.Logger
}

// Server serves tarballs and hears hooks. It needs no leadership: each replica serves.
type Server struct {
	o   Options
	mux *http.ServeMux
	// hooks are the turns of those who are known, signed of those who say that they are.
	hooks, signed *rate.Limiter
	// reading bounds the notifications that are being read: nobody knows yet who sends them.
	reading chan struct{}
}

// New makes a server.
func New(o Options) *Server {
	registerMetrics()
	s := &Server{o: o, mux: http.NewServeMux(), hooks: rate.NewLimiter(hooksPerSec, hooksBurst), signed: rate.NewLimiter(hooksPerSec, hooksBurst), reading: make(chan struct{}, hooksAtOnce)}
	s.mux.HandleFunc("GET /imagerepository/{namespace}/{name}/{file}", s.tarball)
	s.mux.HandleFunc("POST /hooks/registry", counted(hooksTotal, s.registryHook))
	s.mux.HandleFunc("POST /hooks/git", counted(gitHooksTotal, s.gitHook))
	return s
}

// Path is where the tarball of a digest is served; the digest is sha256:<hex>.
func Path(namespace, name, digest string) string {
	return "imagerepository/" + namespace + "/" + name + "/" + strings.TrimPrefix(digest, "sha256:") + suffix
}

// NeedLeaderElection is false, so that a Service may send a request to any replica.
func (s *Server) NeedLeaderElection() bool { return false }

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Start serves until the context ends.
func (s *Server) Start(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.o.Addr)
	if err != nil {
		return fmt.Errorf("listening for artifact requests: %w", err)
	}
	return s.Serve(ctx, l)
}

// Serve serves on a listener until the context ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	hs := &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		WriteTimeout: answerTimeout, MaxHeaderBytes: 64 << 10,
	}
	done := make(chan error, 1)
	go func() { done <- hs.Serve(l) }()
	s.o.Log.Info("serving artifacts", "address", l.Addr().String())
	select {
	case err := <-done:
		return fmt.Errorf("serving artifacts: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
	defer cancel()
	if hs.Shutdown(end) != nil {
		_ = hs.Close()
	}
	return nil
}

var (
	nameRE = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	fileRE = regexp.MustCompile(`^[0-9a-f]{64}\.tar\.gz$`)
)

// tarball answers HEAD without making anything: whoever only looks has not asked for it.
func (s *Server) tarball(w http.ResponseWriter, r *http.Request) {
	namespace, name, file := r.PathValue("namespace"), r.PathValue("name"), r.PathValue("file")
	if !nameRE.MatchString(namespace) || !nameRE.MatchString(name) || !fileRE.MatchString(file) {
		http.Error(w, "no such artifact", http.StatusNotFound)
		return
	}
	id := strings.TrimSuffix(file, suffix)
	tree, err := s.o.Source.Tree(r.Context(), namespace, name, "sha256:"+id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if tree == nil {
		http.Error(w, "no such artifact", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/gzip")
	w.Header().Set("ETag", `"sha256:`+id+`"`)
	f, ok := s.o.Cache.Open(id)
	if !ok && r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	if !ok {
		if f, err = s.o.Cache.Get(r.Context(), id, tree); err != nil {
			w.Header().Del("ETag")
			s.fail(w, r, err)
			return
		}
	}
	defer func() { _ = f.Close() }()
	if r.Method == http.MethodGet {
		servedTotal.Inc()
	}
	http.ServeContent(w, r, "", time.Time{}, f)
}

// fail says why, with the reason that the object's status would show.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var f *image.Failure
	if !errors.As(err, &f) {
		if r.Context().Err() == nil {
			s.o.Log.Error(err, "artifact not served", "path", r.URL.Path)
		}
		http.Error(w, "the artifact could not be made here", http.StatusInternalServerError)
		return
	}
	s.o.Log.Info("artifact not served", "path", r.URL.Path, "reason", f.Reason, "why", f.Error())
	code := http.StatusBadGateway
	switch f.Reason {
	case image.ReasonNotFound:
		code = http.StatusNotFound
	case image.ReasonUnauthorized, image.ReasonSecretNotFound, image.ReasonSecretInvalid, image.ReasonAccountNotFound:
		code = http.StatusForbidden
	case image.ReasonNoTree:
		code = http.StatusUnprocessableEntity
	case image.ReasonUnreachable:
		code = http.StatusGatewayTimeout
	case image.ReasonThrottled:
		code = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", strconv.Itoa(int(max(f.After, time.Second)/time.Second)))
	}
	http.Error(w, f.Reason+": "+f.Error(), code)
}
