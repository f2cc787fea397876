// SPDX-License-Identifier: Apache-2.0

// Package artifact serves the file trees of images by HTTP, and hears from registries and git servers that something was
// pushed.
//
//	GET  /imagerepository/<namespace>/<name>/<hex>.tar.gz ─▶ Source: may it be served? ─▶ Cache ─miss─▶ made, kept, served
//	POST /hooks/registry ─▶ what was pushed, as a hint ─▶ Notify
//	POST /hooks/git      ─▶ what was pushed, as a hint ─▶ Pushed
//
// A tarball is made when it is first asked for, once for all who ask at that time, and kept by digest until room is needed.
// Nothing is pulled for an image that nobody asked for.
//
// It serves only what an object in the cluster names, which the Source decides, and never believes a hook: a hook makes
// somebody look, and its sender learns nothing from the answer.
package artifact
