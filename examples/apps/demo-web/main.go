// SPDX-License-Identifier: Apache-2.0

// Command demo-web is the application that the simple supply chain deploys: a
// web server that answers every request with one line, chosen when it is built.
//
//	go build -ldflags "-X 'main.text=the second build'" ./examples/apps/demo-web
//
// Two builds with two texts are two images, so a roll can be seen from outside.
// It never reads a file, the environment or the network beyond its one port.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os/signal"
	"syscall"
	"time"
)

// text is what every request is answered with; -ldflags sets it.
var text = "hello from demo-web"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, ":8080"); err != nil {
		log.Fatal(err)
	}
}

// serve answers until ctx ends, then lets requests in flight finish: a rolling
// Deployment drops none of them.
func serve(ctx context.Context, addr string) error {
	srv := &http.Server{Addr: addr, Handler: answer(text), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	select {
	case err := <-ended:
		return fmt.Errorf("listening on %s: %w", addr, err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stopping: %w", err)
	}
	return nil
}

// answer is a handler that says s, whatever is asked.
func answer(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintln(w, s)
	})
}
