// SPDX-License-Identifier: Apache-2.0

package render

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"rhumb.run/rhumb/lab/internal/layout"
)

// corefile answers for the cluster, for the names that the lab was asked to
// answer for, and for nobody else: there is no way out.
func corefile(s layout.Settings) string {
	return fmt.Sprintf(`.:53 {
    errors
    health :8081 {
        lameduck 0s
    }
    ready :8181
%s    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 5
    }
    cache 5
}
`, outsideHosts(s))
}

// CoreDNS is the cluster's DNS, from the image the lab made of it.
func CoreDNS(image string, s layout.Settings) []Object {
	config := corefile(s)
	sum := sha256.Sum256([]byte(config))
	labels := m{"k8s-app": "kube-dns"}
	meta := func(name string) m { return m{"name": name, "namespace": "kube-system", "labels": labels} }
	subject := []any{m{"kind": "ServiceAccount", "name": "coredns", "namespace": "kube-system"}}
	port := func(name, protocol string) m {
		return m{"name": name, "port": 53, "targetPort": 53, "protocol": protocol}
	}
	return []Object{
		{"/api/v1/namespaces/kube-system/serviceaccounts/coredns", m{
			"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("coredns")}},
		{"/apis/rbac.authorization.k8s.io/v1/clusterroles/system:coredns", m{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": m{"name": "system:coredns"},
			"rules": []any{
				m{"apiGroups": []any{""}, "resources": []any{"endpoints", "services", "pods", "namespaces"}, "verbs": []any{"list", "watch"}},
				m{"apiGroups": []any{"discovery.k8s.io"}, "resources": []any{"endpointslices"}, "verbs": []any{"list", "watch"}},
			}}},
		{"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:coredns", m{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": m{"name": "system:coredns"},
			"roleRef":  m{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:coredns"},
			"subjects": subject}},
		{"/api/v1/namespaces/kube-system/configmaps/coredns", m{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("coredns"), "data": m{"Corefile": config}}},
		{"/api/v1/namespaces/kube-system/services/kube-dns", m{
			"apiVersion": "v1", "kind": "Service", "metadata": meta("kube-dns"),
			"spec": m{"clusterIP": layout.DNSIP, "selector": labels, "ports": []any{port("dns", "UDP"), port("dns-tcp", "TCP")}}}},
		{DNSPath, m{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("coredns"),
			"spec": m{"replicas": 1, "selector": m{"matchLabels": labels}, "template": m{
				// Another configuration is another pod: a file that changes below a running one takes a minute.
				"metadata": m{"labels": labels, "annotations": m{"rhumb.run/corefile": hex.EncodeToString(sum[:8])}},
				"spec":     dnsPod(image)}}}},
	}
}

// DNSPath is where the API server keeps CoreDNS's Deployment.
const DNSPath = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"

func dnsPod(image string) m {
	return m{
		"serviceAccountName": "coredns", "dnsPolicy": "Default", "priorityClassName": "system-cluster-critical",
		"terminationGracePeriodSeconds": 1,
		"containers": []any{m{
			"name": "coredns", "image": image, "imagePullPolicy": "IfNotPresent",
			"args": []any{"-conf", "/etc/coredns/Corefile"},
			"securityContext": m{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
				"capabilities": m{"add": []any{"NET_BIND_SERVICE"}, "drop": []any{"ALL"}}},
			"readinessProbe": m{"httpGet": m{"path": "/ready", "port": 8181}, "periodSeconds": 1},
			"livenessProbe":  m{"httpGet": m{"path": "/health", "port": 8081}, "periodSeconds": 10, "initialDelaySeconds": 30},
			"volumeMounts":   []any{m{"name": "config", "mountPath": "/etc/coredns", "readOnly": true}},
		}},
		"volumes": []any{m{"name": "config", "configMap": m{"name": "coredns"}}},
	}
}
