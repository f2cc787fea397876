// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/image"
)

// A Secret that a policy names is missed by the field that names it.
func TestLacks(t *testing.T) {
	const spec = `
target:
  pullName: reg.example.com/m
  caSecretRef: {name: corp-ca}
  push: {auth: {secretRef: {name: push}}}
  pull: {auth: {secretRef: {name: pull}}, inject: true}
sources:
- {host: quay.io, auth: {provider: aws}}
- {host: docker.io, auth: {secretRef: {name: hub}}, caSecretRef: {name: hub-ca, key: pem}}`
	login := func(kind corev1.SecretType, key, value string) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ours", Name: "it"}, Type: kind, Data: map[string][]byte{key: []byte(value)}}
	}
	good := func() map[string]*corev1.Secret {
		docker := login(corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, "{}")
		return map[string]*corev1.Secret{
			"corp-ca": login(corev1.SecretTypeOpaque, "ca.crt", "PEM"), "hub-ca": login(corev1.SecretTypeOpaque, "pem", "PEM"),
			"push": docker, "pull": docker, "hub": docker,
		}
	}
	for name, c := range map[string]struct {
		why    string
		secret string // that is another
		is     *corev1.Secret
		reason string
		field  string
	}{
		"None":       {"all are there", "other", nil, "", ""},
		"Push":       {"the target's login", "push", nil, image.ReasonSecretNotFound, "spec.target.push.auth: there is no Secret ours/push"},
		"Authority":  {"the target's authority", "corp-ca", nil, image.ReasonSecretNotFound, "spec.target.caSecretRef: there is no Secret ours/corp-ca"},
		"Source":     {"by its place in the list", "hub", nil, image.ReasonSecretNotFound, "spec.sources[1].auth: there is no Secret ours/hub"},
		"SourceCA":   {"likewise", "hub-ca", nil, image.ReasonSecretNotFound, "spec.sources[1].caSecretRef: there is no Secret ours/hub-ca"},
		"Pull":       {"that is to be copied", "pull", nil, image.ReasonSecretNotFound, "spec.target.pull.auth: there is no Secret ours/pull"},
		"BadLogin":   {"what it holds is never quoted", "push", login(corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, "canary"), image.ReasonSecretInvalid, "spec.target.push.auth"},
		"NoLogin":    {"of a type that holds none", "hub", login(corev1.SecretTypeOpaque, "canary", "x"), image.ReasonSecretInvalid, "spec.sources[1].auth"},
		"OtherKey":   {"the authority is under another key", "hub-ca", login(corev1.SecretTypeOpaque, "ca.crt", "PEM"), image.ReasonSecretInvalid, "nothing under pem"},
		"NotForNode": {"which nodes don't read", "pull", login(corev1.SecretTypeBasicAuth, "password", "canary"), image.ReasonSecretInvalid, "spec.target.pull.auth: Secret ours/it is of type kubernetes.io/basic-auth"},
	} {
		t.Run(name, func(t *testing.T) {
			o := &v1alpha1.ImageClonePolicy{ObjectMeta: metav1.ObjectMeta{Name: "mirror"}}
			if err := yaml.UnmarshalStrict([]byte(spec), &o.Spec); err != nil {
				t.Fatal(err)
			}
			p, problems := Compile(o)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			have := good()
			if have[c.secret] = c.is; c.is == nil {
				delete(have, c.secret)
			}
			reason, words := "", ""
			if f := p.Lacks("ours", have); f != nil {
				reason, words = f.Reason, f.Error()
			}
			if reason != c.reason || !strings.Contains(words, c.field) || strings.Contains(words, "canary") {
				t.Errorf("%s: it says %s: %s", c.why, reason, words)
			}
		})
	}
	if p := (&Policy{PullSecret: "pull"}); len(p.Secrets()) > 0 {
		t.Errorf("a pull secret that is not injected is each namespace's own: %q", p.Secrets())
	}
}
