// SPDX-License-Identifier: Apache-2.0

// Package kpack pins kpack and the lifecycle of Cloud Native Buildpacks, as
// tools of its module, for the lab to run. The smallest builder that builds is
// here too:
//
//	files/builder.yaml   a ClusterBuilder "default": one stack, one buildpack
//	files/buildpack/     makes an image of whatever has an index.html
//	web/                 the server in such an image
package kpack
