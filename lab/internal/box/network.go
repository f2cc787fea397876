// SPDX-License-Identifier: Apache-2.0

//go:build linux

package box

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/vishvananda/netlink"

	"rhumb.run/rhumb/lab/internal/layout"
)

// network gives loopback the one address that the box, its pods and its
// container runtime all reach, and another for what plays Docker Hub, and keeps traffic to Services at home.
func network() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding loopback: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("raising loopback: %w", err)
	}
	ip := net.ParseIP(layout.NodeIP)
	for _, own := range []net.IP{ip, net.ParseIP(layout.HubIP)} {
		addr := &netlink.Addr{IPNet: &net.IPNet{IP: own, Mask: net.CIDRMask(32, 32)}}
		if err := netlink.AddrAdd(lo, addr); err != nil {
			return fmt.Errorf("adding %s to loopback: %w", own, err)
		}
	}
	_, services, err := net.ParseCIDR(layout.ServiceCIDR)
	if err != nil {
		return fmt.Errorf("reading the range of services: %w", err)
	}
	route := &netlink.Route{LinkIndex: lo.Attrs().Index, Dst: services, Src: ip, Scope: netlink.SCOPE_LINK}
	if err := netlink.RouteAdd(route); err != nil {
		return fmt.Errorf("routing services to loopback: %w", err)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return fmt.Errorf("allowing forwarding inside the box: %w", err)
	}
	// Without the bridge's module there is no such file: kube-proxy is told to
	// masquerade instead, see render.KubeProxy.
	err = os.WriteFile(BridgeFilter, []byte("1"), 0o644)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("letting iptables see bridged packets: %w", err)
	}
	return nil
}

// BridgeFilter is there when iptables sees packets that a bridge carries.
const BridgeFilter = "/proc/sys/net/bridge/bridge-nf-call-iptables"
