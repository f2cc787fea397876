// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"rhumb.run/rhumb/internal/core/admit"
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
	return noSecret(a.Path, namespace, name)
}

func noSecret(at admit.Path, namespace, name string) *image.Failure {
	return &image.Failure{
		Reason: image.ReasonSecretNotFound, Detail: fmt.Sprintf("%s: there is no Secret %s/%s", at, namespace, name),
		Fix: "create it, or name another",
	}
}

// Tried are the logins that a copy reads its source with, and what came of looking for them.
type Tried struct {
	// Named are those of the Secret that the policy names, Pods those of the pods that use the image.
	Named, Pods image.Logins
	// Unread is set where pull secrets of pods may not be read.
	Unread bool
}

// podsRole is what allows us to read the pull secrets of pods.
const podsRole = "rhumb-image-pull-secrets"

// Logins are those that are shown to the source of an image. What a policy names for it is shown alone: if it is refused, nobody
// else steps in, who may be let have what the policy's login may not.
func (t Tried) Logins(ref image.Ref) image.Logins {
	if len(t.Named.For(ref.Host, ref.Repository)) > 0 {
		return t.Named
	}
	return append(slices.Clip(t.Named), t.Pods...)
}

// Advice is what would help if the source wants other credentials; empty where those that it got are to be mended.
func (t Tried) Advice(p *Policy, ref image.Ref) string {
	of, _ := p.Source(ref)
	here := "spec.sources of ImageClonePolicy " + p.Name
	switch {
	case p.Name == EnvName, len(t.Named.For(ref.Host, ref.Repository)) > 0:
		return ""
	case !of.PodSecrets:
		return "name credentials for " + ref.Host + " in " + here + ", or set usePodPullSecrets there"
	case t.Unread:
		return "the pull secrets of pods may not be read: bind the ClusterRole " + podsRole + " to the controller's service account"
	case len(t.Pods.For(ref.Host, ref.Repository)) == 0:
		return "give a pod that uses it, or its service account, a pull secret for " + ref.Host + ", or name credentials in " + here
	}
	return ""
}
