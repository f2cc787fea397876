// SPDX-License-Identifier: Apache-2.0

// Package lab runs a cluster on one machine.
//
//	up ──starts──▶ supervisor ──no node──▶ plane: etcd, API server, controllers
//	                   │
//	                   └──node──▶ init (PID 1 of its own namespaces)
//	                                └─▶ plane + containerd, kubelet, kube-proxy, DNS
//	                   ports on loopback ══unix sockets══▶ forwarded inside
//
//	status, component ──control socket──▶ plane        down ──SIGTERM──▶ supervisor
//
// It never touches the machine's interfaces, routes, firewall or mounts, and
// writes nothing outside the data directory but its own cgroup.
package lab
