// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

const (
	// managedLabel and managedBy are how an injected Secret is told from anybody else's, together with the policy's annotation.
	managedLabel = "app.kubernetes.io/managed-by"
	managedBy    = "rhumb"
	// injectionRole is what allows us to write Secrets of other namespaces.
	injectionRole = "rhumb-image-pull-secret-injection"
	// equalFor is how long an injected Secret is believed to be as we left it.
	equalFor = 10 * time.Minute
)

// injector copies policies' pull secrets to the namespaces whose pods need them. The policy owns the copies, so that they go
// with it, whether or not we are there. It is used by one policy at a time.
type injector struct {
	client    client.Client
	live      client.Reader
	namespace string
	needed    func(policy string) []string
	now       func() time.Time
	// idle is how long nobody in a namespace has needed its copy before that goes.
	idle   time.Duration
	placed map[string]map[string]placed // by policy and namespace
}

// placed is a copy, or why there is none.
type placed struct {
	name, of   string
	at, unused time.Time
	wrong      *image.Failure
}

// See makes the copies of a policy's pull secret what they are to be, and says what is wrong with them.
func (j *injector) See(ctx context.Context, o *v1alpha1.ImageClonePolicy, p *clone.Policy) (*image.Failure, error) {
	if p == nil || p.DryRun {
		return nil, nil // what is there stays as it is
	}
	have, err := j.known(ctx, p)
	if err != nil {
		return nil, err
	}
	var needed []string
	if p.Inject {
		needed = slices.DeleteFunc(j.needed(p.Name), func(ns string) bool { return ns == j.namespace })
	}
	if err := j.leave(ctx, o.Name, needed); err != nil || len(needed) == 0 {
		return nil, err
	}
	if p.Strategy == clone.None {
		return nil, nil // who uses copies still keeps what is there
	}
	from, wrong, err := j.source(ctx, p)
	if err != nil || wrong != nil {
		return wrong, err
	}
	return j.spread(ctx, o, from, needed, have)
}

// known is where the copies of a policy are.
func (j *injector) known(ctx context.Context, p *clone.Policy) (map[string]placed, error) {
	if have := j.placed[p.Name]; have != nil {
		return have, nil
	}
	have, err := j.takeOver(ctx, p)
	if err == nil {
		j.placed[p.Name] = have
	}
	return have, err
}

// spread makes the copies that are needed, and says what is wrong with the first that is not as it is to be.
func (j *injector) spread(ctx context.Context, o *v1alpha1.ImageClonePolicy, from *corev1.Secret, needed []string, have map[string]placed) (*image.Failure, error) {
	for _, ns := range needed {
		was := have[ns]
		if was.name == from.Name && was.of == from.ResourceVersion && j.now().Sub(was.at) < j.believed(was) {
			was.unused = time.Time{}
			have[ns] = was
			continue
		}
		f, err := j.place(ctx, o, from, ns)
		if err != nil {
			return nil, err
		}
		have[ns] = placed{name: from.Name, of: from.ResourceVersion, at: j.now(), wrong: f}
	}
	for _, ns := range slices.Sorted(maps.Keys(have)) {
		if f := have[ns].wrong; f != nil && slices.Contains(needed, ns) {
			return f, nil
		}
	}
	return nil, nil
}

// believed is how long nobody looks again.
func (j *injector) believed(was placed) time.Duration {
	if was.wrong != nil {
		return j.idle
	}
	return equalFor
}

// Forget drops what is known of a policy that is gone: its copies went with it.
func (j *injector) Forget(policy string) { delete(j.placed, policy) }

// source is the Secret that is copied.
func (j *injector) source(ctx context.Context, p *clone.Policy) (*corev1.Secret, *image.Failure, error) {
	var s corev1.Secret
	err := j.live.Get(ctx, types.NamespacedName{Namespace: j.namespace, Name: p.PullSecret}, &s)
	switch {
	case apierrors.IsNotFound(err):
		return nil, p.NoPullSecret(j.namespace), nil
	case err != nil:
		return nil, nil, fmt.Errorf("reading Secret %s/%s: %w", j.namespace, p.PullSecret, err)
	}
	if f, ok := errors.AsType[*image.Failure](clone.ForNodes(&s)); ok {
		return nil, f, nil
	}
	return &s, nil, nil
}

