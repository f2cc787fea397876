// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/pflag"

	"rhumb.run/rhumb/lab/internal/front"
	"rhumb.run/rhumb/lab/internal/password"
	"rhumb.run/rhumb/lab/internal/pki"
	"rhumb.run/rhumb/lab/internal/program"
	"rhumb.run/rhumb/lab/internal/registry"
	"rhumb.run/rhumb/lab/internal/socket"
)

// options are where the hub listens, and what it needs for answering.
type options struct {
	listen, socket, pki, password, root string
	names                               []string
}

// Main runs the hub until it is told to stop and returns its exit code.
func Main(args []string) int {
	var o options
	flags := pflag.NewFlagSet("hub", pflag.ContinueOnError)
	flags.StringVar(&o.listen, "listen", "", "address to listen on")
	flags.StringVar(&o.socket, "socket", "", "socket for who runs the lab")
	flags.StringVar(&o.root, "root", "", "directory of the images")
	flags.StringVar(&o.pki, "pki", "", "directory of the authority")
	flags.StringVar(&o.password, "password-file", "", "password of user "+password.User+"; made if it is not there")
	flags.StringSliceVar(&o.names, "name", nil, "name to answer for; may be repeated")
	return program.Main(flags, args, func(ctx context.Context) error { return serve(ctx, o) })
}

func serve(ctx context.Context, o options) error {
	authority, err := pki.OpenAuthority(o.pki, front.Authority)
	if err != nil {
		return err
	}
	secret, err := password.Keep(o.password)
	if err != nil {
		return err
	}
	certificates := map[string]*tls.Certificate{}
	for _, name := range o.names {
		if certificates[name], err = authority.Issue(name); err != nil {
			return err
		}
	}
	h := New(registry.Handler(ctx, registry.Options{Root: o.root, Secret: rand.Text()}), secret, time.Now)
	inside, err := socket.Listen(o.socket)
	if err != nil {
		return fmt.Errorf("opening the hub's socket: %w", err)
	}
	own := &http.Server{Handler: h.Inside(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = own.Serve(inside) }()
	defer func() { _ = own.Close() }()
	server := &http.Server{Handler: h, TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if c := certificates[hostname(hello.ServerName)]; c != nil {
				return c, nil
			}
			return nil, fmt.Errorf("no certificate for %q: that is no name of the hub", hello.ServerName)
		}}}
	return program.Serve(ctx, "the hub", server, o.listen)
}
