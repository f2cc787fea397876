// SPDX-License-Identifier: Apache-2.0

// Package kubeapi is the little that the lab itself asks of the API server:
// is it ready, is this object there, and server-side apply of a handful of
// objects. It speaks plain HTTP and JSON; clients for programs belong elsewhere.
package kubeapi
