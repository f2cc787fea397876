// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // the one storage the lab uses
	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"
)

// Main runs the registry until it is told to stop and returns its exit code.
func Main(args []string) int {
	o := Options{Secret: rand.Text()}
	flags := pflag.NewFlagSet("registry", pflag.ContinueOnError)
	flags.StringVar(&o.Root, "root", "", "directory of the images")
	flags.StringArrayVar(&o.Listen, "listen", nil, "address to listen on; may be repeated")
	flags.StringArrayVar(&o.Notify, "notify", nil, "URL that each push is posted to; may be repeated")
	if err := flags.Parse(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := serve(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, o Options) error {
	logrus.SetFormatter(&calm{next: &logrus.TextFormatter{DisableColors: true}, every: 10 * time.Minute, now: time.Now})
	logrus.SetLevel(logrus.WarnLevel)
	app := handlers.NewApp(ctx, configure(o))
	server := &http.Server{Handler: app, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, len(o.Listen))
	for _, addr := range o.Listen {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return fmt.Errorf("opening the registry's port: %w", err)
		}
		go func() { failed <- server.Serve(l) }()
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serving on %v: %w", o.Listen, err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return server.Close() // a client that will not hang up has had its time
	}
	return nil
}
