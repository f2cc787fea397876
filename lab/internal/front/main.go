// SPDX-License-Identifier: Apache-2.0

package front

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/pflag"

	"rhumb.run/rhumb/lab/internal/password"
	"rhumb.run/rhumb/lab/internal/pki"
	"rhumb.run/rhumb/lab/internal/program"
)

// Authority is the name of the one that signs for outside names.
const Authority = "outside-ca"

// options are where the front listens, and what it needs for answering.
type options struct {
	listen, pki, password string
	git, registry         string // URLs behind
	names                 Names
}

// Main runs the front until it is told to stop and returns its exit code.
func Main(args []string) int {
	var o options
	flags := pflag.NewFlagSet("front", pflag.ContinueOnError)
	flags.StringVar(&o.listen, "listen", "", "address to listen on")
	flags.StringVar(&o.pki, "pki", "", "directory of the authority")
	flags.StringVar(&o.password, "password-file", "", "password of user "+password.User+" of the registry; made if it is not there")
	flags.StringVar(&o.git, "git", "", "URL of the git server")
	flags.StringVar(&o.registry, "registry", "", "URL of the registry")
	flags.StringSliceVar(&o.names.Git, "git-name", nil, "name that the git server answers for; may be repeated")
	flags.StringSliceVar(&o.names.Registry, "registry-name", nil, "name that the registry answers for; may be repeated")
	return program.Main(flags, args, func(ctx context.Context) error { return serve(ctx, o) })
}

func serve(ctx context.Context, o options) error {
	authority, err := pki.OpenAuthority(o.pki, Authority)
	if err != nil {
		return err
	}
	if o.names.Password, err = password.Keep(o.password); err != nil {
		return err
	}
	if o.names.GitURL, err = url.Parse(o.git); err != nil {
		return fmt.Errorf("reading the git server's URL: %w", err)
	}
	if o.names.RegistryURL, err = url.Parse(o.registry); err != nil {
		return fmt.Errorf("reading the registry's URL: %w", err)
	}
	f := New(authority, o.names)
	server := &http.Server{Handler: f, TLSConfig: &tls.Config{GetCertificate: f.Certificate, MinVersion: tls.VersionTLS12}}
	return program.Serve(ctx, "HTTPS", server, o.listen)
}
