// SPDX-License-Identifier: Apache-2.0

// Package image holds what is said about images: how a reference reads, who may pull it, what a registry answered.
//
//	"localhost:5000/apps/demo" ──Parse──▶ Ref ─┬─▶ Target ──(a poller)──▶ Seen{digest} ──Ref.Revision──▶ name:tag@sha256:…
//	Secret data ──ParseSecret──▶ Logins ───────┘                     └──▶ Seen{Failure}: reason, what happened, the fix
//	a registry's notification ──▶ Pushed ──Matches──▶ Ref
//
// The types are the words that the controller and the registry adapter share, so that neither imports the other.
//
// It never talks to a registry or to the API server, and a password in it is never printed: see Secret.
package image
