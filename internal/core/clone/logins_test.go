// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"rhumb.run/rhumb/internal/core/image"
)

func TestPushLogins(t *testing.T) {
	docker := func(host string) *corev1.Secret {
		return &corev1.Secret{
			Type: corev1.SecretTypeDockerConfigJson,
			Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{"` + host + `":{"username":"u","password":"canary-1"}}}`)},
		}
	}
	basic := &corev1.Secret{Type: corev1.SecretTypeBasicAuth, Data: map[string][]byte{"username": []byte("u"), "password": []byte("canary-1")}}
	const endpoint = `, pushEndpoint: "inside:80"`
	for name, c := range map[string]struct {
		why, target string
		secret      *corev1.Secret
		host        string
		want        int
		reason      string
	}{
		"Basic":     {"a name and a password are for the target", ``, basic, "reg.example.com", 1, ""},
		"Elsewhere": {"and for no other", ``, basic, "docker.io", 0, ""},
		"Inside":    {"at the address that it is pushed to", endpoint, basic, "inside:80", 1, ""},
		"Docker":    {"by the name that nodes call it", endpoint, docker("reg.example.com"), "inside:80", 1, ""},
		"Own":       {"or by its address", endpoint, docker("inside:80"), "inside:80", 1, ""},
		"Other":     {"another's are not sent there", endpoint, docker("other.example.com"), "inside:80", 0, ""},
		"Opaque":    {"what holds no logins is said to", ``, &corev1.Secret{Type: "Opaque", Data: map[string][]byte{"x": []byte("canary-1")}}, "", 0, image.ReasonSecretInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			p, problems := Compile(object(t, "p", `{target: {pullName: reg.example.com/m, push: {auth: {secretRef: {name: s}}}`+c.target+`}}`))
			if problems != nil {
				t.Fatal(problems)
			}
			logins, err := p.PushLogins(c.secret)
			if f, ok := errors.AsType[*image.Failure](err); ok != (c.reason != "") || ok && f.Reason != c.reason {
				t.Fatalf("%s: %v", c.why, err)
			}
			if err != nil && (strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "spec.target.push.auth")) {
				t.Errorf("it has to name the field and nothing that is in the Secret: %v", err)
			}
			if got := logins.For(c.host, "m/x"); len(got) != c.want {
				t.Errorf("%s: %d logins, want %d", c.why, len(got), c.want)
			}
		})
	}
	if f := (Access{Path: []string{"spec", "sources", "1", "auth"}}).NoSecret("rhumb-system", "hub"); !strings.Contains(f.Error(), "spec.sources[1].auth") {
		t.Error(f)
	}
}
