// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rhumb.run/rhumb/internal/core/image"
)

// What may be heard of all senders together.
const (
	maxHook     = 1 << 20
	hooksPerSec = 50
	hooksBurst  = 200
	hooksAtOnce = 32
	// hookPatience is how long a notification may take to arrive.
	hookPatience = 10 * time.Second
)

// answer is what a sender is told; text is empty if all is well.
type answer struct {
	code int
	text string
}

// accepted answers whatever can be read, so that nobody learns what is known here.
var accepted = answer{code: http.StatusAccepted}

func counted(total *prometheus.CounterVec, hear func(http.ResponseWriter, *http.Request) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a := hear(w, r)
		total.WithLabelValues(strconv.Itoa(a.code)).Inc()
		if a.text != "" {
			http.Error(w, a.text, a.code)
			return
		}
		w.WriteHeader(a.code)
	}
}

func (s *Server) registryHook(w http.ResponseWriter, r *http.Request) answer {
	if !bears(r, s.o.HookToken) {
		return answer{http.StatusUnauthorized, "want the bearer token of this hook"}
	}
	if !s.hooks.Allow() {
		return tooMany(w)
	}
	body, refusal := s.read(w, r)
	if refusal.code != 0 {
		return refusal
	}
	pushed, err := readHook(body)
	if err != nil {
		return answer{http.StatusBadRequest, err.Error()}
	}
	if len(pushed) > 0 && s.o.Notify != nil {
		s.o.Notify(r.Context(), pushed)
	}
	return accepted
}

// gitHook has to read what is signed before it can tell whose it is: those who only pretend to have signed must not take
// the turns of those who have.
func (s *Server) gitHook(w http.ResponseWriter, r *http.Request) answer {
	turns, sum := s.hooks, signature(r)
	if sum != "" {
		turns = s.signed
	} else if !bears(r, s.o.HookToken) && !shows(r.Header.Get("X-Gitlab-Token"), s.o.HookToken) {
		return answer{http.StatusUnauthorized, "want this hook's token, or a signature made with it"}
	}
	if !turns.Allow() {
		return tooMany(w)
	}
	body, refusal := s.read(w, r)
	switch {
	case refusal.code != 0:
		return refusal
	case sum != "" && !signs(sum, body, s.o.HookToken):
		return answer{http.StatusUnauthorized, "the signature was not made with this hook's token"}
	}
	pushed, err := readGitHook(r.Header.Get("Content-Type"), body)
	if err != nil {
		return answer{http.StatusBadRequest, err.Error()}
	}
	if len(pushed.Addresses) > 0 && len(pushed.Refs) > 0 && s.o.Pushed != nil {
		s.o.Pushed(r.Context(), pushed)
	}
	return accepted
}

func tooMany(w http.ResponseWriter) answer {
	w.Header().Set("Retry-After", "1")
	return answer{http.StatusTooManyRequests, "too many notifications"}
}

// read takes as much as a notification may have, from a few at a time and from nobody for long: what it has to keep
// before it knows who they are is bounded.
func (s *Server) read(w http.ResponseWriter, r *http.Request) ([]byte, answer) {
	select {
	case s.reading <- struct{}{}:
		defer func() { <-s.reading }()
	default:
		return nil, tooMany(w)
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(hookPatience)) // where there is a connection
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHook))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, answer{http.StatusRequestEntityTooLarge, "the notification is too large"}
	}
	if err != nil {
		return nil, answer{http.StatusBadRequest, "the notification ended early"}
	}
	return body, answer{}
}

func bears(r *http.Request, token image.Secret) bool {
	return shows(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), token)
}

// shows compares in a time that tells nothing about the token, not even its length.
func shows(shown string, token image.Secret) bool {
	if token == "" {
		return true
	}
	got, want := sha256.Sum256([]byte(shown)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// signature is the HMAC of the body by which GitHub, Gitea, Forgejo and Bitbucket show that they know the token.
func signature(r *http.Request) string {
	for _, header := range []string{"X-Hub-Signature-256", "X-Hub-Signature"} {
		if sum, ok := strings.CutPrefix(r.Header.Get(header), "sha256="); ok {
			return sum
		}
	}
	return r.Header.Get("X-Gitea-Signature")
}

func signs(sum string, body []byte, token image.Secret) bool {
	if token == "" {
		return true
	}
	got, err := hex.DecodeString(sum)
	mac := hmac.New(sha256.New, []byte(token))
	_, _ = mac.Write(body)
	return err == nil && hmac.Equal(got, mac.Sum(nil))
}
