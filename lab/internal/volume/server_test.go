// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// controlPlane is a real one, whose controller manager binds claims.
func controlPlane(t *testing.T) kubernetes.Interface {
	t.Helper()
	bin := os.Getenv("RHUMB_LAB_BIN")
	if bin == "" {
		bin = "../../../bin/rhumb-lab"
	}
	dir := filepath.Join(t.TempDir(), "lab")
	cmd := exec.Command(bin, "up", "--no-node", "--foreground", "--until-eof", "--ephemeral", "--data-dir", dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("no rhumb-lab to test with: run 'make lab' first: %v", err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	var client kubernetes.Interface
	eventually(t, "the control plane is there", func() error {
		config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(dir, "kubeconfig"))
		if err != nil {
			return err
		}
		if client, err = kubernetes.NewForConfig(config); err != nil {
			return err
		}
		_, err = client.CoreV1().ServiceAccounts("default").Get(t.Context(), "default", metav1.GetOptions{})
		return err
	})
	return client
}

func eventually(t *testing.T, what string, is func() error) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for {
		err := is()
		if err == nil {
			return
		}
		select {
		case <-limit:
			t.Fatalf("waiting until %s: %v", what, err)
		case <-tick.C:
		}
	}
}

// TestClaimLives shows a claim's life: it gets a directory that anybody may
// write to, keeps it while we are away, and takes it along.
func TestClaimLives(t *testing.T) {
	client, root := controlPlane(t), t.TempDir()
	start := func() (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- run(ctx, root, client) }()
		return func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	stop := start()
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: Class}, Provisioner: Provisioner}
	if _, err := client.StorageV1().StorageClasses().Create(t.Context(), class, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	claims := client.CoreV1().PersistentVolumeClaims("default")
	c := claimed(func(c *corev1.PersistentVolumeClaim) {
		c.ObjectMeta = metav1.ObjectMeta{Name: "cache"}
	})
	if _, err := claims.Create(t.Context(), c, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	var dir, volume string
	eventually(t, "the claim is bound", func() error {
		got, err := claims.Get(t.Context(), "cache", metav1.GetOptions{})
		if err == nil && got.Status.Phase != corev1.ClaimBound {
			err = fmt.Errorf("it is %s", got.Status.Phase)
		}
		if err == nil {
			volume, dir = got.Spec.VolumeName, filepath.Join(root, got.Spec.VolumeName)
		}
		return err
	})
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o777 {
		t.Fatalf("its directory: %v, %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stop()
	stop = start()
	if err := claims.Delete(t.Context(), "cache", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nothing is left of it", func() error {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			return fmt.Errorf("its directory is there: %v", err)
		}
		_, err := client.CoreV1().PersistentVolumes().Get(t.Context(), volume, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("its volume is there: %v", err)
	})
	stop()
}
