// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// What stands before the name in the key of a slot that is no container of the app.
const (
	initPrefix      = "init:"
	ephemeralPrefix = "ephemeral:"
	volumePrefix    = "volume:"
)

// Slot is a place of a pod that names an image.
type Slot struct {
	// Key is the container's name; init:, ephemeral: and volume: stand before that of others.
	Key string
	// Image is as it is written.
	Image string
	// Policy says when the kubelet pulls it.
	Policy corev1.PullPolicy
}

// Slots are the places of a pod that name an image, in the pod's order: what runs first comes first.
func Slots(spec *corev1.PodSpec) []Slot {
	out := make([]Slot, 0, len(spec.Containers)+len(spec.InitContainers))
	for _, v := range spec.Volumes {
		if v.Image != nil {
			out = append(out, Slot{volumePrefix + v.Name, v.Image.Reference, v.Image.PullPolicy})
		}
	}
	for _, c := range spec.InitContainers {
		out = append(out, Slot{initPrefix + c.Name, c.Image, c.ImagePullPolicy})
	}
	for _, c := range spec.Containers {
		out = append(out, Slot{c.Name, c.Image, c.ImagePullPolicy})
	}
	for _, c := range spec.EphemeralContainers {
		out = append(out, Slot{ephemeralPrefix + c.Name, c.Image, c.ImagePullPolicy})
	}
	return out
}

// part is a pod template, or a pod, cut down to the images of some slots, as a patch has it.
func part(images map[string]string, order []string) map[string]any {
	spec := map[string]any{}
	add := func(list string, item map[string]any) {
		items, _ := spec[list].([]any)
		spec[list] = append(items, item)
	}
	for _, key := range order {
		to, ok := images[key]
		if !ok {
			continue
		}
		if name, ok := strings.CutPrefix(key, volumePrefix); ok {
			add("volumes", map[string]any{"name": name, "image": map[string]any{"reference": to}})
			continue
		}
		list, name := containerOf(key)
		add(list, map[string]any{"name": name, "image": to})
	}
	return spec
}

// containerOf is the list that a slot's container is in, and its name.
func containerOf(key string) (list, name string) {
	if name, ok := strings.CutPrefix(key, initPrefix); ok {
		return "initContainers", name
	}
	if name, ok := strings.CutPrefix(key, ephemeralPrefix); ok {
		return "ephemeralContainers", name
	}
	return "containers", key
}

// RevisionImages are the images of a StatefulSet's or DaemonSet's former version, as a ControllerRevision keeps it.
func RevisionImages(data []byte) []string {
	var o struct {
		Spec struct {
			Template struct {
				Spec corev1.PodSpec `json:"spec"`
			} `json:"template"`
		} `json:"spec"`
	}
	if json.Unmarshal(data, &o) != nil {
		return nil
	}
	var out []string
	for _, slot := range Slots(&o.Spec.Template.Spec) {
		out = append(out, slot.Image)
	}
	return out
}
