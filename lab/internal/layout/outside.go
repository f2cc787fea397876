// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What may answer for a name of the outside world.
const (
	OutsideGit      = "git"
	OutsideRegistry = "registry"
	OutsideHub      = "hub"
)

// Outside is a name of the outside world that the lab answers for.
type Outside struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// dockerHub are the names of one registry: people write the first, or none, and
// programs ask the others.
var dockerHub = []string{"docker.io", "index.docker.io", "registry-1.docker.io"}

// hubNames are all that a client meets at Docker Hub: the registry, who lets
// people in, and where blobs come from.
var hubNames = append(slices.Clone(dockerHub), "auth.docker.io", "production.cloudflare.docker.com")

var dnsName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ParseOutside reads NAME=git, NAME=registry or docker.io=hub.
func ParseOutside(s string) (Outside, error) {
	name, kind, _ := strings.Cut(s, "=")
	o := Outside{strings.ToLower(name), kind}
	switch kind {
	case OutsideGit, OutsideRegistry:
	case OutsideHub:
		if !slices.Contains(dockerHub, o.Name) {
			return Outside{}, fmt.Errorf("outside name %q: only docker.io can be the hub", s)
		}
	default:
		return Outside{}, fmt.Errorf("outside name %q: want NAME=%s, NAME=%s or docker.io=%s, for example github.com=git", s, OutsideGit, OutsideRegistry, OutsideHub)
	}
	if len(o.Name) > 253 || !dnsName.MatchString(o.Name) {
		return Outside{}, fmt.Errorf("outside name %q: %q is no name of a host, without a port and with a dot", s, name)
	}
	if strings.HasSuffix("."+o.Name, ".cluster.local") {
		return Outside{}, fmt.Errorf("outside name %q: names below cluster.local are the cluster's own", s)
	}
	return o, nil
}

// OutsideNames are the names that a kind answers for, in order, each once.
func (s Settings) OutsideNames(kind string) []string {
	var out []string
	for _, o := range s.Outside {
		switch {
		case o.Kind != kind:
		case kind == OutsideHub:
			out = append(out, hubNames...)
		case kind == OutsideRegistry && slices.Contains(dockerHub, o.Name):
			out = append(out, dockerHub...)
		default:
			out = append(out, o.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// CheckOutside refuses names that nobody in this lab could answer for.
func (s Settings) CheckOutside() error {
	hub, registry := len(s.OutsideNames(OutsideHub)) > 0, s.OutsideNames(OutsideRegistry)
	if hub && slices.ContainsFunc(registry, func(name string) bool { return slices.Contains(hubNames, name) }) {
		return fmt.Errorf("Docker Hub is asked to be both %s and %s", OutsideRegistry, OutsideHub)
	}
	kinds := map[string]string{}
	for _, o := range s.Outside {
		switch {
		case !s.Node:
			return fmt.Errorf("--outside %s=%s is for pods: there are none with --no-node", o.Name, o.Kind)
		case o.Kind == OutsideGit && s.GitPort == 0:
			return fmt.Errorf("--outside %s=git needs the git server: add --with git", o.Name)
		case kinds[o.Name] != "" && kinds[o.Name] != o.Kind:
			return fmt.Errorf("--outside %s is asked to be both %s and %s", o.Name, kinds[o.Name], o.Kind)
		}
		kinds[o.Name] = o.Kind
	}
	return nil
}
