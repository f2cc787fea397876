// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"rhumb.run/rhumb/internal/core/image"
)

// Naming is how a copy's repository follows from its original's.
type Naming string

// The namings.
const (
	// HostPath keeps the host as the first part of the path: docker.io/library/nginx.
	HostPath Naming = "HostPath"
	// Flat leaves Docker Hub's name out, as the image is written: nginx. Other hosts stay.
	Flat Naming = "Flat"
	// Hashed is the last part of the path and a hash of all of it: nginx-0a1b2c3d4e5f.
	Hashed Naming = "Hashed"
	// Template is Target.Template with {host}, {path} and {hash} replaced.
	Template Naming = "Template"
)

const (
	maxRepository = 255
	hub           = image.DockerHub
	hubLibrary    = "library/"
)

// Target is where copies go.
type Target struct {
	// Host is the registry as pods call it; Path is put in front of every repository, and may be empty.
	Host, Path string
	// Push is the registry as we reach it, host[:port]; empty means Host.
	Push string
	// Naming is HostPath if empty; Template is for the naming of that name.
	Naming   Naming
	Template string
}

// ParseTarget reads host[:port][/path].
func ParseTarget(s string) (Target, error) {
	// A reference needs a repository: with one, the grammar of references is the grammar of this.
	ref, err := image.Parse(strings.TrimSuffix(s, "/") + "/x")
	first, _, _ := strings.Cut(s, "/")
	if err != nil || ref.Host != image.CanonicalHost(first) || ref.Tag != image.DefaultTag || ref.Digest != "" {
		return Target{}, fmt.Errorf("%q is no registry: want host[:port][/path] such as registry.example.com/mirror, without tag, digest or scheme", s)
	}
	if ref.Host == hub {
		return Target{}, fmt.Errorf("%q is Docker Hub, whose images have no host in their names: copies there could not be told from originals", s)
	}
	return Target{Host: ref.Host, Path: strings.TrimSuffix(strings.TrimSuffix(ref.Repository, "x"), "/")}, nil
}

// String is the target as pods call it.
func (t Target) String() string { return join(t.Host, t.Path) }

// Holds reports whether an image already is under the target, by the parts of its name and not by their letters:
// localhost:50001/x is not under localhost:5000.
func (t Target) Holds(ref image.Ref) bool {
	return ref.Host == t.Host && (t.Path == "" || strings.HasPrefix(ref.Repository, t.Path+"/"))
}

// Of is the copy of an image: the same tag and digest under the target.
func (t Target) Of(ref image.Ref) (image.Ref, error) {
	repository := join(t.Path, t.repository(ref))
	if len(repository) > maxRepository {
		repository = join(t.Path, hashed(ref))
	}
	name := t.Host + "/" + repository
	if ref.Tag != "" {
		name += ":" + ref.Tag
	}
	if ref.Digest != "" {
		name += "@" + ref.Digest
	}
	out, err := image.Parse(name)
	if err != nil {
		return image.Ref{}, fmt.Errorf("naming the copy of %s: %w", ref.Written, err)
	}
	return out, nil
}

// Pushed is a copy as we reach it.
func (t Target) Pushed(copied image.Ref) image.Ref {
	if t.Push == "" {
		return copied
	}
	copied.Host = image.CanonicalHost(t.Push)
	copied.Name = t.Push + "/" + copied.Repository
	copied.Written = t.Push + strings.TrimPrefix(copied.Written, t.Host)
	return copied
}

func (t Target) repository(ref image.Ref) string {
	switch t.Naming {
	case Flat:
		return flat(ref)
	case Hashed:
		return hashed(ref)
	case Template:
		_, hash, _ := strings.Cut(hashed(ref), hashMark)
		return strings.NewReplacer("{host}", folder(ref.Host), "{path}", ref.Repository, "{hash}", hash).Replace(t.Template)
	case HostPath:
	}
	return join(folder(ref.Host), ref.Repository)
}

// flat is what the image cloner of old made of images without a host, and cannot meet itself: a user of Docker Hub has
// neither a dot nor an underscore in the name, which a folder made of a host has, but for localhost.
func flat(ref image.Ref) string {
	if ref.Host != hub {
		return join(folder(ref.Host), ref.Repository)
	}
	path := ref.Repository
	if !strings.Contains(strings.TrimPrefix(ref.Name, spelt(ref)), "/") {
		path = strings.TrimPrefix(path, hubLibrary) // written without it
	}
	first, _, more := strings.Cut(path, "/")
	if more && (strings.ContainsAny(first, "._") || first == "localhost") {
		return join(hub, path)
	}
	return path
}

// spelt is the host of a reference as it is written, with the slash behind it; empty if it is not.
func spelt(ref image.Ref) string {
	first, _, more := strings.Cut(ref.Name, "/")
	if more && image.CanonicalHost(first) == ref.Host {
		return first + "/"
	}
	return ""
}

const hashMark = "-"

// hashed has no part of which the length is not bounded.
func hashed(ref image.Ref) string {
	last := ref.Repository[strings.LastIndexByte(ref.Repository, '/')+1:]
	return strings.TrimRight(last[:min(len(last), 60)], "._-") + hashMark + short(ref.Host+"/"+ref.Repository)
}

// folder is a host as a part of a path, in which there can be no colon.
func folder(host string) string {
	if strings.HasPrefix(host, "[") {
		return "ip_" + short(host)
	}
	return strings.ReplaceAll(host, ":", "_")
}

// short is a hash that is long enough to tell a cluster's images apart.
func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "/" + b
}
