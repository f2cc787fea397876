// SPDX-License-Identifier: Apache-2.0

package program

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// Main reads flags and runs until the program is told to stop; it returns the
// exit code.
func Main(flags *pflag.FlagSet, args []string, run func(ctx context.Context) error) int {
	if err := flags.Parse(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// grace is how long clients have to finish.
const grace = 3 * time.Second

// Serve serves on all addresses until ctx ends, by TLS if the server has a
// configuration for it; what says whose ports they are.
func Serve(ctx context.Context, what string, server *http.Server, addresses ...string) error {
	server.ReadHeaderTimeout = 10 * time.Second
	serve := server.Serve
	if server.TLSConfig != nil {
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	defer func() { _ = server.Close() }() // whoever did not hang up has had their time
	failed := make(chan error, len(addresses))
	for _, addr := range addresses {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return fmt.Errorf("opening the port of %s: %w", what, err)
		}
		go func() { failed <- serve(l) }()
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serving %s on %v: %w", what, addresses, err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	_ = server.Shutdown(ending)
	return nil
}
