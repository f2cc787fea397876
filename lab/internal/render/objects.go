// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"

	"rhumb.run/rhumb/lab/internal/layout"
)

// Object is what is applied at a path of the API.
type Object struct {
	Path string
	Body map[string]any
}

type m = map[string]any

// RegistryHosts are the names of the registry: on the machine and for the
// node's container runtime, and for pods. The second is empty without a node.
func RegistryHosts(s layout.Settings) (local, cluster string) {
	local = fmt.Sprintf("localhost:%d", s.RegistryPort)
	if s.Node {
		cluster = fmt.Sprintf("%s:%d", layout.RegistryHost, s.RegistryPort)
	}
	return local, cluster
}

// LocalRegistryHosting announces the registry to tools, as KEP-1755 says.
func LocalRegistryHosting(s layout.Settings) Object {
	local, cluster := RegistryHosts(s)
	text := fmt.Sprintf("host: %q\n", local)
	if cluster != "" {
		text += fmt.Sprintf("hostFromContainerRuntime: %q\nhostFromClusterNetwork: %q\n", local, cluster)
	}
	text += "help: \"https://github.com/kubernetes/enhancements/tree/master/keps/sig-cluster-lifecycle/generic/1755-communicating-a-local-registry\"\n"
	return Object{
		Path: "/api/v1/namespaces/kube-public/configmaps/local-registry-hosting",
		Body: m{
			"apiVersion": "v1", "kind": "ConfigMap",
			"metadata": m{"name": "local-registry-hosting", "namespace": "kube-public"},
			"data":     m{"localRegistryHosting.v1": text},
		},
	}
}
