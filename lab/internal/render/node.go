// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"

	"rhumb.run/rhumb/lab/internal/layout"
)

// CgroupRoot is the control group that a node's pods are under.
func CgroupRoot(s layout.Settings) string { return "rhumb-lab-" + s.Name }

// ContainerdSocket is inside the box, where /run is the lab's own.
const ContainerdSocket = "/run/containerd/containerd.sock"

// Containerd's configuration. It may not lower anybody's OOM score, for which
// a lab often lacks the right, and finds the lab's registry by plain HTTP
// under all of its names.
//
// The snapshotter is "overlayfs", or "native" where the data directory is on
// an overlay itself, which takes no other on top.
func Containerd(l layout.Layout, pause, cniBin, snapshotter string) string {
	return fmt.Sprintf(`version = 2
root = %q
state = "/run/containerd"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = %q

[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = %q
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = %q
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = %q
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
`, l.State("containerd"), ContainerdSocket, pause, l.Etc("hosts"), cniBin, l.Etc("cni"), snapshotter)
}

// HostsTOML tells containerd how to reach the registry, whatever it is called.
func HostsTOML(s layout.Settings) string {
	return fmt.Sprintf(`server = "http://127.0.0.1:%d"

[host."http://127.0.0.1:%d"]
  capabilities = ["pull", "resolve"]
`, s.RegistryPort, s.RegistryPort)
}

// CNI is the pods' network: a bridge, addresses that are forgotten with the
// box, and host ports.
func CNI() string {
	return fmt.Sprintf(`{
  "cniVersion": "0.4.0",
  "name": "rhumb-lab",
  "plugins": [
    {"type": "bridge", "bridge": "rhumb0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
     "ipam": {"type": "host-local", "dataDir": "/run/cni-addresses",
              "ranges": [[{"subnet": %q}]], "routes": [{"dst": "0.0.0.0/0"}]}},
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`, layout.PodCIDR)
}

// KubeletConfig is the kubelet's configuration file. It never evicts pods nor
// deletes images because the machine's disk is nearly full: the disk is not
// the lab's own.
func KubeletConfig(l layout.Layout, s layout.Settings) string {
	return fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: %q}
authorization: {mode: Webhook}
tlsCertFile: %q
tlsPrivateKeyFile: %q
containerRuntimeEndpoint: unix://%s
cgroupDriver: cgroupfs
cgroupRoot: /%s
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
clusterDNS: [%s]
clusterDomain: cluster.local
resolvConf: %q
podLogsDir: %q
volumePluginDir: /run/kubelet-plugins
serializeImagePulls: false
maxPods: 200
registryPullQPS: 0
eventRecordQPS: 50
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: "50Mi", nodefs.available: "0%%", nodefs.inodesFree: "0%%", imagefs.available: "0%%"}
nodeStatusUpdateFrequency: 1s
nodeStatusReportFrequency: 1m0s
`, l.PKI("ca.crt"), l.PKI("kubelet-server.crt"), l.PKI("kubelet-server.key"), ContainerdSocket,
		CgroupRoot(s), layout.DNSIP, l.Etc("resolv.conf"), l.State("pods"))
}

// PodResolvConf is what pods that don't want the cluster's DNS get: the
// cluster's DNS, without its search list, for there is no other.
func PodResolvConf() string { return "nameserver " + layout.DNSIP + "\n" }

// Kubelet's flags.
func Kubelet(l layout.Layout) []string {
	return []string{
		"--config=" + l.Etc("kubelet.yaml"),
		"--kubeconfig=" + l.Etc("kubelet.kubeconfig"),
		"--root-dir=" + l.State("kubelet"),
		"--cert-dir=" + l.State("kubelet") + "/pki",
		"--hostname-override=" + NodeName,
		"--node-ip=" + layout.NodeIP,
		"--node-labels=rhumb.run/lab=true",
	}
}

// KubeProxyConfig is kube-proxy's configuration file. Where iptables does not
// see what a bridge carries, an answer from one pod to another would miss its
// way back through the Service: then every such connection is masqueraded.
func KubeProxyConfig(l layout.Layout, bridgeFilter bool) string {
	return fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clientConnection: {kubeconfig: %q}
hostnameOverride: %s
clusterCIDR: %s
oomScoreAdj: 0
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
iptables: {masqueradeAll: %t, minSyncPeriod: 100ms}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
nodePortAddresses: [%s/32]
`, l.Etc("kube-proxy.kubeconfig"), NodeName, layout.PodCIDR, !bridgeFilter, layout.NodeIP)
}
