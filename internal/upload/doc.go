// SPDX-License-Identifier: Apache-2.0

// Package upload puts source that lies on a developer's machine where a cluster
// can fetch it: as the one layer of an image, as imgpkg does.
//
//	folder, zip, jar, war ─Pack─▶ Bundle (tar, digest) ─▶ Target.Push ─▶ REPOSITORY:TAG@sha256:…
//
// The same files give the same digest, whenever and by whomever they are
// packed: what is there already is not sent again. No link leads out of what is
// packed, and a registry's login goes to that registry alone.
package upload
