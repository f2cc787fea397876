// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	ecr "github.com/awslabs/amazon-ecr-credential-helper/ecr-login"
	acr "github.com/chrismellard/docker-credential-acr-env/pkg/credhelper"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/google"

	"rhumb.run/rhumb/internal/core/image"
)

// The controller's own logins that can be chosen, in the order in which they are tried.
const (
	KeychainDocker = "docker"
	KeychainGoogle = "google"
	KeychainECR    = "ecr"
	KeychainACR    = "acr"
)

// Keychains are all that there are.
var Keychains = []string{KeychainDocker, KeychainGoogle, KeychainECR, KeychainACR}

const (
	ambientFor     = 10 * time.Minute
	ambientTimeout = 15 * time.Second
	maxAmbient     = 1000
)

// Ambient are the logins of the controller itself: its docker config and the cloud it runs in. They serve every tenant's
// images, so that an operator can turn each of them off.
type Ambient struct {
	chain []source

	mu   sync.Mutex
	seen map[string]ambientLogin
}

type source struct {
	name  string
	chain authn.Keychain
}

type ambientLogin struct {
	logins image.Logins
	until  time.Time
}

// NewAmbient makes a keychain of the named parts.
func NewAmbient(names ...string) (*Ambient, error) {
	a := &Ambient{seen: map[string]ambientLogin{}}
	for _, n := range names {
		var k authn.Keychain
		switch n {
		case KeychainDocker:
			k = authn.DefaultKeychain
		case KeychainGoogle:
			k = google.Keychain
		case KeychainECR:
			k = authn.NewKeychainFromHelper(ecr.NewECRHelper(ecr.WithLogger(io.Discard)))
		case KeychainACR:
			k = authn.NewKeychainFromHelper(acr.NewACRCredentialsHelper())
		default:
			return nil, fmt.Errorf("choosing keychains: %q is none of %s", n, strings.Join(Keychains, ", "))
		}
		a.chain = append(a.chain, source{n, k})
	}
	return a, nil
}

// resource is a repository as keychains look it up.
type resource struct{ host, repository string }

func (r resource) RegistryStr() string {
	if r.host == image.DockerHub {
		return "index.docker.io"
	}
	return r.host
}

func (r resource) String() string { return r.RegistryStr() + "/" + r.repository }

// Logins asks each part; what they say is believed for a while, since a cloud is asked over the network.
func (a *Ambient) Logins(ctx context.Context, host, repository string) image.Logins {
	res := resource{host, repository}
	a.mu.Lock()
	l, ok := a.seen[res.String()]
	a.mu.Unlock()
	if ok && time.Now().Before(l.until) {
		return l.logins
	}
	ctx, cancel := context.WithTimeout(ctx, ambientTimeout)
	defer cancel()
	var out image.Logins
	for _, s := range a.chain {
		if s.name != KeychainDocker && !s.serves(host) {
			continue
		}
		if c, ok := ask1(ctx, s, res); ok {
			out = append(out, c)
		}
	}
	a.mu.Lock()
	if len(a.seen) >= maxAmbient {
		a.seen = map[string]ambientLogin{}
	}
	a.seen[res.String()] = ambientLogin{slices.Clip(out), time.Now().Add(ambientFor)}
	a.mu.Unlock()
	return out
}

// serves keeps a cloud's keychain from being asked, and from asking its cloud, about another's registry.
func (s source) serves(host string) bool {
	for _, suffix := range map[string][]string{
		KeychainGoogle: {".gcr.io", ".pkg.dev"},
		KeychainECR:    {".amazonaws.com", ".amazonaws.com.cn", ".ecr.aws", ".on.aws"},
		KeychainACR:    {".azurecr.io", ".azurecr.cn", ".azurecr.us", ".azurecr.de"},
	}[s.name] {
		if strings.HasSuffix("."+host, suffix) {
			return true
		}
	}
	return false
}

// ask1 asks one part. A cloud that is not there is no login: the registry's refusal is then the error that people see.
func ask1(ctx context.Context, s source, res resource) (image.Login, bool) {
	auth, err := authn.Resolve(ctx, s.chain, res)
	if err != nil || auth == authn.Anonymous {
		return image.Login{}, false
	}
	c, err := authn.Authorization(ctx, auth)
	if err != nil || c == nil {
		return image.Login{}, false
	}
	l := image.Login{
		Host: res.host, From: "the controller's " + s.name + " credentials", Username: c.Username,
		Password: image.Secret(c.Password), IdentityToken: image.Secret(c.IdentityToken), RegistryToken: image.Secret(c.RegistryToken),
	}
	return l, l.Username != "" || l.IdentityToken != "" || l.RegistryToken != ""
}
