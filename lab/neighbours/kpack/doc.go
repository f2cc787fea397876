// SPDX-License-Identifier: Apache-2.0

// Package kpack pins kpack and the lifecycle of Cloud Native Buildpacks, as
// tools of its module, for the lab to run. What they build with is here too:
//
//	files/builder.yaml   a ClusterBuilder "default": one stack, an order of five buildpacks
//	stack/               makes the stack's layers, of Debian's packages and of Go
//	languages/           the buildpacks for Go, Java, Node.js and Ruby …
//	files/buildpacks/    … each with the buildpack.toml that tells which it is
//	files/web-buildpack/ makes an image of whatever has an index.html
//	web/                 the server in such an image
package kpack
