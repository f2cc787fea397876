// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/internal/registry/contract"
)

// canary is what the seeded Secrets hold; wherever it shows up, a Secret got out.
const canary = "c4n4ry/0f-7he:5ecret"

// spellings are the ways in which it could get out.
func spellings() map[string]string {
	coded := base64.StdEncoding.EncodeToString([]byte(canary))
	asJSON, _ := json.Marshal(canary)
	return map[string]string{
		"plain": canary, "JSON": strings.Trim(string(asJSON), `"`), "Secret data": coded,
		"basic auth": base64.StdEncoding.EncodeToString([]byte("user:" + canary)),
		"twice":      base64.StdEncoding.EncodeToString([]byte(coded)),
	}
}

// unsung fails if the canary is in a text.
func unsung(t *testing.T, where, text string) {
	t.Helper()
	for how, spelling := range spellings() {
		if i := strings.Index(text, spelling); i >= 0 {
			t.Errorf("%s holds the Secret (%s): …%s…", where, how, text[max(0, i-200):min(len(text), i+len(spelling)+60)])
		}
	}
}

// canarySecrets are where tenants keep what nobody else may read.
const canarySecrets = `
apiVersion: v1
kind: Secret
metadata: {name: login}
type: kubernetes.io/dockerconfigjson
stringData: {.dockerconfigjson: '{"auths":{"closed.example.com":{"username":"user","password":"CANARY"}}}'}
---
apiVersion: v1
kind: Secret
metadata: {name: broken}
type: kubernetes.io/dockerconfigjson
stringData: {.dockerconfigjson: '{"auths":{"closed.example.com":{"auth":"CANARY"}}}'}
---
apiVersion: v1
kind: Secret
metadata: {name: db, labels: {for: runs}}
stringData: {password: CANARY, login.txt: "user\nCANARY\n"}`

// canaryRuns read a Secret, and fail in ways that quote it.
const canaryRuns = `
apiVersion: carto.run/v1alpha1
kind: ClusterRunTemplate
metadata: {name: NS-told}
spec:
  template:
    apiVersion: runs.rhumb.test/v1
    kind: Trial
    metadata: {generateName: told-}
    spec: {text: $(selected.data.password)$}
---
apiVersion: carto.run/v1alpha1
kind: ClusterRunTemplate
metadata: {name: NS-refused}
spec:
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {generateName: refused-}
    data: {all: $(selected.data)$}
    spec: {} # not of this kind; admission wants one
---
apiVersion: carto.run/v1alpha1
kind: ClusterRunTemplate
metadata: {name: NS-label}
spec:
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {generateName: label-, labels: {a: "$(selected.data.password)$ is no label"}}
    spec: {}
---
apiVersion: carto.run/v1alpha1
kind: ClusterRunTemplate
metadata: {name: NS-path}
spec:
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {generateName: path-}
    data: {none: $(selected.data.password.deeper)$}
    spec: {} # not of this kind; admission wants one
---
apiVersion: carto.run/v1alpha1
kind: ClusterRunTemplate
metadata: {name: NS-ytt}
spec:
  ytt: |
    #@ load("@ytt:data", "data")
    apiVersion: v1
    kind: ConfigMap
    metadata: {generateName: ytt-}
    data: {number: #@ int(data.values.selected.data.password)}
    spec: {} # not of this kind; admission wants one`

func canaryRunnable(name string) string {
	return `
apiVersion: carto.run/v1alpha1
kind: Runnable
metadata: {name: ` + name + `}
spec:
  serviceAccountName: runner
  runTemplateRef: {name: NS-` + name + `}
  selector: {resource: {apiVersion: v1, kind: Secret}, matchingLabels: {for: runs}}`
}

