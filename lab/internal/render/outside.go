// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"rhumb.run/rhumb/lab/internal/layout"
)

// Front is the flags of what answers for names of the outside world.
func Front(l layout.Layout, s layout.Settings) []string {
	behind := func(port int) string { return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
	args := []string{
		"--listen=" + net.JoinHostPort(layout.NodeIP, "443"), "--pki=" + l.State("pki"), "--password-file=" + l.RegistryPassword(),
		"--git=" + behind(s.GitPort), "--registry=" + behind(s.RegistryPort),
	}
	for _, name := range s.OutsideNames(layout.OutsideGit) {
		args = append(args, "--git-name="+name)
	}
	for _, name := range s.OutsideNames(layout.OutsideRegistry) {
		args = append(args, "--registry-name="+name)
	}
	return args
}

// Hub is the flags of what plays Docker Hub.
func Hub(l layout.Layout, s layout.Settings) []string {
	args := []string{
		"--listen=" + net.JoinHostPort(layout.HubIP, "443"), "--socket=" + l.HubSocket(), "--root=" + l.HubImages(),
		"--pki=" + l.State("pki"), "--password-file=" + l.HubPassword(),
	}
	for _, name := range s.OutsideNames(layout.OutsideHub) {
		args = append(args, "--name="+name)
	}
	return args
}

// outsideHosts is the part of DNS that answers for names of the outside world.
// Its zones are these names, so that nothing else is taken from anybody.
func outsideHosts(s layout.Settings) string {
	front := slices.Concat(s.OutsideNames(layout.OutsideGit), s.OutsideNames(layout.OutsideRegistry))
	hub := s.OutsideNames(layout.OutsideHub)
	var lines string
	for _, at := range []struct {
		ip    string
		names []string
	}{{layout.NodeIP, front}, {layout.HubIP, hub}} {
		if len(at.names) > 0 {
			lines += fmt.Sprintf("        %s %s\n", at.ip, strings.Join(at.names, " "))
		}
	}
	if lines == "" {
		return ""
	}
	return fmt.Sprintf("    hosts /etc/hosts %s {\n%s        ttl 5\n    }\n", strings.Join(slices.Concat(front, hub), " "), lines)
}
