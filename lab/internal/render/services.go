// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"

	"rhumb.run/rhumb/lab/internal/layout"
)

// RegistryService gives the registry, which runs outside of any pod, a name
// that pods resolve. Its port is the one that it has on the machine, because
// ports are part of image names.
func RegistryService(s layout.Settings) []Object {
	return outsideService("registry", s.RegistryPort, s.RegistryPort)
}

// GitService gives the git server a name that pods resolve, on HTTP's port.
func GitService(s layout.Settings) []Object {
	if s.GitPort == 0 {
		return nil
	}
	return outsideService("git", 80, s.GitPort)
}

// outsideService is a Service of what listens on the node itself.
func outsideService(name string, port, target int) []Object {
	meta := m{"name": name, "namespace": "kube-system"}
	return []Object{
		{"/api/v1/namespaces/kube-system/services/" + name, m{
			"apiVersion": "v1", "kind": "Service", "metadata": meta,
			"spec": m{"ports": []any{m{"name": "http", "port": port, "targetPort": target, "protocol": "TCP"}}}}},
		{"/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices/" + name, m{
			"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
			"metadata": m{"name": name, "namespace": "kube-system",
				"labels": m{"kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "rhumb-lab"}},
			"addressType": "IPv4", "ports": []any{m{"name": "http", "port": target, "protocol": "TCP"}},
			"endpoints": []any{m{"addresses": []any{layout.NodeIP}, "conditions": m{"ready": true}}}}},
	}
}

// ShippedImage is the name of an image that the lab makes of its own program.
func ShippedImage(s layout.Settings, program string) string {
	return fmt.Sprintf("localhost:%d/rhumb-lab/%s:lab", s.RegistryPort, program)
}
