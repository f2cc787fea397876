// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rhumb.run/rhumb/lab/internal/git"
	"rhumb.run/rhumb/lab/internal/image"
	"rhumb.run/rhumb/lab/internal/layout"
	"rhumb.run/rhumb/lab/internal/neighbour"
	"rhumb.run/rhumb/lab/internal/render"
)

// runsInPods tells the neighbours that are installed into the cluster from the
// one that is a component of the lab.
func runsInPods(name string) bool {
	return name != neighbour.Git && slices.Contains(neighbour.Names(), name)
}

// neighboursFit refuses neighbours that can't run, and says what to do.
func neighboursFit(s layout.Settings) error {
	for _, name := range s.With {
		switch {
		case !slices.Contains(neighbour.Names(), name):
			return fmt.Errorf("no neighbour %q: there are %s", name, strings.Join(neighbour.Names(), ", "))
		case name == neighbour.Git:
			if _, err := git.Backend(); err != nil {
				return fmt.Errorf("the git server is git's own: apt-get install -y --no-install-recommends git: %w", err)
			}
		case !s.Node:
			return fmt.Errorf("neighbour %s runs in pods: there are none with --no-node", name)
		default:
			if _, err := openNeighbour(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func openNeighbour(name string) (neighbour.Neighbour, error) {
	self, err := os.Executable()
	if err != nil {
		return neighbour.Neighbour{}, fmt.Errorf("finding our own program: %w", err)
	}
	return neighbour.Open(neighbour.Dir(self, name), name)
}

// neighbours installs those that were asked for and waits until they serve.
func (p *plane) neighbours(ctx context.Context) error {
	var all []neighbour.Neighbour
	for _, name := range p.settings.With {
		if !runsInPods(name) {
			continue
		}
		n, err := openNeighbour(name)
		if err != nil {
			return err
		}
		if err := p.install(ctx, n); err != nil {
			return fmt.Errorf("installing %s: %w", name, err)
		}
		all = append(all, n)
	}
	for _, n := range all { // they start side by side
		if err := p.await(ctx, n.Name, 4*time.Minute, func(ctx context.Context) error { return p.available(ctx, n) }); err != nil {
			return err
		}
	}
	return nil
}

// install pushes a neighbour's images and applies its objects, unless that was
// done before. What fails is tried again: a definition takes a moment until
// objects of its kind can be made, and a webhook until it answers.
func (p *plane) install(ctx context.Context, n neighbour.Neighbour) error {
	references, err := p.shipNeighbour(ctx, n)
	if err != nil {
		return err
	}
	objects, err := n.Objects(references)
	if err != nil {
		return err
	}
	marker := p.layout.State(filepath.Join("etcd", "installed-"+n.Name))
	sum := installation(n, references)
	if raw, err := os.ReadFile(marker); err == nil && string(raw) == sum {
		return nil
	}
	err = p.await(ctx, "the installation of "+n.Name, 2*time.Minute, func(ctx context.Context) error {
		var refused error
		objects = slices.DeleteFunc(objects, func(o neighbour.Object) bool {
			err := p.api.Apply(ctx, o.Path, o.Body)
			if refused == nil {
				refused = err
			}
			return err == nil
		})
		return refused
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(marker, []byte(sum), 0o600); err != nil {
		return fmt.Errorf("remembering what was installed: %w", err)
	}
	return nil
}

// installation changes when what is applied does.
func installation(n neighbour.Neighbour, references map[string]string) string {
	sum := sha256.New()
	sum.Write(n.Manifest)
	for _, i := range n.Images {
		fmt.Fprintln(sum, i.Replaces, references[i.Replaces])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// shipNeighbour pushes a neighbour's images, and says which placeholder each is for.
func (p *plane) shipNeighbour(ctx context.Context, n neighbour.Neighbour) (map[string]string, error) {
	references := map[string]string{}
	local, cluster := render.RegistryHosts(p.settings)
	for _, i := range n.Images {
		pushed := ""
		if i.Made() {
			name, spec, err := n.Spec(i, p.self)
			if err != nil {
				return nil, err
			}
			spec.CA = p.layout.Authorities()
			if pushed, err = p.shipSpec(ctx, name, spec); err != nil {
				return nil, err
			}
			for _, alias := range i.Aliases {
				if err := image.Alias(ctx, pushed, local+"/"+alias); err != nil {
					return nil, err
				}
			}
		}
		references[i.Replaces] = i.Reference(pushed, local, cluster)
	}
	return references, nil
}

// available asks whether every Deployment of a neighbour serves.
func (p *plane) available(ctx context.Context, n neighbour.Neighbour) error {
	objects, err := n.Objects(nil)
	if err != nil {
		return err
	}
	for _, path := range neighbour.Deployments(objects) {
		if err := p.deploymentReady(ctx, path); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return nil
}

func (p *plane) neighbourProblems(ctx context.Context) []string {
	var out []string
	for _, name := range p.settings.With {
		if !runsInPods(name) {
			continue
		}
		n, err := openNeighbour(name)
		if err == nil {
			err = p.available(ctx, n)
		}
		if err != nil {
			out = append(out, fmt.Sprintf("%s is not ready: %v", name, err))
		}
	}
	return out
}

// orderNeighbour takes a neighbour's pods away, or gives them back. One that is
// not there yet is installed.
func (p *plane) orderNeighbour(ctx context.Context, name, verb string) error {
	if !p.settings.Node {
		return errors.New("neighbours run in pods: there are none with --no-node")
	}
	n, err := openNeighbour(name)
	if err != nil {
		return err
	}
	switch verb {
	case "stop":
		return p.scale(ctx, n, 0)
	case "start":
		if err := p.install(ctx, n); err != nil {
			return fmt.Errorf("installing %s: %w", name, err)
		}
		if err := p.scale(ctx, n, 1); err != nil {
			return err
		}
		return p.await(ctx, name, 4*time.Minute, func(ctx context.Context) error { return p.available(ctx, n) })
	default:
		return fmt.Errorf("no verb %q for a neighbour that runs in pods: there are stop and start", verb)
	}
}

// scale sets how many pods each Deployment of a neighbour has.
func (p *plane) scale(ctx context.Context, n neighbour.Neighbour, replicas int) error {
	objects, err := n.Objects(nil)
	if err != nil {
		return err
	}
	for _, path := range neighbour.Deployments(objects) {
		if err := p.api.Merge(ctx, path, map[string]any{"spec": map[string]any{"replicas": replicas}}); err != nil {
			return fmt.Errorf("scaling %s: %w", n.Name, err)
		}
	}
	return nil
}
