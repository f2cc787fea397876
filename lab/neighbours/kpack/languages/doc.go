// SPDX-License-Identifier: Apache-2.0

// Command languages is the lab's buildpacks for Go, Java, Node.js and Ruby in
// one program: which of them it is says the ID in the buildpack.toml beside it,
// and whether it detects or builds the name that it is called by.
//
//	source ─detect─▶ is there a go.mod, pom.xml, package.json, Gemfile, … ?
//	   └────build──▶ layers (programs, runtimes, caches) + the process "web"
//
// A build asks no network: what it needs is in the build image or in the
// source. The same source gives the same layers, to the bit, with a cache or
// without. Programs of an application start directly, without a shell, listen
// on $PORT, which is 8080 unless somebody says otherwise.
package main
