// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Cluster is a connection to an API server.
type Cluster struct {
	Dynamic dynamic.Interface
	Typed   kubernetes.Interface
}

// Connect opens the cluster of a kubeconfig.
func Connect(kubeconfig string) (*Cluster, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", kubeconfig, err)
	}
	cfg.QPS, cfg.Burst = 200, 400
	cfg.WarningHandler = rest.NoWarnings{} // that a version is old is no news to whoever asks for it
	d, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", cfg.Host, err)
	}
	t, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", cfg.Host, err)
	}
	return &Cluster{Dynamic: d, Typed: t}, nil
}

// Ask sends GET / to a port of a pod, by way of the API server, and returns the
// body of the answer.
func (c *Cluster) Ask(ctx context.Context, namespace, pod string, port int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	body, err := c.Typed.CoreV1().Pods(namespace).ProxyGet("http", pod, fmt.Sprint(port), "/", nil).DoRaw(ctx)
	if err != nil {
		return "", fmt.Errorf("asking pod %s: %w", pod, err)
	}
	return strings.TrimSpace(string(body)), nil
}

// Until asks every so often until the answer is yes or ctx ends. It is for what
// no watch can tell.
func Until(ctx context.Context, what string, every time.Duration, ask func() (yes bool, missing string)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		yes, missing := ask()
		if yes {
			return nil
		}
		select {
		case <-ctx.Done():
			return &Timeout{What: what, Missing: missing, Err: ctx.Err()}
		case <-tick.C:
		}
	}
}

// Timeout says what was waited for, and what was seen last.
type Timeout struct {
	What, Missing string
	Err           error
}

func (t *Timeout) Error() string {
	return fmt.Sprintf("waiting for %s: %v; last seen: %s", t.What, t.Err, t.Missing)
}

// Unwrap gives the reason that the waiting ended.
func (t *Timeout) Unwrap() error { return t.Err }
