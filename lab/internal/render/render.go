// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/base64"

	"rhumb.run/rhumb/lab/internal/layout"
	"rhumb.run/rhumb/lab/internal/pki"
)

func b64(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

func when(yes bool, args ...string) []string {
	if yes {
		return args
	}
	return nil
}

// Leaves are the certificates of a lab but for the aggregation layer's.
func Leaves(s layout.Settings) []pki.Leaf {
	masters := []string{"system:masters"}
	leaves := []pki.Leaf{
		{File: "apiserver", User: "kube-apiserver", Hosts: []string{
			"127.0.0.1", "localhost", layout.NodeIP, layout.KubernetesIP,
			"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		}},
		{File: "admin", User: "kubernetes-admin", Groups: masters},
		{File: "kubelet-client", User: "kube-apiserver-kubelet-client", Groups: masters},
		{File: "kube-controller-manager", User: "system:kube-controller-manager"},
		{File: "kube-scheduler", User: "system:kube-scheduler"},
	}
	if s.Node {
		leaves = append(leaves,
			pki.Leaf{File: "volumes", User: "rhumb-lab-volumes", Groups: masters},
			pki.Leaf{File: "kube-proxy", User: "system:kube-proxy"},
			pki.Leaf{File: "kubelet", User: "system:node:" + NodeName, Groups: []string{"system:nodes"}},
			pki.Leaf{File: "kubelet-server", User: "system:node:" + NodeName, Groups: []string{"system:nodes"},
				Hosts: []string{layout.NodeIP, "127.0.0.1", "localhost", NodeName}},
		)
	}
	return leaves
}

// FrontProxy is the certificate that aggregated API servers know us by.
func FrontProxy() pki.Leaf { return pki.Leaf{File: "front-proxy-client", User: "front-proxy-client"} }

// NodeName is the one node's.
const NodeName = "lab"
