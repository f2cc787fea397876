// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Class is the storage class, and Provisioner who serves it.
const (
	Class       = "standard"
	Provisioner = "rhumb.run/lab"
)

// Kubernetes writes the first annotation on a claim when it is somebody's turn
// to make a volume for it; the second says who has, and has it leave deleting to
// them.
const (
	wanted = "volume.kubernetes.io/storage-provisioner"
	made   = "pv.kubernetes.io/provisioned-by"
)

// missing says which volume a claim waits for, if it is for us to make.
func missing(root string, c *corev1.PersistentVolumeClaim) (*corev1.PersistentVolume, bool) {
	class, mode := c.Spec.StorageClassName, c.Spec.VolumeMode
	switch {
	case class == nil || *class != Class || c.Annotations[wanted] != Provisioner:
		return nil, false
	case c.Spec.VolumeName != "" || c.DeletionTimestamp != nil:
		return nil, false
	case mode != nil && *mode != corev1.PersistentVolumeFilesystem:
		return nil, false // a directory is no block device
	}
	name, isDirectory := "pvc-"+string(c.UID), corev1.HostPathDirectory
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{made: Provisioner}},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName:              Class,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: c.Spec.Resources.Requests[corev1.ResourceStorage]},
			AccessModes:                   c.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: filepath.Join(root, name), Type: &isDirectory},
			},
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: c.Namespace, Name: c.Name, UID: c.UID, ResourceVersion: c.ResourceVersion,
			},
		},
	}, true
}

// released says whether a volume is ours to delete, and which directory it is.
// A directory that is not where we would have made it is nobody's business.
func released(root string, v *corev1.PersistentVolume) (dir string, yes bool) {
	dir = filepath.Join(root, v.Name)
	ours := v.Annotations[made] == Provisioner && v.Spec.HostPath != nil && v.Spec.HostPath.Path == dir
	return dir, ours && v.Status.Phase == corev1.VolumeReleased && v.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete
}
