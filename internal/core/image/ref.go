// SPDX-License-Identifier: Apache-2.0

package image

import (
	"fmt"
	"regexp"
	"strings"
)

// DockerHub is the host of every image that names none, and DefaultTag the tag of every image that names neither tag nor
// digest.
const (
	DockerHub  = "docker.io"
	DefaultTag = "latest"
)

const (
	maxRef  = 1024
	maxPath = 255
)

var (
	pathRE   = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagRE    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	digestRE = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	hostRE   = regexp.MustCompile(`^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$`)
)

// Ref is an image reference, taken apart.
type Ref struct {
	// Written is the reference as the user wrote it.
	Written string
	// Name is Written without tag and digest: what the kubelet will be told again.
	Name string
	// Host is the registry that the name stands for, in lower case; DockerHub if it names none.
	Host string
	// Repository is the path in the registry, "library/" of Docker Hub included.
	Repository string
	// Tag is the tag; DefaultTag if neither tag nor digest is written, empty if only a digest is.
	Tag string
	// Digest is the digest that pins the reference, or empty.
	Digest string
}

// Parse takes a reference apart by the grammar of the distribution project; only sha256 digests are taken.
func Parse(s string) (Ref, error) {
	if len(s) > maxRef {
		return Ref{}, fmt.Errorf("parsing image reference: longer than %d characters", maxRef)
	}
	r := Ref{Written: s}
	rest, digest, pinned := strings.Cut(s, "@")
	if pinned {
		if !IsDigest(digest) {
			return Ref{}, fmt.Errorf("parsing image reference %q: %q is no sha256 digest", s, digest)
		}
		r.Digest = digest
	}
	r.Name = rest
	if i := strings.LastIndex(rest, ":"); i > strings.LastIndex(rest, "/") && !hostOnly(rest) {
		r.Name, r.Tag = rest[:i], rest[i+1:]
		if !tagRE.MatchString(r.Tag) {
			return Ref{}, fmt.Errorf("parsing image reference %q: %q is no tag", s, r.Tag)
		}
	}
	if r.Tag == "" && r.Digest == "" {
		r.Tag = DefaultTag
	}
	r.Host, r.Repository = splitName(r.Name)
	if !hostRE.MatchString(r.Host) {
		return Ref{}, fmt.Errorf("parsing image reference %q: %q is no host", s, r.Host)
	}
	if len(r.Repository) > maxPath || !pathRE.MatchString(r.Repository) {
		return Ref{}, fmt.Errorf("parsing image reference %q: %q is no repository name (lower case letters, digits and . _ - between)", s, r.Repository)
	}
	return r, nil
}

// hostOnly tells a bare "[::1]:5000" from a name with a tag, so that the error speaks of the missing repository.
func hostOnly(s string) bool { return strings.HasPrefix(s, "[") && !strings.Contains(s, "/") }

// splitName finds the host as Docker does: the first part is one if it could be nothing else.
func splitName(name string) (host, repository string) {
	first, rest, more := strings.Cut(name, "/")
	if more && (strings.ContainsAny(first, ".:") || first == "localhost" || first != strings.ToLower(first)) {
		host, repository = CanonicalHost(first), rest
	} else {
		host, repository = DockerHub, name
	}
	if host == DockerHub && !strings.Contains(repository, "/") {
		repository = "library/" + repository
	}
	return host, repository
}

// CanonicalHost gives each registry one name: lower case, and one for the many names of Docker Hub.
func CanonicalHost(h string) string {
	h = strings.ToLower(h)
	switch h {
	case "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com":
		return DockerHub
	}
	return h
}

// IsDigest reports whether s is a sha256 digest in its one spelling.
func IsDigest(s string) bool { return digestRE.MatchString(s) }

// Pinned reports whether the reference names its content, so that no poll can ever change it.
func (r Ref) Pinned() bool { return r.Digest != "" }

// Revision is what a deployer is given: the name as the user wrote it, with what it was resolved to.
func (r Ref) Revision(digest string) string {
	if r.Tag == "" {
		return r.Name + "@" + digest
	}
	return r.Name + ":" + r.Tag + "@" + digest
}

// At is the reference to one digest of the same repository.
func (r Ref) At(digest string) Ref {
	r.Digest, r.Tag = digest, ""
	r.Written = r.Name + "@" + digest
	return r
}

// Tagged is the reference with another tag, and no digest.
func (r Ref) Tagged(tag string) Ref {
	r.Tag, r.Digest = tag, ""
	return r
}

// Manifest is what a registry is asked for: the digest where there is one, else the tag.
func (r Ref) Manifest() string {
	if r.Pinned() {
		return r.Digest
	}
	return r.Tag
}

// Names reports whether a revision, as Revision writes it, was resolved from this reference.
func (r Ref) Names(revision string) bool {
	at := strings.LastIndex(revision, "@")
	return at > 0 && r.Revision("") == revision[:at+1] && (!r.Pinned() || r.Digest == revision[at+1:])
}

// DigestOf is the digest at the end of a revision, or nothing.
func DigestOf(revision string) string {
	if at := strings.LastIndex(revision, "@"); at >= 0 && IsDigest(revision[at+1:]) {
		return revision[at+1:]
	}
	return ""
}

// AnchorTag is the tag under which a digest is kept in a registry that takes for garbage what has no tag. OCI gives
// sha256-<hex> alone to the list of what refers to a digest, on registries that keep no such list themselves: an image under
// that name would hide its signatures, and be overwritten by the next. With a word behind it, as cosign's .sig and imgpkg's
// .imgpkg have, it is nobody else's.
func AnchorTag(digest string) string { return FallbackTag(digest) + ".rhumb" }

// FallbackTag is where OCI has the list of what refers to a digest, on registries that keep none themselves.
func FallbackTag(digest string) string { return strings.Replace(digest, ":", "-", 1) }
