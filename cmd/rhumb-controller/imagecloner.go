// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/admission"
	"rhumb.run/rhumb/internal/controller/imageadmission"
	"rhumb.run/rhumb/internal/controller/imageclone"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

// addImageCloner joins the controller that copies images and the engine that
// does it, and what admission has to know of them.
func addImageCloner(ctx context.Context, mgr manager.Manager, o options, client *registry.Client, hosts *registry.Hosts) (admission.Images, error) {
	env, logins, err := envCloner(o)
	if err != nil {
		return nil, err
	}
	policies, err := servesPolicies(mgr)
	if err != nil {
		return nil, err
	}
	access := newAccess(mgr.GetAPIReader(), o.leaderNamespace, logins)
	roads := &roads{live: mgr.GetAPIReader(), client: client, hosts: hosts, namespace: o.leaderNamespace, access: access, log: mgr.GetLogger().WithName("image-cloner")}
	if err := roads.reach(ctx, clone.Only(env)); err != nil {
		return nil, err
	}
	var images admission.Images
	if o.answers() && policies {
		if images, err = imageadmission.Add(ctx, mgr, imageadmission.Options{Looks: questions{client, access}, Env: env, Reach: roads.reach}); err != nil {
			return nil, err
		}
	}
	if env == nil && !policies {
		mgr.GetLogger().Info("the image cloner has nothing to do: the cluster does not serve ImageClonePolicies, and " + clone.EnvRegistry + " is not set")
		return nil, nil
	}
	return images, imageclone.Add(mgr, imageclone.Options{
		Engine: engine{&registry.Copier{Client: client}, client}, Logins: access, Env: env, Policies: policies,
		Reach: roads.reach, Namespace: o.leaderNamespace, SweepEvery: o.sweepEvery, RefreshEvery: o.refreshEvery,
	})
}

// servesPolicies reports whether the cluster knows ImageClonePolicies: the
// image cloner of old needs nothing but itself.
func servesPolicies(mgr manager.Manager) (bool, error) {
	_, err := mgr.GetRESTMapper().RESTMapping(v1alpha1.SchemeGroupVersion.WithKind("ImageClonePolicy").GroupKind(), v1alpha1.SchemeGroupVersion.Version)
	if meta.IsNoMatchError(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("asking the cluster for ImageClonePolicies: %w", err)
	}
	return true, nil
}

// envCloner reads the image cloner's environment. Without any of its variables
// it counts only where nothing else was asked for.
func envCloner(o options) (*clone.Policy, image.Logins, error) {
	lookup := o.lookup()
	if !o.clonerAlone() && !envSays(lookup) {
		return nil, nil, nil
	}
	policy, err := clone.FromEnv(lookup)
	if err != nil {
		return nil, nil, err
	}
	push := policy.Target.Pushed(image.Ref{Host: policy.Target.Host}).Host
	user, named := lookup(clone.EnvUser)
	password, _ := lookup(clone.EnvPassword)
	if !named || user == "" {
		return policy, nil, nil
	}
	return policy, image.Logins{{Host: push, Username: user, Password: image.Secret(password), From: clone.EnvUser}}, nil
}

func envSays(lookup func(string) (string, bool)) bool {
	for _, name := range []string{clone.EnvRegistry, clone.EnvUser, clone.EnvPassword} {
		if v, ok := lookup(name); ok && v != "" {
			return true
		}
	}
	return false
}

// local is true of registries that the image cloner has always spoken to
// without TLS: those of this machine, and of a network of one's own.
func local(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.IsLoopback() || ip.IsPrivate()
	}
	return name == "localhost" || strings.HasSuffix(name, ".local")
}