// A Secret stays where it is: nothing that the controller writes or says holds
// what is in it, though everybody around quotes it.
func TestCanary(t *testing.T) {
	b := newTrials(t)
	log := &syncBuffer{}
	b.log = log
	metrics := freeAddress(t)
	closed := contract.NewFront(t, refuses("another", memory()))
	b.watchesImages(map[string]string{"closed.example.com": closed.URL})
	b.flags = append(b.flags, "--log-level=debug", "--metrics-bind-address="+metrics)
	stop := b.start(sayings(strings.Join([]string{
		"connecting to postgres://user:" + canary + "@db:5432", "password=" + canary + " refused", "Authorization: Basic " + canary,
	}, "\n")))
	selecting := strings.Replace(runnerRights, "rules:\n", "rules:\n- {apiGroups: [\"\"], resources: [secrets], verbs: [get, list]}\n", 1)
	objects := strings.ReplaceAll(strings.Join([]string{
		strings.TrimSpace(canarySecrets), selecting, canaryRuns, canaryRunnable("told"), canaryRunnable("refused"), canaryRunnable("label"), canaryRunnable("path"), canaryRunnable("ytt"),
		allowed(`"", apps, source.apps.tanzu.vmware.com`, `configmaps, deployments, imagerepositories`),
		strings.NewReplacer("selector: {bed: NS}", "selector: {bed: NS, follows: image}").Replace(imageChain),
		labelled(imageOf("private", "closed.example.com/apps/private:1", "{name: secrets, value: [{name: login}]}"), "image"),
		labelled(imageOf("broken", "closed.example.com/apps/broken:1", "{name: secrets, value: [{name: broken}]}"), "image"),
		strings.NewReplacer("name: NS}", "name: NS-web}", "selector: {bed: NS}", "selector: {bed: NS, follows: web}").Replace(stamps(web)),
		labelled(app, "web"),
	}, "\n---"), "CANARY", canary)
	b.apply(objects)

	// Each goes as far as it will.
	told := b.run(base64.StdEncoding.EncodeToString([]byte(canary)), 1)[0]
	b.mergeStatus(b.trials(), told, `{status: {conditions: [{type: Succeeded, status: "False", reason: Failed, message: "cannot log in with `+canary+`"}]}}`)
	b.causeOf("runnables", "told", `^Trial told-\w+ reports Failed: cannot log in with \*\*\*`)
	b.causeOf("runnables", "refused", `^ConfigMap refused-\w+: the API server finds it invalid`)
	b.causeOf("runnables", "label", `^ConfigMap label-\w+: the API server finds it invalid`)
	b.causeOf("runnables", "path", `^ClusterRunTemplate NS-path cannot be filled in`)
	b.causeOf("runnables", "ytt", `^ClusterRunTemplate NS-ytt cannot be filled in`)
	b.cause("private", `^ImageRepository private is not let in by closed\.example\.com/apps/private:1: `)
	b.cause("broken", `^ImageRepository broken is not let in by closed\.example\.com/apps/broken:1: Secret "broken" cannot be used: .*; make the Secret anew`)
	pod := b.pod()
	b.kubelet(pod, `{phase: Running, containerStatuses: [{name: web, image: i, imageID: "", ready: false, restartCount: 2, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 3, reason: Error}}}]}`)
	b.cause("app", `^Deployment web: container "web" crashes again and again, with exit code 3: connecting to postgres://\*\*\*@db:5432 \| password=\*\*\* refused \| Authorization: \*\*\*; read more`)

	scraped := scrape(t, "http://"+metrics+"/metrics")
	stop()
	if !strings.Contains(scraped, "controller_runtime_reconcile_total") || !strings.Contains(log.String(), `"controller":"runnable"`) {
		t.Errorf("no metrics, or no log to search:\n%.2000s\n%.2000s", scraped, log)
	}
	unsung(t, "/metrics", scraped)
	unsung(t, "the log", log.String())
	unsung(t, "an event", strings.Join(b.events(), "\n"))
	for _, r := range []string{"workloads", "runnables", "clustersupplychains", "clusterruntemplates"} {
		list, err := b.client.Resource(cartoResource(r)).List(context.Background(), metav1.ListOptions{LabelSelector: "bed=" + b.ns})
		if err != nil {
			t.Fatal(err)
		}
		unsung(t, r, asText(t, list))
	}
	images, err := b.images().List(context.Background(), metav1.ListOptions{})
	if err != nil || len(images.Items) != 2 {
		t.Fatalf("image repositories: %v, %v", images, err)
	}
	unsung(t, "an ImageRepository", asText(t, images))
	commandLine(t, strings.ReplaceAll(objects, "NS", b.ns))
}

// commandLine has the command line look at the same objects, Secrets among them.
func commandLine(t *testing.T, objects string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "objects.yaml"), []byte(objects), 0o600); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "rhumb")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "rhumb.run/rhumb/cmd/rhumb").CombinedOutput(); err != nil {
		t.Fatalf("building rhumb: %v\n%s", err, out)
	}
	for _, args := range [][]string{{"lint", dir}, {"lint", dir, "-o", "json"}, {"render", "-f", dir}, {"render", "-f", dir, "-o", "json"}, {"test", dir}} {
		out, _ := exec.CommandContext(t.Context(), bin, args...).CombinedOutput() // it finds fault with them
		if len(out) == 0 {
			t.Errorf("rhumb %s said nothing", strings.Join(args, " "))
		}
		unsung(t, "rhumb "+args[0], string(out))
	}
}

// labelled is a Workload that follows one of several chains.
func labelled(workload, follows string) string {
	before, after, _ := strings.Cut(workload, "metadata: {")
	return before + "metadata: {labels: {follows: " + follows + "}, " + after
}

// sayings answers in the place of a kubelet what a container said.
func sayings(log string) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return tripper(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/log") {
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(strings.NewReader(log)), Request: r}, nil
			}
			return next.RoundTrip(r)
		})
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func scrape(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func asText(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// syncBuffer is written to by many.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
