// SPDX-License-Identifier: Apache-2.0

// Command stack makes the layers of the images that kpack builds with and on:
//
//	packages.txt ─apt─▶ .deb files ─┬─▶ stack-run.tar.gz    the run image; the first layer of the build image
//	                                ├─▶ stack-build.tar.gz  what building needs beyond it: a JDK, Maven, git
//	this machine's Go toolchain ────┴─▶ stack-go.tar.gz     the toolchain, and its library compiled
//
// It asks this machine's apt, in the release that this machine runs, and
// unpacks without installing: no root, no chroot, no file on disk between a
// package and a layer. Whatever installing would have made and applications
// miss (users, authorities, links) is written here instead. The same packages
// give the same layers, to the bit.
package main
