// SPDX-License-Identifier: Apache-2.0

// Package cluster is a person's sight of a cluster: with the rights of their
// kubeconfig, and nothing kept between two commands.
//
//	kubeconfig, context, namespace ─▶ Open ─▶ Cluster ─┬─ Workload, Create, Patch, Delete, List
//	                                                   ├─ Facts ──▶ what view shows: pods by label or by who made them
//	                                                   ├─ Changes ▶ a signal whenever one of the facts may have changed
//	                                                   └─ Tail ───▶ lines of every container, each once
//
// What the person may not read is said, and stops nothing else. It never asks
// for a Secret.
package cluster
