// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"rhumb.run/rhumb/lab/internal/layout"
)

var (
	at    = layout.Layout{Root: "/data"}
	node  = layout.Settings{Name: "x", Node: true, APIPort: 7443, RegistryPort: 5500, Notify: []string{"http://hook"}}
	plain = layout.Settings{Name: "x", APIPort: 7443}
)

func TestFlags(t *testing.T) {
	for name, tc := range map[string]struct {
		why        string
		flags      []string
		has, hasNo []string
	}{
		"API server, node": {
			why: "it listens inside the box, on a port the machine never sees", flags: APIServer(at, node),
			has: []string{"--secure-port=6443", "--advertise-address=10.250.0.1", "--authorization-mode=Node,RBAC"},
		},
		"API server alone": {
			why: "it listens on the machine, where only loopback is safe", flags: APIServer(at, plain),
			has: []string{"--secure-port=7443", "--bind-address=127.0.0.1", "--authorization-mode=Node,RBAC"},
		},
		"etcd alone": {why: "tests throw their data away", flags: Etcd(at, plain), has: []string{"--unsafe-no-fsync=true"}},
		"etcd, node": {why: "a demo's data is kept", flags: Etcd(at, node), hasNo: []string{"--unsafe-no-fsync=true"}},
		"controllers alone": {
			why: "a port would collide with the next lab's", flags: ControllerManager(at, plain), has: []string{"--secure-port=0"},
		},
		"scheduler alone": {why: "a port would collide with the next lab's", flags: Scheduler(at, plain), has: []string{"--secure-port=0"}},
		"registry, node": {
			why: "the node pulls by loopback, pods by the node's address", flags: Registry(at, node),
			has: []string{"--listen=127.0.0.1:5500", "--listen=10.250.0.1:5500", "--notify=http://hook"},
		},
		"registry alone": {
			why: "no address but loopback is the lab's", flags: Registry(at, layout.Settings{RegistryPort: 5500}),
			has: []string{"--listen=127.0.0.1:5500"}, hasNo: []string{"--listen=10.250.0.1:5500"},
		},
		"git, node": {
			why:   "whoever is told of a push knows the repository by one of its addresses",
			flags: Git(at, layout.Settings{Node: true, GitPort: 5501, GitSecret: true, Outside: []layout.Outside{{Name: "github.com", Kind: "git"}}}),
			has: []string{"--base=http://git.kube-system.svc.cluster.local", "--base=https://github.com", "--base=http://localhost:5501",
				"--notify-secret-file=/data/git/notify-secret"},
		},
		"git alone": {
			why: "there are no other names", flags: Git(at, layout.Settings{GitPort: 5501}), has: []string{"--base=http://localhost:5501"},
			hasNo: []string{"--base=http://git.kube-system.svc.cluster.local", "--notify-secret-file=/data/git/notify-secret"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range tc.has {
				if !slices.Contains(tc.flags, f) {
					t.Errorf("%s: no %s in %v", tc.why, f, tc.flags)
				}
			}
			for _, f := range tc.hasNo {
				if slices.Contains(tc.flags, f) {
					t.Errorf("%s: %s in %v", tc.why, f, tc.flags)
				}
			}
		})
	}
}

func TestConfigurationIsYAML(t *testing.T) {
	for name, text := range map[string]string{
		"kubelet":    KubeletConfig(layout.Layout{Root: `/a "b": c`}, node),
		"kube-proxy": KubeProxyConfig(layout.Layout{Root: `/a "b": c`}, true),
		"kubeconfig": string(Kubeconfig("https://127.0.0.1:1", []byte("ca"), []byte("crt"), []byte("key"))),
		"CNI":        CNI(),
	} {
		var into map[string]any
		if err := yaml.Unmarshal([]byte(text), &into); err != nil || len(into) < 3 {
			t.Errorf("%s: %v in\n%s", name, err, text)
		}
	}
}

func TestKubeletKeepsToItsOwn(t *testing.T) {
	var c struct {
		CgroupRoot, PodLogsDir string
		FailCgroupV1           *bool `yaml:"failCgroupV1"`
		EvictionHard           map[string]string
	}
	text := KubeletConfig(at, node)
	var raw map[string]any
	if err := yaml.Unmarshal([]byte(text), &raw); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(asJSON, &c); err != nil {
		t.Fatal(err)
	}
	if c.CgroupRoot != "/"+CgroupRoot(node) {
		t.Errorf("cgroupRoot is %q: it would kill other kubelets' pods", c.CgroupRoot)
	}
	if !strings.HasPrefix(c.PodLogsDir, at.Root) {
		t.Errorf("pods' logs go to %q", c.PodLogsDir)
	}
	if c.FailCgroupV1 == nil || *c.FailCgroupV1 {
		t.Error("the kubelet refuses machines with version 1 control groups")
	}
	if c.EvictionHard["nodefs.available"] != "0%" {
		t.Error("a machine with a full disk loses its pods")
	}
}

func TestKubeProxyMasqueradesOnlyWhereItMust(t *testing.T) {
	if !strings.Contains(KubeProxyConfig(at, false), "masqueradeAll: true") {
		t.Error("pods could not reach each other through a Service where iptables does not see the bridge")
	}
	if !strings.Contains(KubeProxyConfig(at, true), "masqueradeAll: false") {
		t.Error("source addresses are hidden without need")
	}
}

// Each object is applied at a path that says what the object says.
func TestObjectsFitTheirPaths(t *testing.T) {
	objects := slices.Concat(CoreDNS("localhost:5500/x@sha256:0", node), RegistryService(node), StorageClass())
	for _, o := range append(objects, LocalRegistryHosting(node)) {
		meta := o.Body["metadata"].(m)
		if got := path.Base(o.Path); got != meta["name"] {
			t.Errorf("%s holds an object called %v", o.Path, meta["name"])
		}
		if ns, ok := meta["namespace"]; ok && !strings.Contains(o.Path, "/namespaces/"+ns.(string)+"/") {
			t.Errorf("%s holds an object of namespace %v", o.Path, ns)
		}
		version := o.Body["apiVersion"].(string)
		if !strings.HasPrefix(o.Path, "/apis/"+version+"/") && !strings.HasPrefix(o.Path, "/api/"+version+"/") {
			t.Errorf("%s holds an object of %s", o.Path, version)
		}
	}
}

func TestAnnouncement(t *testing.T) {
	for name, tc := range map[string]struct {
		why  string
		s    layout.Settings
		want map[string]string
	}{
		"Node": {
			why: "each side gets the name under which it reaches the registry", s: node,
			want: map[string]string{"host": "localhost:5500", "hostFromContainerRuntime": "localhost:5500",
				"hostFromClusterNetwork": "registry.kube-system.svc.cluster.local:5500"},
		},
		"Control plane alone": {
			why: "there is no runtime and no pod to make a promise to", s: layout.Settings{RegistryPort: 5500},
			want: map[string]string{"host": "localhost:5500"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := LocalRegistryHosting(tc.s).Body["data"].(m)["localRegistryHosting.v1"].(string)
			got := map[string]string{}
			if err := yaml.Unmarshal([]byte(text), &got); err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"host", "hostFromContainerRuntime", "hostFromClusterNetwork"} {
				if got[key] != tc.want[key] {
					t.Errorf("%s: %s is %q, want %q", tc.why, key, got[key], tc.want[key])
				}
			}
			if got["help"] == "" {
				t.Error("KEP-1755 wants a link to help")
			}
		})
	}
}
