// SPDX-License-Identifier: Apache-2.0

// Package hub plays Docker Hub, inside the box only: a registry of its own, on
// an address of its own, by HTTPS, under the names that programs know it by.
//
//	client ──GET /v2/…────▶ registry-1.docker.io   401: Bearer, from auth.docker.io
//	       ──GET /token───▶ auth.docker.io         anybody pulls; user lab pushes
//	       ──GET /v2/…────▶ registry-1.docker.io   ratelimit-… on manifests, 429 beyond
//	       ──GET a blob───▶ production.cloudflare.docker.com, by a signed redirect
//	rhumb-lab ──run/hub.sock──▶ /v2/… without tokens; what was asked for; the limit
//
// What clients have to get right with the real one fails here as it does there:
// a password that is sent along a redirect, a GET where HEAD would have been
// free, a limit that is run into.
package hub
