// SPDX-License-Identifier: Apache-2.0

// Package layout says where each file of a lab lives. Everything a lab writes
// is under its one data directory; this package only computes paths and never
// touches the disk, but for Default, which reads the environment.
//
//	<data>/lock, settings.json, kubeconfig      what people and commands look at
//	<data>/pki, etcd, registry, containerd, …   state that a restart keeps
//	<data>/etc, run                             written anew by every start
//	<data>/logs                                 one file a component
package layout
