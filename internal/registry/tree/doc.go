// SPDX-License-Identifier: Apache-2.0

// Package tree lays the layers of an image over each other, as a container runtime does, and writes what is then seen as
// one tar.
//
//	layer 1 ─┐
//	layer 2 ─┼─Apply─▶ Tree: path ─▶ node ─▶ place in the spool ──Write──▶ tar, by path, parents first
//	layer n ─┘
//
// What is written can be unpacked anywhere: no path and no link leads out of it, nothing lies beneath a link, there are no
// devices, no set-uid bits and no hard links (each name has the content). The same layers give the same bytes.
//
// It never looks at the file system: content goes to the spool that it is given.
package tree
