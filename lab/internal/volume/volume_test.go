// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func claimed(change func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	class := Class
	c := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "dev", Name: "cache", UID: "1234", ResourceVersion: "7", Annotations: map[string]string{wanted: Provisioner}},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2G")}},
		},
	}
	if change != nil {
		change(c)
	}
	return c
}

func TestMissing(t *testing.T) {
	other, block := "fast", corev1.PersistentVolumeBlock
	for name, tc := range map[string]struct {
		why    string
		change func(*corev1.PersistentVolumeClaim)
		want   bool
	}{
		"Waits":   {"nobody else makes it", nil, true},
		"Bound":   {"it has what it wants", func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "pv" }, false},
		"Other":   {"another class is another's", func(c *corev1.PersistentVolumeClaim) { c.Spec.StorageClassName = &other }, false},
		"NoClass": {"a claim without a class wants a volume that is there", func(c *corev1.PersistentVolumeClaim) { c.Spec.StorageClassName = nil }, false},
		"NotYet":  {"there may be a volume that fits: Kubernetes looks first", func(c *corev1.PersistentVolumeClaim) { c.Annotations = nil }, false},
		"Block":   {"a directory is no device", func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeMode = &block }, false},
		"Going":   {"nobody will use it", func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = &metav1.Time{} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			v, got := missing("/volumes", claimed(tc.change))
			if got != tc.want {
				t.Fatalf("%s: got %v", tc.why, got)
			}
			if !got {
				return
			}
			if v.Spec.HostPath.Path != "/volumes/pvc-1234" || v.Spec.ClaimRef.UID != "1234" || v.Spec.ClaimRef.Name != "cache" || v.Spec.ClaimRef.Namespace != "dev" {
				t.Errorf("the volume of dev/cache is %+v", v.Spec)
			}
			if size := v.Spec.Capacity[corev1.ResourceStorage]; size.String() != "2G" {
				t.Errorf("its size is %s", size.String())
			}
			if diff := cmp.Diff([]corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, v.Spec.AccessModes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReleased(t *testing.T) {
	for name, tc := range map[string]struct {
		why    string
		change func(*corev1.PersistentVolume)
		want   bool
	}{
		"Released": {"the claim is gone", func(*corev1.PersistentVolume) {}, true},
		"Bound":    {"somebody's data", func(v *corev1.PersistentVolume) { v.Status.Phase = corev1.VolumeBound }, false},
		"Kept": {"somebody wants to keep it", func(v *corev1.PersistentVolume) {
			v.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
		}, false},
		"Others":    {"made by somebody else", func(v *corev1.PersistentVolume) { v.Annotations = nil }, false},
		"Elsewhere": {"anybody can write a path into a volume: it must not lead out", func(v *corev1.PersistentVolume) { v.Spec.HostPath.Path = "/volumes/../etc" }, false},
		"NoPath":    {"it has no directory", func(v *corev1.PersistentVolume) { v.Spec.HostPath = nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			v, _ := missing("/volumes", claimed(nil))
			v.Status.Phase = corev1.VolumeReleased
			tc.change(v)
			if dir, got := released("/volumes", v); got != tc.want || got && dir != "/volumes/pvc-1234" {
				t.Errorf("%s: got %s, %v", tc.why, dir, got)
			}
		})
	}
}
