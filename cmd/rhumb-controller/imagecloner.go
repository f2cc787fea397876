// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/manager"

	"rhumb.run/rhumb/internal/admission"
	"rhumb.run/rhumb/internal/controller/imageadmission"
	"rhumb.run/rhumb/internal/controller/imageclone"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

// addImageCloner joins the controller that copies images and the engine that
// does it, and what admission has to know of them.
func addImageCloner(mgr manager.Manager, o options, client *registry.Client, hosts *registry.Hosts) (admission.Images, error) {
	env, logins, err := envCloner(o, hosts)
	if err != nil {
		return nil, err
	}
	access := newAccess(mgr.GetAPIReader(), o.leaderNamespace, logins)
	var images admission.Images
	if o.answers() {
		if images, err = imageadmission.Add(mgr, imageadmission.Options{Looks: questions{client, access}, Env: env}); err != nil {
			return nil, err
		}
	}
	if env == nil {
		return images, nil
	}
	_, err = imageclone.Add(mgr, imageclone.Options{
		Engine: engine{&registry.Copier{Client: client}},
		Order: func(_ context.Context, c clone.Choice, _ imageclone.User) (clone.Job, error) {
			return clone.Job{
				Source: c.Origin, Target: c.Policy.Target.Pushed(c.Copy), TargetLogins: logins,
				Copying: c.Policy.Copy, Overwrite: c.Policy.Overwrite, Anchor: c.Origin.Pinned(),
			}, nil
		},
		Env:   env,
		Kinds: env.Match.Kinds,
	})
	return images, err
}

// envCloner reads the image cloner's environment. Without any of its variables
// it counts only where nothing else was asked for.
func envCloner(o options, hosts *registry.Hosts) (*clone.Policy, image.Logins, error) {
	lookup := o.env
	if lookup == nil {
		lookup = os.LookupEnv
	}
	if !o.clonerAlone() && !envSays(lookup) {
		return nil, nil, nil
	}
	policy, err := clone.FromEnv(lookup)
	if err != nil {
		return nil, nil, err
	}
	push := policy.Target.Pushed(image.Ref{Host: policy.Target.Host}).Host
	insecure, _ := lookup(clone.EnvInsecure)
	hosts.SetPolicies([]registry.Host{{Host: push, PlainHTTP: insecure == "true" || local(push)}})
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

// engine is a copier as the controller knows one.
type engine struct{ copier *registry.Copier }

// Copy copies one image.
func (e engine) Copy(ctx context.Context, j clone.Job, progress func(clone.Progress)) (clone.Outcome, error) {
	copied, err := e.copier.Copy(ctx, registry.Job{
		Source: j.Source, Target: j.Target, SourceLogins: j.SourceLogins, TargetLogins: j.TargetLogins,
		Replace:  func(digest string) bool { return j.Overwrite || digest == j.Wrote },
		Progress: func(p registry.Progress) { progress(progressOf(p)) },
	})
	if f, ok := errors.AsType[*registry.CopyFailure](err); ok {
		return clone.Outcome{}, &clone.Failure{Failure: f.Failure, Source: f.Source}
	}
	if err != nil {
		return clone.Outcome{}, fmt.Errorf("copying %s: %w", j.Source.Written, err)
	}
	return clone.Outcome{Digest: copied.Digest, Already: copied.Already, Progress: progressOf(copied.Progress)}, nil
}

func progressOf(p registry.Progress) clone.Progress {
	return clone.Progress{
		Sent: p.Sent, Mounted: p.Mounted, Skipped: p.Skipped, Total: p.Total, Blobs: int(p.Blobs), AllBlobs: int(p.AllBlobs),
	}
}
