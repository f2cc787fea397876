// SPDX-License-Identifier: Apache-2.0

package render

import (
	"rhumb.run/rhumb/lab/internal/layout"
	"rhumb.run/rhumb/lab/internal/volume"
)

// Volumes is the flags of what makes volumes.
func Volumes(l layout.Layout) []string {
	return []string{"--root=" + l.State("volumes"), "--kubeconfig=" + l.Etc("volumes.kubeconfig")}
}

// StorageClass is the default one. There is one node, so that nothing has to
// wait for a pod to be placed.
func StorageClass() []Object {
	return []Object{{"/apis/storage.k8s.io/v1/storageclasses/" + volume.Class, m{
		"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
		"metadata":    m{"name": volume.Class, "annotations": m{"storageclass.kubernetes.io/is-default-class": "true"}},
		"provisioner": volume.Provisioner, "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate",
	}}}
}
