// SPDX-License-Identifier: Apache-2.0

// Package imagerepository watches the images that ImageRepositories name.
//
//	spec ─┬─▶ reference ─┐                      ┌─▶ status: revision, url, conditions   (written only on change)
//	      └─▶ logins ────┴─▶ Poller.Watch ─Seen─┤
//	                             ▲              └─▶ event StatusUpdated
//	   registry's hook ──Heard───┘ somebody pushed
//	   artifact request ──Tree──▶ may this digest be served, and how is its tarball made
//
// The poller polls, and wakes an object when it sees something new; this package turns what was seen into a status. The last
// good artifact stays in the status for as long as the spec names its image.
//
// It never polls by itself, never keeps a Secret, and writes nothing while nothing changes.
package imagerepository
