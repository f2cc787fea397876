// SPDX-License-Identifier: Apache-2.0

// Package registry reaches image registries: which address stands for a host, with whose credentials, how often.
//
//	registries file ─┐
//	local-registry- ─┴▶ Hosts ──endpoints──▶ Client ──HEAD──▶ digest ──▶ Poller ──▶ whoever watches the image
//	hosting ConfigMap                        │  ▲                        ▲  one poll for all who watch the same
//	pull secrets, docker config, clouds ─────┼──┘ logins                 └─ Nudge: a registry said that it was pushed to
//	                                         ├─GET─▶ layers ──Export──▶ the file tree as one tar.gz
//	                                         └─GET, PUT─▶ Copier: an image of one registry, whole, in another
//
// A credential goes to the host that it was given for and to that host's token service, nowhere else; it never follows a
// redirect and is in no error. An address that a tenant chose is checked when it is dialled. Bodies, counts and times are
// bounded.
//
// It never reads the API server, but for the one ConfigMap that announces a local registry, and never writes to it.
package registry
