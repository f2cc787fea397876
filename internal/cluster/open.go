// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/clientcmd"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// Options say which cluster, and as whom.
type Options struct {
	// Kubeconfig is a file; without it KUBECONFIG counts, and then the one at home.
	Kubeconfig string
	// Context is one of the kubeconfig; without it the current one.
	Context string
	// Namespace overrides that of the context.
	Namespace string
}

// Cluster is one that answers to a person's kubeconfig.
type Cluster struct {
	// Namespace is the one asked for, or that of the context.
	Namespace string
	// Home is the namespace of the context, which need not be named in a command.
	Home string

	objects dynamic.Interface
	kube    kubernetes.Interface
	partial metadata.Interface
}

// The kinds that people are shown.
var (
	workloads    = v1alpha1.SchemeGroupVersion.WithResource("workloads")
	deliverables = v1alpha1.SchemeGroupVersion.WithResource("deliverables")
	chains       = v1alpha1.SchemeGroupVersion.WithResource("clustersupplychains")
	podKind      = corev1.SchemeGroupVersion.WithResource("pods")
	knative      = schema.GroupVersionResource{Group: "serving.knative.dev", Version: "v1", Resource: "services"}
)

// Open reads the kubeconfig. The cluster is asked nothing yet.
func Open(o Options) (*Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.Kubeconfig
	c := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: o.Context})
	config, err := c.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, errors.New("there is no cluster to ask: set KUBECONFIG, or --kubeconfig FILE")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	home, _, err := c.Namespace()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	// A person waits for each answer: they ask in bursts, and the server has its own limits.
	config.QPS, config.Burst = 50, 100
	config.UserAgent = "rhumb"
	config.WarningHandlerWithContext = nil
	out := &Cluster{Namespace: home, Home: home}
	if o.Namespace != "" {
		out.Namespace = o.Namespace
	}
	if out.objects, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	if out.kube, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	if out.partial, err = metadata.NewForConfig(config); err != nil {
		return nil, err
	}
	return out, nil
}

// Namespaces lists those that the person may list, for completion.
func (c *Cluster) Namespaces(ctx context.Context) ([]string, error) {
	list, err := c.partial.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var out []string
	for i := range list.Items {
		out = append(out, list.Items[i].Name)
	}
	return out, nil
}

// Contexts are those of the kubeconfig, for completion.
func Contexts(kubeconfig string) []string {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	raw, err := rules.Load()
	if err != nil {
		return nil
	}
	var out []string
	for name := range raw.Contexts {
		out = append(out, name)
	}
	return out
}
