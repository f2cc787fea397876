// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/manager"

	"rhumb.run/rhumb/internal/admission"
	"rhumb.run/rhumb/internal/artifact"
	"rhumb.run/rhumb/internal/controller/imagerepository"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
	"rhumb.run/rhumb/internal/registry/tree"
)

// artifactCacheSize bounds the tarballs that are kept on disk.
const artifactCacheSize = 2 << 30

// imageLimits bound the file tree of one image: the largest of the common
// build images fit several times.
var imageLimits = tree.Limits{Bytes: 8 << 30, Entries: 250_000}

// addImages adds those who ask registries. How registries are reached is one
// thing for all of them. What it returns knows what admission has to know; nil
// if nobody does.
func addImages(ctx context.Context, mgr manager.Manager, o options, pushed heard) (admission.Images, error) {
	if !o.runs("imagerepository") && !o.runs("imagecloner") {
		return nil, nil
	}
	client, hosts, err := addRegistries(mgr, o)
	if err != nil {
		return nil, err
	}
	if o.runs("imagerepository") {
		if err := addImageRepositories(ctx, mgr, o, pushed, client, hosts); err != nil {
			return nil, err
		}
	}
	if !o.runs("imagecloner") {
		return nil, nil
	}
	return addImageCloner(ctx, mgr, o, client, hosts)
}

// addImageRepositories joins the controller that polls registries and the
// server that hands out what they hold.
func addImageRepositories(ctx context.Context, mgr manager.Manager, o options, pushed heard, client *registry.Client, hosts *registry.Hosts) error {
	poller := registry.NewPoller(client, hosts.Alias)
	hosts.OnChange(poller.Retry)
	dir, err := artifactDir(o)
	if err != nil {
		return err
	}
	making := filepath.Join(dir, "making")
	if err := os.MkdirAll(making, 0o700); err != nil {
		return fmt.Errorf("making the artifact folder: %w", err)
	}
	catalog, err := imagerepository.Add(ctx, mgr, imagerepository.Options{
		Poller:      poller,
		Registry:    &registry.Exporter{Client: client, Platform: "linux/" + runtime.GOARCH, Dir: making, Limits: imageLimits},
		Nudge:       poller.Nudge,
		ArtifactURL: artifactURL(o),
		Path:        artifact.Path,
	})
	if err != nil {
		return err
	}
	server, err := newArtifactServer(mgr, o, catalog, filepath.Join(dir, "kept"), pushed)
	if err != nil {
		return err
	}
	return errors.Join(mgr.Add(poller), mgr.Add(server))
}

// artifactDir is the user's own: a folder that all users share could be
// somebody else's.
func artifactDir(o options) (string, error) {
	if o.artifactDir != "" {
		return o.artifactDir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding a folder for artifacts (set --artifact-dir): %w", err)
	}
	return filepath.Join(cache, "rhumb-controller", "artifacts"), nil
}

// addRegistries says how registries are reached: by the operator's file, and
// by what the cluster announces of its local registry.
func addRegistries(mgr manager.Manager, o options) (*registry.Client, *registry.Hosts, error) {
	hosts := registry.NewHosts()
	log := mgr.GetLogger().WithName("registry")
	if o.registries != "" {
		file, err := registry.NewFile(o.registries, hosts, log)
		if err != nil {
			return nil, nil, fmt.Errorf("reading --registries-config: %w", err)
		}
		if err := mgr.Add(file); err != nil {
			return nil, nil, err
		}
	}
	announcer, err := registry.NewAnnouncer(mgr.GetConfig(), hosts, inCluster(), log)
	if err != nil {
		return nil, nil, fmt.Errorf("watching for a local registry: %w", err)
	}
	if err := mgr.Add(announcer); err != nil {
		return nil, nil, err
	}
	keychain, err := registry.NewAmbient(o.keychains...)
	if err != nil {
		return nil, nil, fmt.Errorf("reading --keychains: %w", err)
	}
	return registry.NewClient(registry.Options{Hosts: hosts, Keychain: keychain}), hosts, nil
}

func newArtifactServer(mgr manager.Manager, o options, catalog *imagerepository.Catalog, dir string, pushed heard) (*artifact.Server, error) {
	cache, err := artifact.OpenCache(dir, artifactCacheSize)
	if err != nil {
		return nil, err
	}
	token, err := hookToken(o)
	if err != nil {
		return nil, err
	}
	return artifact.New(artifact.Options{
		Addr: o.artifactBind, Source: catalog, Cache: cache, Notify: catalog.Heard, Pushed: pushed, HookToken: token,
		Log: mgr.GetLogger().WithName("artifact"),
	}), nil
}

func hookToken(o options) (image.Secret, error) {
	if o.hookToken == "" {
		return "", nil
	}
	raw, err := os.ReadFile(o.hookToken)
	if err != nil {
		return "", fmt.Errorf("reading --hook-token-file: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if token == "" {
		return "", fmt.Errorf("--hook-token-file %s is empty", o.hookToken)
	}
	return image.Secret(token), nil
}

// artifactURL is where others reach the artifact server.
func artifactURL(o options) string {
	switch {
	case o.artifactAddress != "":
		return "http://" + o.artifactAddress
	case inCluster():
		return "http://rhumb-artifacts." + o.leaderNamespace + ".svc.cluster.local"
	}
	host, port, err := net.SplitHostPort(o.artifactBind)
	if err != nil {
		return "http://" + o.artifactBind
	}
	if host == "" {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// inCluster is true in a pod: names of the cluster's network mean something then.
func inCluster() bool { return os.Getenv("KUBERNETES_SERVICE_HOST") != "" }
