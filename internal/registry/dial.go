// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// refused is a dial that was not made, since a tenant chose the address.
type refused struct {
	address string
	kind    string
}

func (r *refused) Error() string { return fmt.Sprintf("%s is a %s address", r.address, r.kind) }

// metadata are addresses of clouds' instance metadata that no range below covers.
var metadata = map[netip.Addr]bool{
	netip.MustParseAddr("fd00:ec2::254"):   true,
	netip.MustParseAddr("100.100.100.200"): true,
}

// forbidden names the kind of an address that no tenant's image may reach, or returns nothing.
func forbidden(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	switch {
	case ip.IsLoopback():
		return "loopback"
	case ip.IsLinkLocalUnicast():
		return "link-local"
	case ip.IsUnspecified():
		return "unspecified"
	case ip.IsMulticast():
		return "multicast"
	case ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "broadcast"
	case metadata[ip]:
		return "cloud metadata"
	}
	return ""
}

// dialer checks each address when it is dialled, after the name was resolved, so that a name that changes its mind between
// a check and the dial gains nothing.
func dialer(trusts func(address string) bool) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
		if !trusts(address) {
			d.ControlContext = func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
				ap, err := netip.ParseAddrPort(resolved)
				if err != nil {
					return fmt.Errorf("parsing address %q: %w", resolved, err)
				}
				if kind := forbidden(ap.Addr()); kind != "" {
					return &refused{address: ap.Addr().String(), kind: kind}
				}
				return nil
			}
		}
		return d.DialContext(ctx, network, address)
	}
}
