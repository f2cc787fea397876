// SPDX-License-Identifier: Apache-2.0

// Command rhumb shows and changes workloads of a cluster, and renders, tests and
// lints supply chains from files, without one; it copies images. Named kubectl-rhumb it is a
// plugin: kubectl rhumb.
//
//	a kubeconfig ─cluster─▶ workload, cluster-supply-chain
//	                        ├─ apply, create ▶ draft ─▶ difference ─▶ a yes ─▶ written; upload for source that lies here
//	                        ├─ get, list ────▶ view ──▶ sections and tables
//	                        ├─ tail, delete
//	                        └─ images: list, plan, restore
//	registries ─Copier─▶ images: copy, verify, export and import by way of archive
//	files ─paper─▶ ─┬─ render ─▶ preview ─▶ objects on stdout, what is missing on stderr
//	                ├─ test ───▶ suite, story ─▶ PASS or FAIL
//	                └─ lint ───▶ lint ─▶ findings with file, line and column
//
// Exit codes: 0 all is well, 1 something is wrong with what was read or could
// not be done, 2 the command was not understood, or a workload is not ready, 3
// the answer could not be written.
package main
