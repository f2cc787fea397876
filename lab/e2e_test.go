// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package lab_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// machine is a lab under test, called as a user calls it.
type machine struct {
	t                       *testing.T
	bin, dir                string
	api, registry, web, hub string
}

const name = "e2e-lab"

func newMachine(t *testing.T) machine {
	t.Helper()
	bin, err := filepath.Abs("../bin")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"rhumb-lab", "kubectl", "coredns", "rhumb-pause"} {
		if _, err := os.Stat(filepath.Join(bin, p)); err != nil {
			t.Fatalf("run 'make lab' first: %v", err)
		}
	}
	m := machine{t: t, bin: bin, dir: filepath.Join(t.TempDir(), "lab"), api: port(t), registry: port(t), web: port(t)}
	m.hub = "localhost:" + m.registry
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := exec.Command(m.bin+"/rhumb-lab", "logs", "--tail", "15", "--data-dir", m.dir).CombinedOutput()
			t.Logf("%s", out)
		}
		m.lab("down", "--delete")
	})
	return m
}

func port(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func (m machine) up() {
	m.t.Helper()
	m.t.Log(m.lab("up", "--name", name, "--api-port", m.api, "--registry-port", m.registry,
		"--notify", "http://web.default.svc.cluster.local/hook", "--forward", m.web+"=web.default.svc.cluster.local:80"))
}

func (m machine) lab(command string, args ...string) string {
	m.t.Helper()
	return m.run("rhumb-lab", append([]string{command, "--data-dir", m.dir}, args...)...)
}

func (m machine) shell(args ...string) (string, error) {
	out, err := exec.Command(m.bin+"/rhumb-lab", append([]string{"shell", "--data-dir", m.dir, "--"}, args...)...).CombinedOutput()
	return string(out), err
}

func (m machine) kubectl(args ...string) string {
	m.t.Helper()
	return m.run("kubectl", append([]string{"--kubeconfig", m.dir + "/kubeconfig"}, args...)...)
}

func (m machine) run(program string, args ...string) string {
	m.t.Helper()
	out, err := exec.Command(filepath.Join(m.bin, program), args...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// pushWeb builds the test's program and pushes it.
func (m machine) pushWeb(tag string) string {
	m.t.Helper()
	return strings.TrimSpace(m.lab("push", "--ref", m.hub+"/test/web:"+tag, "--binary", m.buildWeb()))
}

func (m machine) buildWeb() string {
	m.t.Helper()
	binary := filepath.Join(m.t.TempDir(), "web")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "./testdata/web")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		m.t.Fatalf("building the test's program: %v\n%s", err, out)
	}
	return binary
}

// answers waits until a URL of the machine's loopback answers with a text.
func (m machine) answers(url, want string) {
	m.t.Helper()
	eventually(m.t, url+" answers "+want, func() string {
		resp, err := http.Get(url)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil || !strings.Contains(string(raw), want) {
			return fmt.Sprintf("%s: %q (%v)", resp.Status, raw, err)
		}
		return ""
	})
}

func TestNode(t *testing.T) {
	m := newMachine(t)
	before := traces(t, m.dir)
	m.up()
	if _, err := m.shell("true"); err != nil {
		t.Fatalf("entering the lab: %v", err)
	}
	image := m.pushWeb("1")
	m.kubectl("create", "deployment", "web", "--image", image, "--replicas", "2")
	m.kubectl("expose", "deployment", "web", "--port", "80", "--target-port", "8080")
	m.kubectl("rollout", "status", "deployment/web", "--timeout", "60s")

	t.Run("Signalled", func(t *testing.T) { signalled(t, m) })
	t.Run("Forwarded", func(t *testing.T) { m.answers("http://127.0.0.1:"+m.web, "hello from web-") })
	t.Run("PodsTalk", func(t *testing.T) { podsTalk(t, m) })
	t.Run("PortForward", func(t *testing.T) { portForward(t, m) })
	t.Run("Pushes", func(t *testing.T) { pushes(t, m) })
	t.Run("NoWayOut", func(t *testing.T) { noWayOut(t, m) })
	t.Run("OwnPlace", func(t *testing.T) { ownPlace(t, m, before) })

	m.lab("down")
	unchanged(t, name, m.dir, before)
	m.up()
	m.answers("http://127.0.0.1:"+m.web, "hello from web-")
	t.Run("Killed", func(t *testing.T) { killed(t, m) })
	m.lab("down")
	unchanged(t, name, m.dir, before)
	m.lab("down", "--delete")
	if _, err := os.Stat(m.dir); !os.IsNotExist(err) {
		t.Errorf("down --delete left the data: %v", err)
	}
}

// signalled asks whoever runs a program in the lab to end: the program hears of it, and says how it ended.
func signalled(t *testing.T, m machine) {
	cmd := exec.Command(m.bin+"/rhumb-lab", "shell", "--data-dir", m.dir, "--", "sh", "-c", "trap 'exit 9' TERM; echo up; while :; do sleep 0.02; done")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
	if err := cmd.Wait(); err == nil || err.Error() != "exit status 9" {
		t.Errorf("it ended with %v", err)
	}
}

// podsTalk looks at logs and, from within a pod, at Services and the registry.
func podsTalk(t *testing.T, m machine) {
	m.t = t
	if out := m.kubectl("logs", "deployment/web"); !strings.Contains(out, "listening") {
		t.Errorf("logs say %q", out)
	}
	get := func(url string) string { return m.kubectl("exec", "deployment/web", "--", "/web", "get", url) }
	seen := map[string]bool{}
	eventually(t, "both pods have answered one of them", func() string {
		seen[get("http://web/")] = true
		if len(seen) < 2 {
			return fmt.Sprint(seen)
		}
		return ""
	})
	announced := m.kubectl("get", "configmap", "-n", "kube-public", "local-registry-hosting", "-o", "jsonpath={.data.localRegistryHosting\\.v1}")
	_, host, ok := strings.Cut(announced, "hostFromClusterNetwork: \"")
	host, _, _ = strings.Cut(host, "\"")
	if !ok || !strings.Contains(get("http://"+host+"/v2/_catalog"), "test/web") {
		t.Errorf("the registry is not reached by the name that pods are told: %s", announced)
	}
}

func portForward(t *testing.T, m machine) {
	m.t = t
	p := port(t)
	forward := exec.Command(m.bin+"/kubectl", "--kubeconfig", m.dir+"/kubeconfig", "port-forward", "service/web", p+":80")
	if err := forward.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = forward.Process.Kill()
		_ = forward.Wait()
	}()
	m.answers("http://127.0.0.1:"+p, "hello from web-")
}