// takeOver begins with what those before us may have left: nothing says in which namespaces, so that it is looked for in each
// that turns out not to need it.
func (j *injector) takeOver(ctx context.Context, p *clone.Policy) (map[string]placed, error) {
	have := map[string]placed{}
	if p.PullSecret == "" {
		return have, nil
	}
	var all corev1.NamespaceList
	if err := j.client.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing namespaces: %w", err)
	}
	for i := range all.Items {
		if ns := all.Items[i].Name; ns != j.namespace {
			have[ns] = placed{name: p.PullSecret, unused: j.now()}
		}
	}
	return have, nil
}

// place makes one copy; a Secret that is not ours stays as it is.
func (j *injector) place(ctx context.Context, o *v1alpha1.ImageClonePolicy, from *corev1.Secret, ns string) (*image.Failure, error) {
	want := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: ns, Name: from.Name, Labels: map[string]string{managedLabel: managedBy},
			Annotations:     map[string]string{clone.PolicyAnnotation: o.Name},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "ImageClonePolicy", Name: o.Name, UID: o.UID}},
		},
		Type: corev1.SecretTypeDockerConfigJson,
		Data: map[string][]byte{corev1.DockerConfigJsonKey: from.Data[corev1.DockerConfigJsonKey]},
	}
	var have corev1.Secret
	err := j.live.Get(ctx, client.ObjectKeyFromObject(want), &have)
	same := bytes.Equal(have.Data[corev1.DockerConfigJsonKey], want.Data[corev1.DockerConfigJsonKey])
	switch {
	case apierrors.IsNotFound(err):
		err = j.client.Create(ctx, want)
	case err != nil:
	case !ours(&have, o.Name):
		if same && have.Type == want.Type {
			return nil, nil
		}
		return &image.Failure{
			Reason: v1alpha1.SecretNotOursReason, Detail: "Secret " + ns + "/" + from.Name + " is somebody else's and not the same; it is left as it is",
			Fix: "delete it, or name another pull secret",
		}, nil
	case !same || len(have.OwnerReferences) != 1 || have.OwnerReferences[0].UID != o.UID:
		want.ResourceVersion = have.ResourceVersion
		err = j.client.Update(ctx, want)
	}
	switch {
	case apierrors.IsForbidden(err) && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return &image.Failure{
			Reason: v1alpha1.InjectionForbiddenReason, Detail: "Secrets of namespace " + ns + " may not be written",
			Fix: "bind the ClusterRole " + injectionRole + " to the controller's service account",
		}, nil
	case err == nil, apierrors.IsNotFound(err), apierrors.IsForbidden(err): // a namespace that goes needs nothing
		return nil, nil
	}
	return nil, fmt.Errorf("writing Secret %s/%s: %w", ns, from.Name, err)
}

func ours(s *corev1.Secret, policy string) bool {
	return s.Labels[managedLabel] == managedBy && s.Annotations[clone.PolicyAnnotation] == policy
}

// leave takes copies away where nobody has needed them for a while: right after a start nobody is known to.
func (j *injector) leave(ctx context.Context, policy string, needed []string) error {
	have := j.placed[policy]
	var all []error
	for ns, was := range have {
		switch {
		case slices.Contains(needed, ns):
			continue
		case was.unused.IsZero():
			was.unused = j.now()
			have[ns] = was
			continue
		case j.now().Sub(was.unused) < j.idle:
			continue
		}
		if err := j.remove(ctx, policy, ns, was.name); err != nil {
			all = append(all, err)
			continue
		}
		delete(have, ns)
	}
	return errors.Join(all...)
}

func (j *injector) remove(ctx context.Context, policy, ns, name string) error {
	var have corev1.Secret
	err := j.live.Get(ctx, types.NamespacedName{Namespace: ns, Name: name}, &have)
	if err == nil && ours(&have, policy) {
		err = j.client.Delete(ctx, &have, client.Preconditions{UID: &have.UID, ResourceVersion: &have.ResourceVersion})
	}
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
		return fmt.Errorf("taking away Secret %s/%s: %w", ns, name, err)
	}
	return nil
}

// Namespaces are those of the objects that use a policy's copies, or are about to.
func (l *ledger) Namespaces(policy string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string]bool{}
	for _, e := range l.all {
		if e.choice.Policy != nil && e.choice.Policy.Name == policy {
			for user := range e.users {
				all[user.Namespace] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}
