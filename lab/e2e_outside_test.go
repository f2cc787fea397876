// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package lab_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOutside runs what the outside world knows: github.com and ghcr.io are the
// lab, what is fetched from the one by Flux and pulled from the other by the
// node is what was pushed here, and an Ingress without a class answers.
func TestOutside(t *testing.T) {
	m := newMachine(t)
	before := traces(t, m.dir)
	git, ingress := port(t), port(t)
	up := func() {
		m.t.Log(m.lab("up", "--name", name, "--api-port", m.api, "--registry-port", m.registry, "--git-port", git, "--ingress-port", ingress,
			"--with", "git,flux,ingress", "--git-notify", "http://web.default.svc.cluster.local/hook", "--notify", "http://web.default.svc.cluster.local/hook",
			"--outside", "github.com=git", "--outside", "ghcr.io=registry", "--outside", "docker.io=registry"))
	}
	up()
	m.pushTrusting("team/web:1")
	m.apply(deployed)
	m.kubectl("rollout", "status", "deployment/web", "deployment/hub", "--timeout", "60s")

	t.Run("Git", func(t *testing.T) { outsideGit(t, m, git) })
	t.Run("Registry", func(t *testing.T) { outsideRegistry(t, m) })
	t.Run("Push", func(t *testing.T) { outsidePush(t, m) })
	t.Run("Ingress", func(t *testing.T) { m.answersAs(t, ingress) })
	t.Run("Claim", func(t *testing.T) {
		if phase := m.kubectl("get", "pvc", "data", "-o", "jsonpath={.status.phase}"); phase != "Bound" {
			t.Errorf("the claim is %s", phase)
		}
	})
	m.lab("down")
	unchanged(t, name, m.dir, before)
	up()
	t.Run("Again", func(t *testing.T) {
		m.answersAs(t, ingress)
		outsideRegistry(t, m)
	})
}

