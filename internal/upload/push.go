// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Registry is how to reach one: without a login, docker's counts.
type Registry struct {
	// CA are files of certificates.
	CA                        []string
	Username, Password, Token string
}

// To is where a bundle goes.
type To struct {
	tag     name.Tag
	options []remote.Option
}

// Target reads where to put source: REGISTRY/REPOSITORY[:TAG], of which a
// digest that was added by an earlier upload is no part.
func Target(into string, r Registry) (*To, error) {
	into, _, _ = strings.Cut(into, "@")
	tag, err := name.NewTag(into)
	if err != nil {
		return nil, fmt.Errorf("--source-image %s: %w", into, err)
	}
	auth := remote.WithAuthFromKeychain(authn.DefaultKeychain)
	switch {
	case r.Token != "":
		auth = remote.WithAuth(authn.FromConfig(authn.AuthConfig{RegistryToken: r.Token}))
	case r.Username != "" && r.Password != "":
		auth = remote.WithAuth(&authn.Basic{Username: r.Username, Password: r.Password})
	case r.Username != "" || r.Password != "":
		return nil, errors.New("a login is --registry-username with --registry-password")
	}
	round, err := trusting(r.CA)
	if err != nil {
		return nil, err
	}
	return &To{tag, []remote.Option{auth, remote.WithTransport(round), remote.WithUserAgent("rhumb")}}, nil
}

// trusting adds certificates to those that the system trusts.
func trusting(files []string) (http.RoundTripper, error) {
	if len(files) == 0 {
		return remote.DefaultTransport, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, f := range files {
		pem, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("--registry-ca-cert: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--registry-ca-cert %s has no certificate", f)
		}
	}
	t, ok := remote.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the registry client has a transport of its own")
	}
	t = t.Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// Name is the repository and tag.
func (t *To) Name() string { return t.tag.Name() }

// Reference is what a workload names: the tag for people, the digest for all others.
func (t *To) Reference(b *Bundle) string { return t.tag.Name() + "@" + b.Digest() }

// Push sends a bundle, unless the registry has it. It says whether it did.
func (t *To) Push(ctx context.Context, b *Bundle) (bool, error) {
	options := append(slices.Clip(t.options), remote.WithContext(ctx))
	if d, err := remote.Head(t.tag, options...); err == nil && d.Digest.String() == b.Digest() {
		return false, nil
	}
	if held, err := remote.Get(t.tag.Digest(b.Digest()), options...); err == nil {
		// It was pushed before, and is to have the tag again: registries clear away what has none.
		if err := remote.Tag(t.tag, held, options...); err != nil {
			return false, explained(err, t.tag.RegistryStr())
		}
		return false, nil
	}
	if err := remote.Write(t.tag, b.image, options...); err != nil {
		return false, explained(err, t.tag.RegistryStr())
	}
	return true, nil
}

// explained says what a registry's refusal asks of whoever reads it.
func explained(err error, registry string) error {
	var refused *transport.Error
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w\nlog in with 'docker login %s', or give --registry-username and --registry-password to somebody who may push there", err, registry)
	}
	return err
}
