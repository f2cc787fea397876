// SPDX-License-Identifier: Apache-2.0

package git

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"rhumb.run/rhumb/lab/internal/password"
)

// User is the one who may push.
const User = password.User

// largest is the most that a push may send.
const largest = 1 << 30

// Server serves the repositories under Root.
type Server struct {
	Root     string
	Backend  string       // git-http-backend
	Password string       // of User
	Pushed   func([]Push) // told of each push that moved something

	pushing sync.Mutex // one push at a time, so that refs before and after are its own
}

// route is a repository and what of it is asked for. Only the smart protocol's
// three are served; a name has one or two parts.
var route = regexp.MustCompile(`^/((?:[a-zA-Z0-9][a-zA-Z0-9._-]*/)?[a-zA-Z0-9][a-zA-Z0-9._-]*?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)$`)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" {
		s.list(w, r)
		return
	}
	name, what, ok := asked(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	writes := what == "git-receive-pack" || what == "info/refs" && r.URL.Query().Get("service") == "git-receive-pack"
	if (writes || strings.HasPrefix(name, "private/")) && !s.known(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="rhumb-lab"`)
		http.Error(w, "who are you? The user is "+User, http.StatusUnauthorized)
		return
	}
	if writes {
		if err := s.ensure(r.Context(), name); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	if _, err := os.Stat(s.dir(name)); err != nil {
		http.NotFound(w, r)
		return
	}
	switch what {
	case "":
		s.show(w, r, name)
	case "git-receive-pack":
		s.push(w, r, name)
	default:
		s.backend(w, r, name, what)
	}
}

// asked says which repository a request is about, and what of it is asked for;
// nothing means its page.
func asked(r *http.Request) (name, what string, ok bool) {
	if m := route.FindStringSubmatch(r.URL.Path); m != nil {
		return m[1], m[2], true
	}
	if m := browsed.FindStringSubmatch(r.URL.Path); m != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return m[1], "", true
	}
	return "", "", false
}

// push lets git receive, and tells what moved.
func (s *Server) push(w http.ResponseWriter, r *http.Request, name string) {
	s.pushing.Lock()
	defer s.pushing.Unlock()
	before := s.refs(r.Context(), name)
	s.backend(w, r, name, "git-receive-pack")
	// A client that has hung up by now has pushed all the same.
	after := s.refs(detached(r), name)
	s.settle(detached(r), name, after)
	if moved := moves(name, before, after); len(moved) > 0 && s.Pushed != nil {
		s.Pushed(moved)
	}
}

func (s *Server) known(r *http.Request) bool {
	return password.Known(r, s.Password)
}

// backend runs git-http-backend for one request. CGI knows no chunked bodies,
// which is how git sends more than a mebibyte: they are written down first.
func (s *Server) backend(w http.ResponseWriter, r *http.Request, name, what string) {
	r.Body = http.MaxBytesReader(w, r.Body, largest)
	if r.ContentLength < 0 {
		file, size, err := spool(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		defer file.Close()
		r.Body, r.ContentLength, r.TransferEncoding = file, size, nil
	}
	r.URL.Path = "/" + name + ".git/" + what
	h := cgi.Handler{
		Path: s.Backend, Dir: s.Root,
		Env: append(environment(s.Root), "GIT_PROJECT_ROOT="+s.Root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER="+User),
	}
	h.ServeHTTP(w, r)
}

// spool writes a body to a file without a name.
func spool(body io.Reader) (*os.File, int64, error) {
	file, err := os.CreateTemp("", "push-*")
	if err != nil {
		return nil, 0, fmt.Errorf("receiving: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, 0, fmt.Errorf("receiving: %w", err)
	}
	size, err := io.Copy(file, body)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return nil, 0, fmt.Errorf("receiving: %w", err)
	}
	return file, size, nil
}

func (s *Server) dir(name string) string { return filepath.Join(s.Root, name+".git") }
