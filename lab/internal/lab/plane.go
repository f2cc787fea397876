// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"rhumb.run/rhumb/lab/internal/kubeapi"
	"rhumb.run/rhumb/lab/internal/layout"
	"rhumb.run/rhumb/lab/internal/process"
	"rhumb.run/rhumb/lab/internal/render"
)

// plane is the set of processes of one lab, and its API server.
type plane struct {
	layout   layout.Layout
	settings layout.Settings
	self     string // our own program, which all components are
	group    *process.Group
	api      *kubeapi.Client
	emit     Emit
	began    time.Time
}

func newPlane(l layout.Layout, s layout.Settings, emit Emit) (*plane, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding our own program: %w", err)
	}
	api, err := kubeapi.New(l, apiURL(s))
	if err != nil {
		return nil, err
	}
	return &plane{l, s, self, &process.Group{}, api, emit, time.Now()}, nil
}

// apiURL is the API server as seen by its neighbours.
func apiURL(s layout.Settings) string {
	if s.Node {
		return fmt.Sprintf("https://%s:%d", layout.NodeIP, layout.APIPort)
	}
	return fmt.Sprintf("https://127.0.0.1:%d", s.APIPort)
}

// start runs one of the programs within this one.
func (p *plane) start(name string, args []string) {
	p.group.Start(process.Spec{
		Name:  name,
		Path:  p.self,
		Args:  append([]string{"exec-component", name}, args...),
		Env:   environment(p.layout),
		Dir:   p.layout.State("etcd"),
		Log:   p.layout.Log(name),
		Grace: grace(name),
	})
}

// grace is how long a component may take to end. The API server would sit
// on open watches for a minute; etcd has to have finished its last write.
func grace(name string) time.Duration {
	if name == "kube-apiserver" {
		return 5 * time.Second
	}
	return 10 * time.Second
}

// environment is all that a component sees of ours: no proxy, no credential
// and no kubeconfig of the user's reaches it.
func environment(l layout.Layout) []string {
	return []string{
		"PATH=" + searched,
		"HOME=" + l.Root,
		"TMPDIR=" + l.Run("tmp"),
		"OTEL_TRACES_EXPORTER=none",
		"OTEL_METRICS_EXPORTER=none",
		"OTEL_LOGS_EXPORTER=none",
	}
}

// begin starts what waits for nothing.
func (p *plane) begin() {
	p.start("etcd", render.Etcd(p.layout, p.settings))
	p.start("kube-apiserver", render.APIServer(p.layout, p.settings))
	if p.settings.RegistryPort > 0 {
		p.start("registry", render.Registry(p.layout, p.settings))
	}
	if p.settings.GitPort > 0 {
		p.start("git", render.Git(p.layout, p.settings))
	}
	if len(p.settings.OutsideNames(layout.OutsideGit))+len(p.settings.OutsideNames(layout.OutsideRegistry)) > 0 {
		p.start("front", render.Front(p.layout, p.settings))
	}
	if len(p.settings.OutsideNames(layout.OutsideHub)) > 0 {
		p.start("hub", render.Hub(p.layout, p.settings))
	}
}

// serving waits for the API server and starts what would only be in its way
// before.
func (p *plane) serving(ctx context.Context) error {
	if err := p.await(ctx, "the API server", time.Minute, p.api.Ready); err != nil {
		return err
	}
	p.start("kube-controller-manager", render.ControllerManager(p.layout, p.settings))
	if p.settings.Node || p.settings.Scheduler {
		p.start("kube-scheduler", render.Scheduler(p.layout, p.settings))
	}
	if p.settings.Node {
		p.start("volumes", render.Volumes(p.layout))
	}
	return nil
}

// usable waits until a pod could be created, and announces the registry.
func (p *plane) usable(ctx context.Context) error {
	err := p.await(ctx, "the default service account", time.Minute, func(ctx context.Context) error {
		return p.api.Get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil)
	})
	if err != nil || p.settings.RegistryPort == 0 {
		return err
	}
	if !p.settings.Node { // with one, the lab's own images were the first to ask
		if err := p.await(ctx, "the registry", 20*time.Second, registryUp(p.settings)); err != nil {
			return err
		}
	}
	return p.await(ctx, "the registry's announcement", 20*time.Second, func(ctx context.Context) error {
		return p.apply(ctx, render.LocalRegistryHosting(p.settings))
	})
}

func (p *plane) apply(ctx context.Context, objects ...render.Object) error {
	for _, o := range objects {
		if err := p.api.Apply(ctx, o.Path, o.Body); err != nil {
			return fmt.Errorf("applying what the lab ships: %w", err)
		}
	}
	return nil
}

// await asks until the answer is nil, and says how long it took.
func (p *plane) await(ctx context.Context, what string, limit time.Duration, ask func(context.Context) error) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			p.emit.Say("%s is there (%.1fs)", what, time.Since(began).Seconds())
			return nil
		}
		if dead := p.dying(); dead != nil {
			return fmt.Errorf("waiting for %s: %w", what, dead)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
			}
			return fmt.Errorf("waiting for %s for %s: %w; its log is in %s", what, limit, err, p.layout.Logs())
		case <-tick.C:
		}
	}
}

// dying finds a component that does not stay up, with the last lines it wrote.
func (p *plane) dying() error {
	for _, s := range p.group.Statuses() {
		if s.Restarts >= 3 {
			return fmt.Errorf("%s ended %d times (%s); its last lines in %s:\n%s",
				s.Name, s.Restarts, s.Last, p.layout.Log(s.Name), tail(p.layout.Log(s.Name), 5))
		}
	}
	return nil
}
