// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/registry/contract/distribution"
)

func TestAuthorities(t *testing.T) {
	next := distribution.New()
	plain, secure := contract.NewFront(t, next), contract.NewTLSFront(t, next)
	want := contract.Push(t, plain.URL, "apps/demo", contract.Image(t, contract.Files{"a": "1"}))
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))
	cases := map[string]struct {
		why   string
		host  registry.Host
		words []string // of the failure; none if there is none
	}{
		"Known":   {"an authority that an operator gave", registry.Host{Endpoint: secure.URL, CA: ca}, nil},
		"Unknown": {"a certificate is never left unchecked", registry.Host{Endpoint: secure.URL}, []string{"unknown authority", "ca or caFile"}},
		"Name": {
			"nor whose it is",
			registry.Host{Endpoint: strings.Replace(secure.URL, "127.0.0.1", "localhost", 1), CA: ca},
			[]string{"certificate is for another host"},
		},
		"PlainAsTLS": {"a registry without TLS is told apart", registry.Host{Endpoint: strings.Replace(plain.URL, "http:", "https:", 1)}, []string{"speaks HTTP, not HTTPS", "plainHTTP"}},
		"TLSAsPlain": {"and one with", registry.Host{Endpoint: strings.Replace(secure.URL, "https:", "http:", 1)}, []string{"400 Bad Request"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := registry.NewHosts()
			tc.host.Host = contract.Host
			h.SetFile([]registry.Host{tc.host})
			got, err := registry.NewClient(registry.Options{Hosts: h}).Resolve(t.Context(), contract.Ref(t, "apps/demo"), nil)
			if len(tc.words) == 0 && (err != nil || got != want) {
				t.Errorf("%s: %s %v", tc.why, got, err)
			}
			for _, w := range tc.words {
				if err == nil || !strings.Contains(err.Error(), w) {
					t.Errorf("%s: %q is not in %v", tc.why, w, err)
				}
			}
		})
	}
}

// The Docker config of the controller serves images that bring no credentials, after those that do.
func TestAmbientDocker(t *testing.T) {
	f := contract.NewFront(t, basic(distribution.New(), "controller"))
	dir := t.TempDir()
	config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, contract.Host, base64.StdEncoding.EncodeToString([]byte("controller:"+canary)))
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
	chain, err := registry.NewAmbient(registry.KeychainDocker, registry.KeychainGoogle, registry.KeychainECR, registry.KeychainACR)
	if err != nil {
		t.Fatal(err)
	}
	c := registry.NewClient(registry.Options{Hosts: f.Hosts(), Keychain: chain})
	for why, logins := range map[string]image.Logins{
		"nobody brought credentials":      nil,
		"the object's own were refused":   {login(contract.Host, "wrong")},
		"the object's were for elsewhere": {login("other.example.com", "controller")},
	} {
		if _, err := c.Resolve(t.Context(), contract.Ref(t, "a"), logins); contract.Reason(err) != image.ReasonNotFound {
			t.Errorf("%s: %v", why, err)
		}
	}
	off, err := registry.NewAmbient()
	if err != nil {
		t.Fatal(err)
	}
	c = registry.NewClient(registry.Options{Hosts: f.Hosts(), Keychain: off})
	if _, err := c.Resolve(t.Context(), contract.Ref(t, "a"), nil); contract.Reason(err) != image.ReasonUnauthorized {
		t.Errorf("turned off: %v", err)
	}
	if _, err := registry.NewAmbient("dokcer"); err == nil {
		t.Error("a keychain that is none was taken")
	}
}

// An identity token is exchanged, a registry token is shown as it is; neither is ever a password.
func TestOtherTokens(t *testing.T) {
	var form string
	service := contract.NewFront(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form = r.Method + " " + r.PostForm.Get("grant_type") + " " + r.PostForm.Get("refresh_token")
		_, _ = io.WriteString(w, `{"access_token":"granted"}`)
	}))
	f := contract.NewFront(t, bearer(distribution.New(), service.URL))
	h := registry.NewHosts()
	h.SetFile([]registry.Host{{Host: contract.Host, Endpoint: f.URL, TokenHosts: []string{"127.0.0.1"}}, {Host: "t.example.com", Endpoint: service.URL}})
	c := registry.NewClient(registry.Options{Hosts: h})
	identity := image.Login{Host: contract.Host, IdentityToken: canary}
	if _, err := c.Resolve(t.Context(), contract.Ref(t, "a"), image.Logins{identity}); contract.Reason(err) != image.ReasonNotFound || form != "POST refresh_token "+canary {
		t.Errorf("identity token: %v, sent %q", err, form)
	}
	form = ""
	shown := image.Login{Host: contract.Host, RegistryToken: "granted"}
	if _, err := c.Resolve(t.Context(), contract.Ref(t, "a"), image.Logins{shown}); contract.Reason(err) != image.ReasonNotFound || form != "" {
		t.Errorf("registry token: %v, sent %q", err, form)
	}
}

func TestLayerKinds(t *testing.T) {
	f := contract.NewFront(t, distribution.New())
	tar := contract.Pack(t, contract.Files{"a": "1"})
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		why   string
		layer v1.Layer
		want  string // reason; none if it is a tree
	}{
		"Zstd":     {"newer builders use zstd", static.NewLayer(z.EncodeAll(tar, nil), types.OCILayerZStd), ""},
		"Plain":    {"a layer need not be compressed", static.NewLayer(tar, types.OCIUncompressedLayer), ""},
		"Mistaken": {"what a layer is shows in its bytes", static.NewLayer(tar, types.OCILayer), ""},
		"Flux":     {"artifacts of others are trees too", static.NewLayer(tar, "application/vnd.cncf.flux.content.v1.tar+gzip"), ""},
		"Chart":    {"what is no tar has no files", static.NewLayer([]byte("hello"), "application/vnd.example.config+json"), image.ReasonNoTree},
		"Broken":   {"nor has what only says so", static.NewLayer([]byte(strings.Repeat("hello ", 200)), types.OCILayer), image.ReasonNoTree},
		"Bomb":     {"nor what is too large", static.NewLayer(z.EncodeAll(contract.Pack(t, contract.Files{"a": strings.Repeat("0", 2<<20)}), nil), types.OCILayerZStd), image.ReasonNoTree},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			img, err := mutate.AppendLayers(contract.Image(t), tc.layer)
			if err != nil {
				t.Fatal(err)
			}
			repository := "kinds/" + strings.ToLower(name)
			ref := contract.Ref(t, repository).At(contract.Push(t, f.URL, repository, img))
			err = contract.NewExporter(t, registry.NewClient(registry.Options{Hosts: f.Hosts()})).Export(t.Context(), ref, nil, io.Discard)
			if (tc.want == "" && err != nil) || (tc.want != "" && contract.Reason(err) != tc.want) {
				t.Errorf("%s: %v", tc.why, err)
			}
		})
	}
}
