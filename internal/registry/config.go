// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/internal/core/image"
)

const maxConfig = 1 << 20

// Config is the registries file.
type Config struct {
	Registries []Host `json:"registries"`
}

// Host says how one registry, as images name it, is reached.
type Host struct {
	// Host is the registry's name in image references, with its port if it has one.
	Host string `json:"host"`
	// Mirrors are asked first, in this order; the registry itself is asked when none has the image.
	Mirrors []Mirror `json:"mirrors,omitempty"`
	// Endpoint is where the registry itself is asked, if not at its own name.
	Endpoint string `json:"endpoint,omitempty"`
	// PlainHTTP reaches the registry without TLS, credentials included.
	PlainHTTP bool `json:"plainHTTP,omitempty"`
	// CA (PEM) and CAFile are authorities to trust besides the system's.
	CA     string `json:"ca,omitempty"`
	CAFile string `json:"caFile,omitempty"`
	// TokenHosts may issue tokens for this registry although they are of another domain.
	TokenHosts []string `json:"tokenHosts,omitempty"`

	exact []url.URL // endpoints given whole, by the cluster
	hint  string
}

// Mirror is another registry that holds copies.
type Mirror struct {
	// URL is its scheme and host; a path is put in front of the repository's name.
	URL    string `json:"url"`
	CA     string `json:"ca,omitempty"`
	CAFile string `json:"caFile,omitempty"`
}

// ParseConfig reads a registries file; CA files are read with read, at once.
func ParseConfig(data []byte, read func(string) ([]byte, error)) ([]Host, error) {
	if len(data) > maxConfig {
		return nil, fmt.Errorf("parsing registries: larger than %d bytes", maxConfig)
	}
	var c Config
	if err := yaml.UnmarshalStrict(data, &c); err != nil {
		return nil, fmt.Errorf("parsing registries: %w", err)
	}
	seen := map[string]bool{}
	for i := range c.Registries {
		h := &c.Registries[i]
		name := image.CanonicalHost(h.Host)
		if err := h.check(read); err != nil {
			return nil, fmt.Errorf("parsing registries: host %q: %w", h.Host, err)
		}
		if seen[name] {
			return nil, fmt.Errorf("parsing registries: host %q: listed twice", h.Host)
		}
		seen[name], h.Host = true, name
	}
	return c.Registries, nil
}

// LoadConfig reads a registries file and the CA files that it names.
func LoadConfig(path string) ([]Host, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading registries: %w", err)
	}
	return ParseConfig(data, os.ReadFile)
}

func (h *Host) check(read func(string) ([]byte, error)) error {
	if r, err := image.Parse(h.Host + "/x/y"); err != nil || r.Host != image.CanonicalHost(h.Host) {
		return errors.New("want a registry's name as images have it, such as registry.example.com:5000")
	}
	if h.Endpoint != "" {
		if _, err := endpointURL(h.Endpoint); err != nil {
			return fmt.Errorf("endpoint: %w", err)
		}
		if h.PlainHTTP {
			return errors.New("plainHTTP goes without endpoint, whose URL has a scheme")
		}
	}
	var err error
	if h.CA, err = authorities(h.CA, h.CAFile, read); err != nil {
		return err
	}
	for i := range h.Mirrors {
		m := &h.Mirrors[i]
		if _, err := endpointURL(m.URL); err != nil {
			return fmt.Errorf("mirror %d: %w", i+1, err)
		}
		if m.CA, err = authorities(m.CA, m.CAFile, read); err != nil {
			return fmt.Errorf("mirror %s: %w", m.URL, err)
		}
	}
	return nil
}

func authorities(pem, file string, read func(string) ([]byte, error)) (string, error) {
	if file != "" {
		data, err := read(file)
		if err != nil {
			return "", fmt.Errorf("reading caFile: %w", err)
		}
		pem += "\n" + string(data)
	}
	if pem != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(pem)) {
		return "", errors.New("its ca holds no PEM certificate")
	}
	return pem, nil
}

func endpointURL(s string) (url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return url.URL{}, errors.New("want a URL such as https://mirror.example.com")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return url.URL{}, errors.New("the URL may hold scheme, host and path only; credentials go into a pull secret")
	}
	return url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: strings.TrimRight(u.Path, "/")}, nil
}

func (h Host) endpoints() []Endpoint {
	var out []Endpoint
	for _, m := range h.Mirrors {
		if u, err := endpointURL(m.URL); err == nil {
			out = append(out, Endpoint{URL: u, LoginHost: u.Host, Mirror: true, CA: m.CA})
		}
	}
	for _, u := range h.own() {
		out = append(out, Endpoint{URL: u, LoginHost: h.Host, CA: h.CA, TokenHosts: h.TokenHosts})
	}
	return out
}

// nowhere is a local registry of which the cluster does not say how pods reach it: its name would be our own loopback.
func (h Host) nowhere() bool { return h.hint != "" && len(h.exact) == 0 }

// own are the addresses of the registry itself, whose word is final.
func (h Host) own() []url.URL {
	switch {
	case len(h.exact) > 0:
		return h.exact
	case h.Endpoint != "":
		if u, err := endpointURL(h.Endpoint); err == nil {
			return []url.URL{u}
		}
	case h.PlainHTTP:
		return []url.URL{{Scheme: "http", Host: h.Host}}
	case h.Host == image.DockerHub:
		return []url.URL{{Scheme: "https", Host: "registry-1.docker.io"}}
	}
	return []url.URL{{Scheme: "https", Host: h.Host}}
}
