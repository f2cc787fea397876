// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
)

// Addresses inside a lab's network, the same in every lab since no lab sees
// another's.
const (
	NodeIP       = "10.250.0.1"
	HubIP        = "10.250.0.2" // of what plays Docker Hub: when it is gone, nobody is there
	ServiceCIDR  = "10.96.0.0/16"
	PodCIDR      = "10.245.0.0/24"
	KubernetesIP = "10.96.0.1"
	DNSIP        = "10.96.0.10"
	APIPort      = 6443
	IngressPort  = 9080 // as neighbours/ingress has it
	RegistryHost = "registry.kube-system.svc.cluster.local"
	GitHost      = "git.kube-system.svc.cluster.local"
	HookURL      = "http://rhumb-artifacts.rhumb-system.svc.cluster.local/hooks/registry"
	GitHookURL   = "http://rhumb-artifacts.rhumb-system.svc.cluster.local/hooks/git"
)

// Settings is what "up" was asked for, once every choice is made.
type Settings struct {
	Name         string    `json:"name"`
	Node         bool      `json:"node"`
	Scheduler    bool      `json:"scheduler"`
	APIPort      int       `json:"apiPort"`
	RegistryPort int       `json:"registryPort"`
	Notify       []string  `json:"notify,omitempty"`
	Forwards     []Forward `json:"forwards,omitempty"`
	Ephemeral    bool      `json:"ephemeral,omitempty"`
	With         []string  `json:"with,omitempty"`    // neighbours
	GitPort      int       `json:"gitPort,omitempty"` // 0 without a git server
	GitNotify    []string  `json:"gitNotify,omitempty"`
	GitSecret    bool      `json:"gitSecret,omitempty"`   // notifications are signed with what is in Layout.GitSecret
	IngressPort  int       `json:"ingressPort,omitempty"` // 0 without an ingress controller
	Outside      []Outside `json:"outside,omitempty"`     // names of the outside world that the lab answers for
}

// Forward is a port of the machine's loopback that leads into the lab.
type Forward struct {
	Listen string `json:"listen"`
	Target string `json:"target"`
}

// ParseForward reads LISTEN=TARGET, each a host:port; a LISTEN that is a bare
// port means the loopback address.
func ParseForward(s string) (Forward, error) {
	listen, target, ok := strings.Cut(s, "=")
	if !ok {
		return Forward{}, fmt.Errorf("forward %q: want LISTEN=TARGET, for example 127.0.0.1:8080=%s:80", s, NodeIP)
	}
	if !strings.Contains(listen, ":") {
		listen = "127.0.0.1:" + listen
	}
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return Forward{}, fmt.Errorf("forward %q: reading %q: %w", s, listen, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return Forward{}, fmt.Errorf("forward %q: %s is not a loopback address; a lab listens nowhere else", s, host)
	}
	if _, _, err := net.SplitHostPort(target); err != nil {
		return Forward{}, fmt.Errorf("forward %q: reading %q: %w", s, target, err)
	}
	return Forward{Listen: listen, Target: target}, nil
}

// Save writes the settings for the supervisor and for later commands.
func (l Layout) Save(s Settings) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding settings: %w", err)
	}
	if err := os.WriteFile(l.Settings(), append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing settings: %w", err)
	}
	return nil
}

// Load reads the settings of the last "up".
func (l Layout) Load() (Settings, error) {
	var s Settings
	raw, err := os.ReadFile(l.Settings())
	if err != nil {
		return s, fmt.Errorf("reading settings: %w", err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("reading settings %s: %w", l.Settings(), err)
	}
	return s, nil
}
