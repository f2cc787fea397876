// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"

	"rhumb.run/rhumb/lab/internal/program"
)

// Main makes and deletes volumes until it is told to stop and returns its exit
// code.
func Main(args []string) int {
	var root, kubeconfig string
	flags := pflag.NewFlagSet("volumes", pflag.ContinueOnError)
	flags.StringVar(&root, "root", "", "directory of the volumes")
	flags.StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	return program.Main(flags, args, func(ctx context.Context) error {
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return fmt.Errorf("reading %s: %w", kubeconfig, err)
		}
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			return fmt.Errorf("connecting to the API server: %w", err)
		}
		return run(ctx, root, client)
	})
}

// run looks at every claim and volume whenever one of them changes: there are
// few.
func run(ctx context.Context, root string, client kubernetes.Interface) error {
	changed := make(chan struct{}, 1)
	look := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	claims, volumes := factory.Core().V1().PersistentVolumeClaims(), factory.Core().V1().PersistentVolumes()
	for _, informer := range []cache.SharedIndexInformer{claims.Informer(), volumes.Informer()} {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { look() }, UpdateFunc: func(any, any) { look() }, DeleteFunc: func(any) { look() },
		})
		if err != nil {
			return fmt.Errorf("watching claims and volumes: %w", err)
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	look()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		err := errors.Join(provide(ctx, root, client, claims.Lister()), reclaim(ctx, root, client, volumes.Lister()))
		if err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, err)
			time.AfterFunc(time.Second, look)
		}
	}
}

// provide makes the volumes that claims wait for. The directory comes first: a
// pod may be started as soon as there is a volume.
func provide(ctx context.Context, root string, client kubernetes.Interface, claims listers.PersistentVolumeClaimLister) error {
	all, err := claims.List(labels.Everything())
	if err != nil {
		return fmt.Errorf("listing claims: %w", err)
	}
	var failed []error
	for _, c := range all {
		v, yes := missing(root, c)
		if !yes {
			continue
		}
		err := directory(filepath.Join(root, v.Name))
		if err == nil {
			_, err = client.CoreV1().PersistentVolumes().Create(ctx, v, metav1.CreateOptions{})
		}
		switch {
		case apierrors.IsAlreadyExists(err): // the claim has not been told yet
		case err != nil:
			failed = append(failed, fmt.Errorf("making a volume for claim %s/%s: %w", c.Namespace, c.Name, err))
		default:
			fmt.Printf("%s is the volume of claim %s/%s\n", v.Name, c.Namespace, c.Name)
		}
	}
	return errors.Join(failed...)
}

// directory makes one that any user may write to, as pods run as anybody.
func directory(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	return os.Chmod(dir, 0o777) // whatever the umask says
}

// reclaim deletes volumes whose claim is gone. The directory goes first: nobody
// would know of it once the volume is gone.
func reclaim(ctx context.Context, root string, client kubernetes.Interface, volumes listers.PersistentVolumeLister) error {
	all, err := volumes.List(labels.Everything())
	if err != nil {
		return fmt.Errorf("listing volumes: %w", err)
	}
	var failed []error
	for _, v := range all {
		dir, yes := released(root, v)
		if !yes {
			continue
		}
		err := os.RemoveAll(dir)
		if err == nil {
			err = client.CoreV1().PersistentVolumes().Delete(ctx, v.Name, metav1.DeleteOptions{})
		}
		if err != nil && !apierrors.IsNotFound(err) {
			failed = append(failed, fmt.Errorf("deleting volume %s: %w", v.Name, err))
			continue
		}
		fmt.Printf("%s is deleted\n", v.Name)
	}
	return errors.Join(failed...)
}