// pushes checks that a pod is told of a push, by the name of its Service.
func pushes(t *testing.T, m machine) {
	m.t = t
	m.kubectl("scale", "deployment", "web", "--replicas", "1")
	m.kubectl("rollout", "status", "deployment/web", "--timeout", "60s")
	eventually(t, "the hook has heard of a push", func() string {
		m.pushWeb("told")
		out, err := m.shell("curl", "-s", "http://web.default/hook")
		if err != nil || !strings.Contains(out, `"tag":"told"`) && !strings.Contains(out, `"tag": "told"`) {
			return fmt.Sprintf("%q (%v)", out, err)
		}
		return ""
	})
}

// noWayOut tries the machine's own addresses from within.
func noWayOut(t *testing.T, m machine) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	p := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	for _, a := range addrs {
		ip := a.(*net.IPNet).IP.String()
		if out, err := m.shell("curl", "-s", "--max-time", "2", "http://"+net.JoinHostPort(ip, p)); err == nil {
			t.Errorf("%s of the machine is reached from within: %s", ip, out)
		}
	}
	if out, err := m.shell("ip", "route", "show", "default"); err != nil || strings.TrimSpace(out) != "" {
		t.Errorf("there is a default route: %q (%v)", out, err)
	}
}

// ownPlace checks that, while all runs, the machine shows only processes and
// control groups of it.
func ownPlace(t *testing.T, m machine, before []string) {
	known := map[string]bool{}
	for _, line := range before {
		known[line] = true
	}
	for _, line := range traces(t, m.dir) {
		if !known[line] && !strings.HasPrefix(line, "process: ") && !strings.Contains(line, "/rhumb-lab-") {
			t.Errorf("the machine shows %s", line)
		}
	}
}

// killed ends the supervisor without warning: nothing that runs may be left.
func killed(t *testing.T, m machine) {
	raw, err := os.ReadFile(m.dir + "/lock")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no process is left", func() string { return strings.Join(processes(t, m.dir), "\n") })
}
