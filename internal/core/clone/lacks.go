// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"rhumb.run/rhumb/internal/core/admit"
	"rhumb.run/rhumb/internal/core/image"
)

// need is a Secret of our namespace that a field names.
type need struct {
	secret string
	at     admit.Path
	// wrong is what is wrong with one that is there.
	wrong func(*corev1.Secret) error
}

// needs are the Secrets that a policy names.
func (p *Policy) needs() []need {
	var out []need
	for _, a := range append([]Access{p.Push}, p.Sources...) {
		if a.CASecret != "" {
			out = append(out, need{a.CASecret, a.CAPath, a.authority})
		}
		if a.Secret != "" {
			out = append(out, need{a.Secret, a.Path, func(s *corev1.Secret) error { _, err := a.Logins(s); return err }})
		}
	}
	if p.Inject {
		out = append(out, need{p.PullSecret, pullPath, ForNodes})
	}
	return out
}

// Secrets are the names of those.
func (p *Policy) Secrets() []string {
	var out []string
	for _, n := range p.needs() {
		out = append(out, n.secret)
	}
	return out
}

// Lacks is the first Secret of a namespace that a policy names and that is not there, or holds nothing that may be used; nil if
// none is missing.
func (p *Policy) Lacks(namespace string, have map[string]*corev1.Secret) *image.Failure {
	for _, n := range p.needs() {
		s := have[n.secret]
		if s == nil {
			return noSecret(n.at, namespace, n.secret)
		}
		if f, ok := errors.AsType[*image.Failure](n.wrong(s)); ok {
			return f
		}
	}
	return nil
}

// authority is what is wrong with a Secret that is to hold authorities.
func (a Access) authority(s *corev1.Secret) error {
	if len(s.Data[a.CAKey]) > 0 {
		return nil
	}
	return &image.Failure{
		Reason: image.ReasonSecretInvalid, Detail: fmt.Sprintf("%s: Secret %s/%s has nothing under %s", a.CAPath, s.Namespace, s.Name, a.CAKey),
		Fix: "mend the Secret, or name the key",
	}
}

var pullPath = admit.Path{"spec", "target", "pull", "auth"}

// NoPullSecret is the failure of a policy whose pull secret is to be copied and is not in our namespace.
func (p *Policy) NoPullSecret(namespace string) *image.Failure {
	return noSecret(pullPath, namespace, p.PullSecret)
}

// ForNodes is what is wrong with a Secret that nodes are to pull with.
func ForNodes(s *corev1.Secret) error {
	if s.Type == corev1.SecretTypeDockerConfigJson {
		return nil
	}
	return &image.Failure{
		Reason: image.ReasonSecretInvalid, Detail: fmt.Sprintf("%s: Secret %s/%s is of type %s", pullPath, s.Namespace, s.Name, s.Type),
		Fix: "nodes read kubernetes.io/dockerconfigjson alone",
	}
}
