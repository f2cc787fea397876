// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
)

const (
	// prefix of the paths is Cartographer's: its webhook configuration would find us.
	prefix = "/validate-carto-run-v1alpha1-"
	// maxBody has room for two of the largest objects that an API server stores.
	maxBody = 8 << 20
	// patience is how long one question may take to arrive, and its answer to leave.
	patience = 10 * time.Second
)

// Server answers on every replica, whoever holds the lease.
type Server struct {
	// Address to listen on. Listener, if there is one, is used in its place.
	Address  string
	Listener net.Listener
	// Certificate is what the API server is shown.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Images, if set, are what pods are asked about for.
	Images Images
}

// NeedLeaderElection is false: the API server asks any replica.
func (*Server) NeedLeaderElection() bool { return false }

// Start answers until ctx ends.
func (s *Server) Start(ctx context.Context) error {
	listener := s.Listener
	if listener == nil {
		var err error
		if listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", s.Address); err != nil {
			return fmt.Errorf("listening for admission reviews (see --webhook-bind-address): %w", err)
		}
	}
	server := &http.Server{
		Handler:           Handler(s.Images),
		TLSConfig:         &tls.Config{GetCertificate: s.Certificate, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: patience,
		ReadTimeout:       patience,
		WriteTimeout:      patience,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		// Whoever connects without knowing our certificate is no news.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(listener, "", "") }()
	select {
	case err := <-ended:
		return fmt.Errorf("answering admission reviews: %w", err)
	case <-ctx.Done():
	}
	// The questions that are there already are answered.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return fmt.Errorf("ending the admission server: %w", err)
	}
	return nil
}

// Handler answers a review on the path of each kind, and on that of pods if anything is known of images.
func Handler(images Images) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, ours := strings.CutPrefix(r.URL.Path, prefix)
		_, known := judged[kind]
		judge := func(_ context.Context, question []byte) (*admissionv1.AdmissionReview, error) {
			return answer(kind, question)
		}
		if r.URL.Path == podsPath && images != nil {
			kind, ours, known = podKind, true, true
			judge = func(ctx context.Context, question []byte) (*admissionv1.AdmissionReview, error) {
				return answerPod(ctx, images, question)
			}
		}
		if !ours || !known {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodPost {
			http.Error(w, "reviews are posted", http.StatusMethodNotAllowed)
			return
		}
		status, body := review(r.Context(), kind, http.MaxBytesReader(w, r.Body, maxBody), judge)
		if status != http.StatusOK {
			http.Error(w, string(body), status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})
}

// judgement answers a question.
type judgement func(ctx context.Context, question []byte) (*admissionv1.AdmissionReview, error)

// review reads a question and answers it. One that makes us panic is answered, too.
func review(ctx context.Context, kind string, from io.Reader, judge judgement) (status int, body []byte) {
	defer func() {
		if p := recover(); p != nil {
			count(kind, verdictError)
			status, body = http.StatusInternalServerError, []byte("judging the object failed")
		}
	}()
	question, err := io.ReadAll(from)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		count(kind, verdictError)
		return http.StatusRequestEntityTooLarge, fmt.Appendf(nil, "a review has at most %d bytes", maxBody)
	}
	if err != nil {
		count(kind, verdictError)
		return http.StatusBadRequest, []byte("reading the review: " + err.Error())
	}
	said, err := judge(ctx, question)
	if err != nil {
		count(kind, verdictError)
		return http.StatusBadRequest, []byte(err.Error())
	}
	if body, err = json.Marshal(said); err != nil {
		count(kind, verdictError)
		return http.StatusInternalServerError, []byte("encoding the answer: " + err.Error())
	}
	count(kind, verdictOf(said.Response.Allowed))
	return http.StatusOK, body
}
