// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"rhumb.run/rhumb/internal/core/image"
)

// Logins are those of the Secret that an Access names. A name and a password alone are for the host that they are named for;
// all others say themselves which they are for. The error is an *image.Failure, which never quotes what is in the Secret.
func (a Access) Logins(s *corev1.Secret) (image.Logins, error) {
	if s.Type == corev1.SecretTypeBasicAuth && a.Host != anyHost {
		return image.Logins{{
			Host: a.Host, From: "Secret " + s.Namespace + "/" + s.Name,
			Username: string(s.Data[corev1.BasicAuthUsernameKey]), Password: image.Secret(s.Data[corev1.BasicAuthPasswordKey]),
		}}, nil
	}
	logins, err := image.ParseSecret(s)
	if err != nil {
		return nil, &image.Failure{
			Reason: image.ReasonSecretInvalid, Detail: fmt.Sprintf("%s: Secret %s/%s: %v", a.Path, s.Namespace, s.Name, err),
			Fix: "mend the Secret",
		}
	}
	return logins, nil
}

// PushLogins are for the target, at the address at which it is pushed to: it is one registry, by whichever of its two names
// a Secret calls it.
func (p *Policy) PushLogins(s *corev1.Secret) (image.Logins, error) {
	logins, err := p.Push.Logins(s)
	if err != nil || p.Target.Push == "" {
		return logins, err
	}
	out := logins
	for _, l := range logins {
		if l.Host == p.Target.Host {
			l.Host = p.Target.Push
			out = append(out, l)
		}
	}
	return out, nil
}

// NoSecret is the failure of an Access whose Secret is not in a namespace.
func (a Access) NoSecret(namespace, name string) *image.Failure {
	return &image.Failure{
		Reason: image.ReasonSecretNotFound, Detail: fmt.Sprintf("%s: there is no Secret %s/%s", a.Path, namespace, name),
		Fix: "create it, or name another",
	}
}
