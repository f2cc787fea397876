// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"net"
	"strconv"

	"rhumb.run/rhumb/lab/internal/layout"
)

// etcdSocket is relative to etcd's directory, where both etcd and its one
// client run: no port to collide with, no limit on the path's length, and
// nobody but the directory's owner gets in.
const etcdSocket = "unix://localhost:2379"

// Etcd's flags. Without a node a crash may lose data (tests start anew
// anyway), which makes each write several times faster.
func Etcd(l layout.Layout, s layout.Settings) []string {
	return append([]string{
		"--name=lab",
		"--data-dir=" + l.State("etcd") + "/data",
		"--listen-client-urls=" + etcdSocket,
		"--advertise-client-urls=" + etcdSocket,
		"--listen-peer-urls=unix://localhost:2380",
		"--initial-advertise-peer-urls=http://localhost:2380",
		"--initial-cluster=lab=http://localhost:2380",
		"--quota-backend-bytes=8589934592",
		"--max-request-bytes=8388608",
		"--log-level=warn",
	}, when(!s.Node, "--unsafe-no-fsync=true")...)
}

// APIServer's flags. Audit is off, the limits on requests in flight are wide,
// everything else is as in a cluster made by kubeadm.
func APIServer(l layout.Layout, s layout.Settings) []string {
	bind, port, advertise := "127.0.0.1", s.APIPort, "127.0.0.1"
	if s.Node {
		bind, port, advertise = "0.0.0.0", layout.APIPort, layout.NodeIP
	}
	args := []string{
		"--etcd-servers=" + etcdSocket,
		"--bind-address=" + bind,
		"--secure-port=" + strconv.Itoa(port),
		"--advertise-address=" + advertise,
		"--service-cluster-ip-range=" + layout.ServiceCIDR,
		"--cert-dir=" + l.State("pki"),
		"--tls-cert-file=" + l.PKI("apiserver.crt"),
		"--tls-private-key-file=" + l.PKI("apiserver.key"),
		"--client-ca-file=" + l.PKI("ca.crt"),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--anonymous-auth=true",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + l.PKI("sa.pub"),
		"--service-account-signing-key-file=" + l.PKI("sa.key"),
		"--kubelet-certificate-authority=" + l.PKI("ca.crt"),
		"--kubelet-client-certificate=" + l.PKI("kubelet-client.crt"),
		"--kubelet-client-key=" + l.PKI("kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file=" + l.PKI("front-proxy-ca.crt"),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + l.PKI("front-proxy-client.crt"),
		"--proxy-client-key-file=" + l.PKI("front-proxy-client.key"),
		"--allow-privileged=true",
		"--max-requests-inflight=3000",
		"--max-mutating-requests-inflight=1000",
		"--profiling=false",
		"--v=1",
	}
	// An endpoint on loopback is refused for the service "kubernetes"; nobody
	// could use it without a node either.
	return append(args, when(!s.Node, "--endpoint-reconciler-type=none")...)
}

// ControllerManager's flags. Without a node it serves nothing, so that any
// number of labs run side by side.
func ControllerManager(l layout.Layout, s layout.Settings) []string {
	kubeconfig := l.Etc("kube-controller-manager.kubeconfig")
	args := []string{
		"--kubeconfig=" + kubeconfig,
		"--leader-elect=false",
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + l.PKI("sa.key"),
		"--root-ca-file=" + l.PKI("ca.crt"),
		"--cluster-signing-cert-file=" + l.PKI("ca.crt"),
		"--cluster-signing-key-file=" + l.PKI("ca.key"),
		"--kube-api-qps=200",
		"--kube-api-burst=400",
		"--profiling=false",
	}
	if s.Node {
		return append(args, "--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig,
			"--bind-address=127.0.0.1", "--node-monitor-grace-period=20s")
	}
	return append(args, "--secure-port=0")
}

// Scheduler's flags.
func Scheduler(l layout.Layout, s layout.Settings) []string {
	kubeconfig := l.Etc("kube-scheduler.kubeconfig")
	args := []string{"--kubeconfig=" + kubeconfig, "--leader-elect=false", "--profiling=false",
		"--kube-api-qps=200", "--kube-api-burst=400"}
	if s.Node {
		return append(args, "--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig,
			"--bind-address=127.0.0.1")
	}
	return append(args, "--secure-port=0")
}

// Registry's flags.
func Registry(l layout.Layout, s layout.Settings) []string {
	args := []string{"--root=" + l.State("registry"), "--listen=" + net.JoinHostPort("127.0.0.1", strconv.Itoa(s.RegistryPort))}
	if s.Node {
		args = append(args, "--listen="+net.JoinHostPort(layout.NodeIP, strconv.Itoa(s.RegistryPort)))
	}
	for _, url := range s.Notify {
		args = append(args, "--notify="+url)
	}
	return args
}

// Git is the git server's flags.
func Git(l layout.Layout, s layout.Settings) []string {
	args := []string{"--root=" + l.GitRepositories(), "--password-file=" + l.GitPassword(),
		"--listen=" + net.JoinHostPort("127.0.0.1", strconv.Itoa(s.GitPort))}
	if s.Node {
		args = append(args, "--listen="+net.JoinHostPort(layout.NodeIP, strconv.Itoa(s.GitPort)))
	}
	for _, url := range s.GitNotify {
		args = append(args, "--notify="+url)
	}
	if s.GitSecret {
		args = append(args, "--notify-secret-file="+l.GitSecret())
	}
	for _, base := range gitBases(s) {
		args = append(args, "--base="+base)
	}
	return args
}

// gitBases are the addresses that the git server is known by, those of the
// cluster first: whoever waits for a push is there.
func gitBases(s layout.Settings) []string {
	var out []string
	if s.Node {
		out = append(out, "http://"+layout.GitHost)
	}
	for _, name := range s.OutsideNames(layout.OutsideGit) {
		out = append(out, "https://"+name)
	}
	return append(out, "http://localhost:"+strconv.Itoa(s.GitPort))
}

// Kubeconfig for the user whose certificate is pki/<user>.crt. The keys are
// embedded, so that the file can be copied.
func Kubeconfig(server string, ca, crt, key []byte) []byte {
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: rhumb-lab
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: rhumb-lab
  user:
    client-certificate-data: %s
    client-key-data: %s
contexts:
- name: rhumb-lab
  context: {cluster: rhumb-lab, user: rhumb-lab}
current-context: rhumb-lab
`, server, b64(ca), b64(crt), b64(key))
}
