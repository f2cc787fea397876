// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	clones "rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/paper"
	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/registry/contract/distribution"
	"rhumb.run/rhumb/internal/testkit/controlplane"
)

// TestClusterScripts types what users type at a real API server: $NS is a
// namespace of the script's own, and that of its kubeconfig's context, and
// $REGISTRY is a registry.
//
//	kube FILE...    makes the objects, and gives them the status that they have in the file
//	dump RESOURCE NAME FILE   writes what the server has of an object of apps/v1
func TestClusterScripts(t *testing.T) {
	config := controlplane.Shared(t)
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/cluster",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			ns, err := namespaceOf(env, config)
			if err != nil {
				return err
			}
			env.Setenv("NS", ns)
			env.Defer(func() { sweep(t, config, ns) })
			env.Setenv("REGISTRY", strings.TrimPrefix(contract.NewWall(t).Front(distribution.New()).URL, "http://"))
			kubeconfig := filepath.Join(env.WorkDir, ".kubeconfig")
			env.Setenv("KUBECONFIG", kubeconfig)
			return controlplane.WriteKubeconfig(config, ns, kubeconfig)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"kube": func(ts *testscript.TestScript, _ bool, files []string) {
				for _, f := range files {
					ts.Check(putAll(config, ts.Getenv("NS"), f, []byte(ts.ReadFile(f))))
				}
			},
			"dump": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(dump(config, ts.Getenv("NS"), args[0], args[1], ts.MkAbs(args[2])))
			},
		},
	})
}

// sweep deletes what a script made that is in no namespace: it begins with the name of the script's own.
func sweep(t *testing.T, config *rest.Config, ns string) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Error(err)
		return
	}
	ctx := context.Background()
	for _, resource := range []string{"imageclonepolicies", "clonedimages"} {
		at := client.Resource(clones.SchemeGroupVersion.WithResource(resource))
		all, err := at.List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Error(err)
			continue
		}
		for i := range all.Items {
			if name := all.Items[i].GetName(); strings.HasPrefix(name, ns) {
				_ = at.Delete(ctx, name, metav1.DeleteOptions{})
			}
		}
	}
}

func dump(config *rest.Config, namespace, resource, name, file string) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	u, err := client.Resource(appsv1.SchemeGroupVersion.WithResource(resource)).Namespace(namespace).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(u, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, raw, 0o644)
}

func namespaceOf(env *testscript.Env, config *rest.Config) (string, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", err
	}
	ctx := context.Background()
	ns, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "script-"}}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	env.Defer(func() { _ = client.CoreV1().Namespaces().Delete(ctx, ns.Name, metav1.DeleteOptions{}) })
	return ns.Name, nil
}

// putAll makes objects as they stand in a text: spec and all, and then the status.
func putAll(config *rest.Config, namespace, file string, text []byte) error {
	docs, err := paper.Parse(file, []byte(os.Expand(string(text), func(name string) string {
		if name == "NS" {
			return namespace
		}
		return "$" + name
	})))
	if err != nil {
		return err
	}
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(d))
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	for _, doc := range docs {
		if err := putOne(mapper, client, namespace, doc.Object); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func putOne(mapper meta.RESTMapper, client dynamic.Interface, namespace string, u *unstructured.Unstructured) error {
	ctx := context.Background()
	kind := u.GroupVersionKind()
	m, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return err
	}
	var at dynamic.ResourceInterface = client.Resource(m.Resource)
	if m.Scope.Name() == meta.RESTScopeNameNamespace {
		at = client.Resource(m.Resource).Namespace(namespace)
	}
	status, has := u.Object["status"].(map[string]any)
	live, err := at.Create(ctx, u, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		live, err = at.Get(ctx, u.GetName(), metav1.GetOptions{})
	}
	if err != nil || !has {
		return err
	}
	for range 10 {
		if status["observedGeneration"] == "now" {
			status["observedGeneration"] = live.GetGeneration()
		}
		live.Object["status"] = status
		if _, err = at.UpdateStatus(ctx, live, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
			return err
		}
		if live, err = at.Get(ctx, u.GetName(), metav1.GetOptions{}); err != nil {
			return err
		}
	}
	return errors.New("its status changes all the time")
}
