// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"fmt"
	"net/url"

	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/internal/core/image"
)

// Where KEP-1755 puts the announcement of a cluster's local registry.
const (
	AnnouncedNamespace = "kube-public"
	AnnouncedName      = "local-registry-hosting"
	AnnouncedKey       = "localRegistryHosting.v1"
)

// ParseAnnounced reads the local-registry-hosting ConfigMap. Images name the registry by host; from inside the cluster that
// name is somebody else (a pod's own loopback), so that it is reached at hostFromClusterNetwork, or, since the containers of
// the nodes are often on the same network as its pods, at hostFromContainerRuntime. Both are asked by plain HTTP, then HTTPS.
func ParseAnnounced(data map[string]string, inCluster bool) ([]Host, error) {
	text, ok := data[AnnouncedKey]
	if !ok {
		return nil, nil
	}
	var a struct {
		Host                     string `json:"host"`
		HostFromContainerRuntime string `json:"hostFromContainerRuntime"`
		HostFromClusterNetwork   string `json:"hostFromClusterNetwork"`
	}
	if err := yaml.Unmarshal([]byte(text), &a); err != nil {
		return nil, fmt.Errorf("parsing ConfigMap %s/%s: %w", AnnouncedNamespace, AnnouncedName, err)
	}
	if a.Host == "" {
		return nil, nil
	}
	at, hint := a.Host, ""
	if inCluster {
		at = a.HostFromClusterNetwork
		hint = fmt.Sprintf("see hostFromClusterNetwork of ConfigMap %s/%s", AnnouncedNamespace, AnnouncedName)
		if at == "" {
			at = a.HostFromContainerRuntime
			hint = fmt.Sprintf("ConfigMap %s/%s announces it without hostFromClusterNetwork, the name that pods reach it by: add that",
				AnnouncedNamespace, AnnouncedName)
		}
	}
	h := Host{Host: image.CanonicalHost(a.Host), hint: hint}
	if at != "" {
		for _, scheme := range []string{"http", "https"} {
			u, err := endpointURL(scheme + "://" + at)
			if err != nil {
				return nil, fmt.Errorf("parsing ConfigMap %s/%s: %q is no host", AnnouncedNamespace, AnnouncedName, image.Bound(at, 80))
			}
			h.exact = append(h.exact, url.URL{Scheme: u.Scheme, Host: u.Host})
		}
	}
	return []Host{h}, nil
}
