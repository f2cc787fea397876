// SPDX-License-Identifier: Apache-2.0

package push

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	branches = "refs/heads/"
	tags     = "refs/tags/"
)

// Branch and Tag are the full names of a ref that a notification may give short.
func Branch(name string) string { return full(branches, name) }

// Tag is the full name of a tag.
func Tag(name string) string { return full(tags, name) }

func full(under, name string) string {
	if name == "" || strings.HasPrefix(name, "refs/") {
		return name
	}
	return under + name
}

// Pushed is what a git server says happened to a repository.
type Pushed struct {
	// Addresses are all ways to reach the repository that it names.
	Addresses []string
	// Refs are the full names of those that were made, moved or deleted.
	Refs []string
}

// Places are the repository's addresses in the form in which they are compared.
func (p Pushed) Places() []string {
	var out []string
	for _, address := range p.Addresses {
		if place := Place(address); place != "" && !slices.Contains(out, place) {
			out = append(out, place)
		}
	}
	return out
}

// Moves tells whether a GitRepository may have something new to fetch: it is of one of these places, and
// asks for a ref that was pushed.
func (p Pushed) Moves(places []string, source *unstructured.Unstructured) bool {
	address, _, _ := unstructured.NestedString(source.Object, "spec", "url")
	if !slices.Contains(places, Place(address)) {
		return false
	}
	ref, _, _ := unstructured.NestedStringMap(source.Object, "spec", "ref")
	return slices.ContainsFunc(p.Refs, func(pushed string) bool { return moves(pushed, ref, source) })
}

// moves follows Flux's order of precedence: commit, name, semver, tag, branch. Without any it takes a branch that its
// releases choose differently.
func moves(pushed string, ref map[string]string, source *unstructured.Unstructured) bool {
	switch {
	case ref["commit"] != "":
		// It never moves, but may have been asked for before it was pushed.
		revision, _, _ := unstructured.NestedString(source.Object, "status", "artifact", "revision")
		return !strings.Contains(revision, ref["commit"])
	case ref["name"] != "":
		return pushed == ref["name"]
	case ref["semver"] != "":
		return strings.HasPrefix(pushed, tags)
	case ref["tag"] != "":
		return pushed == tags+ref["tag"]
	case ref["branch"] != "":
		return pushed == branches+ref["branch"]
	}
	return strings.HasPrefix(pushed, branches)
}
