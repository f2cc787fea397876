// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"rhumb.run/rhumb/lab/internal/box"
	"rhumb.run/rhumb/lab/internal/forward"
	"rhumb.run/rhumb/lab/internal/layout"
	"rhumb.run/rhumb/lab/internal/process"
	"rhumb.run/rhumb/lab/internal/render"
)

// cniBins are where distributions keep the CNI plugins, Debian first.
var cniBins = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}

// Inside runs all of a lab with a node, in its box, until ctx ends.
func Inside(ctx context.Context, emit Emit) error {
	l := layout.Layout{Root: box.DataDir}
	s, err := l.Load()
	if err != nil {
		return err
	}
	if err := writeNodeConfigs(l, s); err != nil {
		return err
	}
	p, err := newPlane(l, s, emit)
	if err != nil {
		return err
	}
	defer p.endNode()
	for i, f := range ports(s) {
		if err := forward.Inside(ctx, l.Forward(i), f.Target); err != nil {
			return err
		}
	}
	if err := p.serveControl(ctx); err != nil {
		return err
	}
	if err := p.node(ctx); err != nil {
		return fmt.Errorf("starting the lab: %w", err)
	}
	emit(Event{Ready: true})
	<-ctx.Done()
	return nil
}

func writeNodeConfigs(l layout.Layout, s layout.Settings) error {
	bin, err := firstDir(cniBins)
	if err != nil {
		return err
	}
	_, statErr := os.Stat(box.BridgeFilter)
	local, cluster := render.RegistryHosts(s)
	files := map[string]string{
		l.Etc("containerd.toml"):     render.Containerd(l, render.ShippedImage(s, pauseProgram), bin, snapshotter(l)),
		l.Etc("cni/10-lab.conflist"): render.CNI(),
		l.Etc("kubelet.yaml"):        render.KubeletConfig(l, s),
		l.Etc("kube-proxy.yaml"):     render.KubeProxyConfig(l, statErr == nil),
		l.Etc("resolv.conf"):         render.PodResolvConf(),
	}
	for _, host := range append(s.OutsideNames(layout.OutsideRegistry), local, cluster) {
		files[l.Etc(filepath.Join("hosts", host, "hosts.toml"))] = render.HostsTOML(s)
	}
	for file, content := range files {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return fmt.Errorf("making a directory for configuration: %w", err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return fmt.Errorf("writing configuration: %w", err)
		}
	}
	return nil
}

// snapshotter that works on the data directory's file system.
func snapshotter(l layout.Layout) string {
	const overlay = 0x794c7630
	var fs unix.Statfs_t
	if err := unix.Statfs(l.State("containerd"), &fs); err == nil && int64(fs.Type) == overlay {
		return "native"
	}
	return "overlayfs"
}

func firstDir(dirs []string) (string, error) {
	for _, d := range dirs {
		if _, err := os.Stat(filepath.Join(d, "bridge")); err == nil {
			return d, nil
		}
	}
	return "", fmt.Errorf("no CNI plugins in any of %v", dirs)
}

// node starts everything of a lab with a node and waits for each part.
func (p *plane) node(ctx context.Context) error {
	runtime, err := find("containerd")
	if err != nil {
		return fmt.Errorf("finding containerd: %w", err)
	}
	p.group.Start(process.Spec{
		Name: "containerd", Path: runtime, Args: []string{"--config", p.layout.Etc("containerd.toml")},
		// It pulls from names of the outside world as it does elsewhere, by HTTPS, and believes who the lab's images believe.
		Env: append(environment(p.layout), "SSL_CERT_FILE="+p.layout.Authorities()), Dir: "/", Log: p.layout.Log("containerd"), Grace: 10 * time.Second,
	})
	p.begin()
	shipped := make(chan error, 1)
	var dns string
	go func() {
		var err error
		dns, err = p.shipImages(ctx)
		shipped <- err
	}()
	if err := p.serving(ctx); err != nil {
		return err
	}
	if err := p.await(ctx, "containerd", 30*time.Second, containerdUp); err != nil {
		return err
	}
	p.start("kubelet", render.Kubelet(p.layout))
	p.start("kube-proxy", []string{"--config=" + p.layout.Etc("kube-proxy.yaml")})
	if err := p.usable(ctx); err != nil {
		return err
	}
	if err := <-shipped; err != nil {
		return err
	}
	own := slices.Concat(render.RegistryService(p.settings), render.GitService(p.settings), render.StorageClass(), render.CoreDNS(dns, p.settings))
	if err := p.apply(ctx, own...); err != nil {
		return err
	}
	if err := p.nodeUp(ctx); err != nil {
		return err
	}
	return p.neighbours(ctx)
}

// nodeUp waits for what only a node has.
func (p *plane) nodeUp(ctx context.Context) error {
	if err := p.await(ctx, "the node", 2*time.Minute, p.nodeReady); err != nil {
		return err
	}
	if err := p.await(ctx, "DNS", 2*time.Minute, p.dnsReady); err != nil {
		return err
	}
	return p.await(ctx, "the name of the registry", 30*time.Second, func(ctx context.Context) error {
		_, err := net.DefaultResolver.LookupHost(ctx, layout.RegistryHost+".")
		return err
	})
}

func containerdUp(ctx context.Context) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", render.ContainerdSocket)
	if err != nil {
		return err
	}
	return conn.Close()
}

// nodeReady asks whether the node takes pods.
func (p *plane) nodeReady(ctx context.Context) error {
	var node struct {
		Status struct {
			Conditions []struct {
				Type, Status, Message string
				LastHeartbeatTime     time.Time
			}
		}
	}
	if err := p.api.Get(ctx, "/api/v1/nodes/"+render.NodeName, &node); err != nil {
		return err
	}
	for _, c := range node.Status.Conditions {
		// What a node of the last start said of itself is not worth much now.
		if c.Type == "Ready" && !c.LastHeartbeatTime.Before(p.began.Truncate(time.Second)) {
			if c.Status == "True" {
				return nil
			}
			return errors.New(c.Message)
		}
	}
	return errors.New("the kubelet has said nothing yet")
}

// dnsReady asks whether the present generation of CoreDNS serves.
func (p *plane) dnsReady(ctx context.Context) error { return p.deploymentReady(ctx, render.DNSPath) }

// deploymentReady asks whether the present generation of a Deployment serves.
func (p *plane) deploymentReady(ctx context.Context, path string) error {
	var d struct {
		Metadata struct{ Generation int64 }
		Status   struct {
			ObservedGeneration             int64
			ReadyReplicas, UpdatedReplicas int
		}
	}
	if err := p.api.Get(ctx, path, &d); err != nil {
		return err
	}
	if d.Status.ObservedGeneration < d.Metadata.Generation || d.Status.ReadyReplicas < 1 || d.Status.UpdatedReplicas < 1 {
		return fmt.Errorf("%d of 1 pods are ready", d.Status.ReadyReplicas)
	}
	return nil
}

func (p *plane) nodeProblems(ctx context.Context) []string {
	var out []string
	if err := p.nodeReady(ctx); err != nil {
		out = append(out, fmt.Sprintf("the node is not ready: %v", err))
	}
	if err := p.dnsReady(ctx); err != nil {
		out = append(out, fmt.Sprintf("DNS is not ready: %v", err))
	}
	return out
}