// deployed is an application that a pod pulls from ghcr.io, with a claim of no
// class and an Ingress of no class, and another from Docker Hub.
const deployed = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "ghcr.io/team/web:1", volumeMounts: [{name: data, mountPath: /data}]}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: hub}
spec:
  selector: {matchLabels: {app: hub}}
  template:
    metadata: {labels: {app: hub}}
    spec: {containers: [{name: web, image: "team/web:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{host: web-127-0-0-1.sslip.io, http: {paths: [{path: /, pathType: Exact, backend: {service: {name: web, port: {number: 80}}}}]}}]}
`

const fetched = `apiVersion: source.toolkit.fluxcd.io/v1beta1
kind: GitRepository
metadata: {name: hello}
spec: {interval: 3m, url: "https://github.com/making/hello-golang.git", ref: {branch: master}, ignore: ""}
---
apiVersion: source.toolkit.fluxcd.io/v1beta1
kind: GitRepository
metadata: {name: short}
spec: {interval: 3m, url: "https://github.com/making/hello-golang", ref: {branch: master}, ignore: ""}
`

func outsideGit(t *testing.T, m machine, port string) {
	m.t = t
	dir := t.TempDir()
	in := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com", "-C", dir}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
		return strings.TrimSpace(string(out))
	}
	in("init", "-q", "-b", "master")
	in("commit", "-q", "--allow-empty", "-m", "one")
	in("push", "-q", fmt.Sprintf("http://lab:%s@localhost:%s/making/hello-golang.git", m.secret("git"), port), "master")
	m.apply(fetched)
	m.kubectl("wait", "--for=condition=Ready", "gitrepository/hello", "gitrepository/short", "--timeout", "60s")
	if got, want := m.kubectl("get", "gitrepositories.v1beta1.source.toolkit.fluxcd.io", "hello", "-o", "jsonpath={.status.artifact.revision}"), in("rev-parse", "HEAD"); !strings.HasSuffix(got, want) {
		t.Errorf("Flux has revision %s of v1beta1, want %s", got, want)
	}
	for _, want := range []string{"https://github.com/making/hello-golang.git", "http://git.kube-system.svc.cluster.local/making/hello-golang.git"} {
		eventually(t, "a hook knows the repository as "+want, func() string { return m.told(`"clone_url":"` + want + `"`) })
	}
}

func outsideRegistry(t *testing.T, m machine) {
	m.t = t
	if got := m.kubectl("exec", "deployment/web", "--", "/web", "get", "https://ghcr.io/v2/"); !strings.Contains(got, "UNAUTHORIZED") {
		t.Errorf("a pod asks ghcr.io how to log in, and is told %q", got)
	}
	for _, host := range []string{"ghcr.io", "index.docker.io"} { // what anybody may read
		if got := m.kubectl("exec", "deployment/web", "--", "/web", "get", "https://"+host+"/v2/team/web/tags/list"); !strings.Contains(got, `"1"`) {
			t.Errorf("%s has tags %q", host, got)
		}
	}
	pushing := func(args ...string) string {
		out, err := m.shell(append([]string{"curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %header{location}", "--cacert", m.dir + "/pki/outside-ca.crt",
			"-X", "POST", "https://ghcr.io/v2/team/new/blobs/uploads/"}, args...)...)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return out
	}
	for why, tc := range map[string]struct{ login, want string }{
		"nobody pushes without a password": {"", "401"},
		"nor with a wrong one":             {"lab:guess", "401"},
		"nor somebody else":                {"root:" + m.secret("registry"), "401"},
		"the user does, where he began":    {"lab:" + m.secret("registry"), "202 https://ghcr.io/v2/team/new/blobs/uploads/"},
	} {
		var login []string
		if tc.login != "" {
			login = []string{"-u", tc.login}
		}
		if got := pushing(login...); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: got %s, want %s", why, got, tc.want)
		}
	}
}

// outsidePush pushes another tag to ghcr.io, of which hooks are told as ghcr.io's:
// nobody who watches an image there knows it by another name.
func outsidePush(t *testing.T, m machine) {
	m.t = t
	const kind = "application/vnd.oci.image.manifest.v1+json"
	out, err := m.shell("sh", "-c", fmt.Sprintf(`curl -sf -H 'Accept: %[1]s' http://localhost:%[2]s/v2/team/web/manifests/1 |
		curl -sf -o /dev/null -w '%%{http_code}' --cacert %[3]s/pki/outside-ca.crt -u lab:%[4]s -X PUT -H 'Content-Type: %[1]s' --data-binary @- https://ghcr.io/v2/team/web/manifests/2`,
		kind, m.registry, m.dir, m.secret("registry")))
	if err != nil || strings.TrimSpace(out) != "201" {
		t.Fatalf("pushing: %v, %s", err, out)
	}
	eventually(t, "a hook knows the push as ghcr.io's", func() string {
		if missing := m.told(`"tag":"2"`); missing != "" {
			return missing
		}
		return m.told(`"host":"ghcr.io"`)
	})
}

// answersAs asks the ingress controller's port for the Ingress's host.
func (m machine) answersAs(t *testing.T, port string) {
	m.t = t
	eventually(t, "the Ingress answers", func() string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port, nil)
		if err != nil {
			return err.Error()
		}
		req.Host = "web-127-0-0-1.sslip.io"
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return resp.Status
		}
		return ""
	})
}

// told says what the application, which listens at a hook, has not been told.
func (m machine) told(want string) string {
	out, err := m.shell("curl", "-s", "http://web.default/hook")
	if err != nil || !strings.Contains(strings.ReplaceAll(out, `": `, `":`), want) {
		return fmt.Sprintf("%q (%v)", out, err)
	}
	return ""
}

func (m machine) secret(server string) string {
	m.t.Helper()
	raw, err := os.ReadFile(filepath.Join(m.dir, server, "password"))
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}

// pushTrusting pushes the test's program with the authorities that the lab's
// own images have.
func (m machine) pushTrusting(ref string) {
	m.t.Helper()
	m.lab("push", "--ref", m.hub+"/"+ref, "--binary", m.buildWeb(), "--ca", m.dir+"/pki/authorities.crt")
}

func (m machine) apply(yaml string) {
	m.t.Helper()
	cmd := exec.Command(m.bin+"/kubectl", "--kubeconfig", m.dir+"/kubeconfig", "apply", "-f", "-")
	cmd.Stdin = strings.NewReader(yaml)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("applying: %v\n%s", err, out)
	}
}
