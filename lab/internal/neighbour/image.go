// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"cmp"
	"path/filepath"
	"strings"

	"rhumb.run/rhumb/lab/internal/image"
)

// Image is one that the neighbour's objects name by a placeholder.
type Image struct {
	// Program is a file beside neighbour.yaml, or Toolbox.
	Program string `json:"program"`
	// Path is where the program lies in the image.
	Path string `json:"path"`
	// Name tells images of one program apart; the program's unless given. An
	// image with a name alone is one that the neighbour itself will push.
	Name string `json:"name"`
	// Layers are files beside neighbour.yaml that are layers already, and make
	// the image without anything else below its files.
	Layers []string `json:"layers"`
	// Files are more of them, as SRC:DST with SRC beside neighbour.yaml.
	Files []string `json:"files"`
	// Links are symbolic ones, as TARGET:DST.
	Links  []string          `json:"links"`
	Env    []string          `json:"env"`
	Labels map[string]string `json:"labels"`
	// User is who the image runs as; 65532 unless given.
	User string `json:"user"`
	// Aliases are more names, as REPOSITORY:TAG, that the registry answers to.
	Aliases []string `json:"aliases"`
	// Replaces is the value in the objects that becomes the image's reference.
	Replaces string `json:"replaces"`
	// ForPods is set where programs in pods ask the registry for the image, and
	// not only the node: they know the registry by another name.
	ForPods bool `json:"forPods"`
}

// Made says whether there is anything to make and push.
func (i Image) Made() bool { return i.Program != "" || len(i.Files) > 0 || len(i.Layers) > 0 }

// Spec says what the image consists of, and how it is called. kubectl is the
// program that the toolbox has by that name.
func (n Neighbour) Spec(i Image, kubectl string) (string, image.Spec, error) {
	name := n.Name + "-" + cmp.Or(i.Name, i.Program)
	spec := image.Spec{User: cmp.Or(i.User, "65532"), Links: i.Links, Env: i.Env, Labels: i.Labels}
	switch i.Program {
	case "":
	case Toolbox:
		files, err := ToolboxFiles(kubectl)
		if err != nil {
			return "", spec, err
		}
		if i.Name == "" {
			name, spec.User = i.Program, "" // everybody's
		}
		spec.Files, spec.Entrypoint, spec.Env = files, []string{"/bin/sh"}, append([]string{"HOME=/tmp", "GIT_TEMPLATE_DIR="}, i.Env...)
	default:
		spec.Files, spec.Entrypoint = []string{filepath.Join(n.Dir, i.Program) + ":" + i.Path}, []string{i.Path}
	}
	for _, l := range i.Layers {
		spec.Layers = append(spec.Layers, filepath.Join(n.Dir, l))
	}
	for _, f := range i.Files {
		spec.Files = append(spec.Files, filepath.Join(n.Dir, f))
	}
	return name, spec, nil
}

// Reference is how a neighbour's objects name an image that was pushed, or that
// will be: name@digest, since some who pull refuse name:tag@digest. local and
// cluster are the registry's names on the node and for pods.
func (i Image) Reference(pushed, local, cluster string) string {
	ref := local + "/" + i.Name
	if i.Made() {
		name, digest, _ := strings.Cut(pushed, "@")
		if at := strings.LastIndex(name, ":"); at > strings.LastIndex(name, "/") {
			name = name[:at]
		}
		ref = name + "@" + digest
	}
	if i.ForPods {
		return cluster + strings.TrimPrefix(ref, local)
	}
	return ref
}
