// SPDX-License-Identifier: Apache-2.0

package image

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const canary = "canary-9f3b"

func secret(kind corev1.SecretType, key, value string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "pull"}, Type: kind, Data: map[string][]byte{key: []byte(value)}}
}

func dockerConfig(auths string) *corev1.Secret {
	return secret(corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, `{"auths":`+auths+`}`)
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestLoginsFor(t *testing.T) {
	basic := secret(corev1.SecretTypeBasicAuth, "username", "me")
	basic.Data["password"] = []byte("pw")
	basic.Annotations = map[string]string{"tekton.dev/docker-0": "https://reg.example.com", "other": "https://evil.example.net"}
	cases := map[string]struct {
		why    string
		secret *corev1.Secret
		image  string
		want   []string // user names, in order
	}{
		"Host":      {"a login is for its host", dockerConfig(`{"reg.example.com":{"username":"a","password":"x"},"other.example.com":{"username":"b","password":"x"}}`), "reg.example.com/x", []string{"a"}},
		"NotSuffix": {"and not for one that ends like it", dockerConfig(`{"example.com":{"username":"a","password":"x"}}`), "evil-example.com/x", nil},
		"Port":      {"a port is part of a host", dockerConfig(`{"reg.example.com:5000":{"username":"a","password":"x"}}`), "reg.example.com/x", nil},
		"Hub":       {"Docker's spelling of its hub", dockerConfig(`{"https://index.docker.io/v1/":{"auth":"` + b64("me:pw:with:colons") + `"}}`), "nginx", []string{"me"}},
		"Path":      {"a login for a folder is not for its neighbour", dockerConfig(`{"reg.example.com/team":{"username":"a","password":"x"}}`), "reg.example.com/team2/x", nil},
		"Deepest":   {"the most specific is tried first", dockerConfig(`{"reg.example.com":{"username":"wide","password":"x"},"reg.example.com/team":{"username":"deep","password":"x"}}`), "reg.example.com/team/x", []string{"deep", "wide"}},
		"Star":      {"a star is one label", dockerConfig(`{"*.example.com":{"username":"a","password":"x"}}`), "reg.example.com/x", []string{"a"}},
		"StarOne":   {"and only one", dockerConfig(`{"*.example.com":{"username":"a","password":"x"}}`), "a.b.example.com/x", nil},
		"Cfg":       {"the older format", secret(corev1.SecretTypeDockercfg, corev1.DockerConfigKey, `{"reg.example.com":{"username":"a","password":"x"}}`), "reg.example.com/x", []string{"a"}},
		"Token":     {"a token alone is a login", dockerConfig(`{"reg.example.com":{"identitytoken":"x"}}`), "reg.example.com/x", []string{""}},
		"Empty":     {"an entry for a helper holds none", dockerConfig(`{"reg.example.com":{}}`), "reg.example.com/x", nil},
		"Basic":     {"a user and password say by annotation what they are for", basic, "reg.example.com/x", []string{"me"}},
		"BasicElse": {"and are for nothing else", basic, "evil.example.net/x", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l, err := ParseSecret(tc.secret)
			if err != nil {
				t.Fatal(err)
			}
			ref, err := Parse(tc.image)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range l.For(ref.Host, ref.Repository) {
				got = append(got, c.Username)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s:\n%s", tc.why, diff)
			}
		})
	}
}

func TestParseSecretRefuses(t *testing.T) {
	unbound := secret(corev1.SecretTypeBasicAuth, "password", canary)
	cases := map[string]struct {
		why    string
		secret *corev1.Secret
		want   string
	}{
		"Opaque":  {"not every Secret is for a registry", secret(corev1.SecretTypeOpaque, "x", canary), "type"},
		"NotJSON": {"the decoder's error would quote the data", secret(corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, canary), "not the JSON"},
		"Type":    {"also one of a wrong type inside", dockerConfig(`{"a":{"username":["` + canary + `"]}}`), "not the JSON"},
		"Auth":    {"an auth that is no base64", dockerConfig(`{"reg.example.com":{"auth":"` + canary + `"}}`), "base64"},
		"Unbound": {"a password for anywhere would be anybody's", unbound, RegistryAnnotation},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := ParseSecret(tc.secret)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("%s: got %v, want %q and no data", tc.why, err, tc.want)
			}
		})
	}
}

// A login that is printed, logged or encoded, as a whole or in part, shows none of its secrets.
func TestLoginIsNeverPrinted(t *testing.T) {
	l := Logins{{Host: "h", Username: "u", Password: canary, IdentityToken: canary, RegistryToken: canary}}
	js, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	text := string(js) + fmt.Sprint(l, l[0], &l[0], l[0].Password)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		text += fmt.Sprintf(verb, l) + fmt.Sprintf(verb, l[0].Password)
	}
	for _, leak := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)} {
		if strings.Contains(text, leak) {
			t.Errorf("%s in %s", leak, text)
		}
	}
}

func TestLoginsDigest(t *testing.T) {
	a := Logins{{Host: "h", Username: "ab", Password: "c"}}
	b := Logins{{Host: "h", Username: "a", Password: "bc"}}
	if a.Digest() == b.Digest() || a.Digest() == "" || (Logins{}).Digest() != "" {
		t.Error("two logins look the same")
	}
	if a.Digest() != (Logins{{Host: "h", Username: "ab", Password: "c", From: "elsewhere"}}).Digest() {
		t.Error("the same login from another Secret is polled apart")
	}
}
