// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rhumb.run/rhumb/test/e2e/rig"
)

// unwell are objects that a real kubelet, scheduler, Tekton and Flux find fault
// with, and what becomes the cause of the Workload that stamps one.
var unwell = map[string]struct{ why, object, want string }{
	"pull": {
		"no such image", pods("", `{name: app, image: "localhost:5000/apps/absent:1"}`),
		`^Deployment pull: container "app" cannot pull image "localhost:5000/apps/absent:1": .*not found.*; correct the name, branch or tag of Deployment pull, or push it$`,
	},
	"crash": {
		"the exit code and the last lines, without the password", pods("", shell("app", "echo up; echo connecting with password=hunter2 >&2; echo no such harbour >&2; exit 3")),
		`^Deployment crash: container "app" crashes again and again, with exit code 3: up \| connecting with password=\*\*\* \| no such harbour; read more with kubectl -n causes logs deployment/crash -c app --previous$`,
	},
	"memory": {
		"more than its limit", pods("", strings.Replace(shell("app", "tail /dev/zero"), "name: app", "name: app, resources: {limits: {memory: 16Mi}}", 1)),
		`^Deployment memory: container "app" (was killed: it used more memory than its limit; raise its memory limit, or let it use less|crashes again and again, with exit code 1.*)$`,
	},
	"room": {
		"no node is that large", pods("", strings.Replace(shell("app", "sleep 1000"), "name: app", "name: app, resources: {requests: {cpu: 1000}}", 1)),
		`^Deployment room: no node takes its pod: 1 Insufficient cpu.*; lower its resource requests, or add nodes$`,
	},
	"secret": {
		"an env from a Secret that nobody made", pods("", strings.Replace(shell("app", "sleep 1000"), "name: app", "name: app, env: [{name: A, valueFrom: {secretKeyRef: {name: db, key: a}}}]", 1)),
		`^Deployment secret: container "app" cannot start: Secret db does not exist in namespace causes; create it, or correct the name in the pod template$`,
	},
	"mount": {
		"a volume from a Secret that nobody made", pods("volumes: [{name: tls, secret: {secretName: web-tls}}], ", strings.Replace(shell("app", "sleep 1000"), "name: app", "name: app, volumeMounts: [{name: tls, mountPath: /tls}]", 1)),
		`^Deployment mount: Secret web-tls does not exist in namespace causes; create it, or correct the name in Deployment mount$`,
	},
	"stall": {
		"pods that start without end", pods("initContainers: ["+shell("wait", "sleep 1000")+"], ", shell("app", "sleep 1000")),
		`^Deployment stall is stalled: its new pods did not become available within 5 seconds; see its pods with kubectl -n causes describe deployment stall$`,
	},
	"probe": {
		"it runs and does not answer", pods("", strings.Replace(shell("app", "sleep 1000"), "name: app", "name: app, readinessProbe: {exec: {command: [cat, /ready]}, periodSeconds: 1}", 1)),
		`^Deployment probe: its pod runs, but its readiness probe failed: .*/ready.*; mend the application, or correct the probe's path, port or delay$`,
	},
	"run": {
		"the step that failed, and its last lines",
		`{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: NAME}, spec: {taskSpec: {steps: [` + shell("fine", "true") + ", " + shell("test", "echo --- FAIL: TestPrice; echo want 3, got 4; exit 1") + `]}}}`,
		`^TaskRun run: step "test" exited with code 1: --- FAIL: TestPrice \| want 3, got 4; read more with kubectl -n causes logs pod/run-pod -c step-test$`,
	},
	"task": {
		"no such task", `{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: NAME}, spec: {taskRef: {name: unit}}}`,
		`^TaskRun task: Task unit does not exist in namespace causes; create it, or correct the name in TaskRun task$`,
	},
	"git-lost": {
		"no such host", git("http://nowhere.causes.svc.cluster.local/a.git", ""),
		`^GitRepository git-lost cannot reach http://nowhere\.causes\.svc\.cluster\.local/a\.git: .*no such host; check the address, DNS, the network policies and that the server is up$`,
	},
	"git-closed": {
		"a server that wants a login", git("http://git.kube-system.svc.cluster.local/private/a.git", ""),
		`^GitRepository git-closed is not let in by http://git\.kube-system\.svc\.cluster\.local/private/a\.git: .*; check the address, and the Secret that spec\.secretRef of GitRepository git-closed names`,
	},
	"git-absent": {
		"no such repository", git("http://git.kube-system.svc.cluster.local/absent.git", ""),
		`^GitRepository git-absent does not find what it wants at http://git\.kube-system\.svc\.cluster\.local/absent\.git: .*; correct the name, branch or tag of GitRepository git-absent, or push it$`,
	},
	"git-secret": {
		"no such Secret", git("http://git.kube-system.svc.cluster.local/a.git", ", secretRef: {name: git-login}"),
		`^GitRepository git-secret: Secret git-login does not exist in namespace causes; create it, or correct the name in GitRepository git-secret$`,
	},
}

// toolbox is the lab's image with a shell.
const toolbox = "localhost:5000/rhumb-lab/toolbox:lab"

func shell(name, script string) string {
	return fmt.Sprintf(`{name: %s, image: %q, command: [sh, -c, %q]}`, name, toolbox, script)
}

func pods(more, container string) string {
	return `{apiVersion: apps/v1, kind: Deployment, metadata: {name: NAME}, spec: {progressDeadlineSeconds: 5, selector: {matchLabels: {app: NAME}}, template: {metadata: {labels: {app: NAME}}, spec: {terminationGracePeriodSeconds: 0, ` +
		more + `containers: [` + container + `]}}}}`
}

func git(url, more string) string {
	return fmt.Sprintf(`{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, metadata: {name: NAME}, spec: {interval: 1m, timeout: 10s, url: %q, ref: {branch: main}%s}}`, url, more)
}

const causeAccount = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: builder}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: builder}
rules:
- {apiGroups: [apps, tekton.dev, source.toolkit.fluxcd.io], resources: [deployments, taskruns, gitrepositories], verbs: [get, create, patch, delete]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: builder}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: builder}
subjects: [{kind: ServiceAccount, name: builder, namespace: causes}]`

const causeChain = `
apiVersion: carto.run/v1alpha1
kind: ClusterTemplate
metadata: {name: cause-NAME}
spec:
  template: OBJECT
---
apiVersion: carto.run/v1alpha1
kind: ClusterSupplyChain
metadata: {name: cause-NAME}
spec:
  selector: {cause: NAME}
  resources:
  - {name: one, templateRef: {kind: ClusterTemplate, name: cause-NAME}}
---
apiVersion: carto.run/v1alpha1
kind: Workload
metadata: {name: NAME, labels: {cause: NAME}}
spec: {serviceAccountName: builder}`

// TestCauses has a real node, Tekton and Flux meet what they cannot do, and
// reads in the Workload why.
func TestCauses(t *testing.T) {
	repo := checkout(t)
	lab := repo.Lab("causes")
	up(t, lab, "--with", "git,flux,tekton")
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	_, err := lab.Kubectl(ctx, "create", "namespace", "causes")
	must(t, err)
	text := causeAccount
	for name, c := range unwell {
		text += "\n---" + strings.NewReplacer("OBJECT", strings.ReplaceAll(c.object, "NAME", name), "NAME", name).Replace(causeChain)
	}
	file := filepath.Join(t.TempDir(), "unwell.yaml")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	_, err = lab.Kubectl(ctx, "-n", "causes", "apply", "-f", file)
	must(t, err)
	for name, c := range unwell {
		t.Run(name, func(t *testing.T) {
			want := regexp.MustCompile(c.want)
			err := rig.Until(ctx, fmt.Sprintf("%s (%s) to have the cause %s", name, c.why, want), time.Second, func() (bool, string) {
				got, err := lab.Kubectl(ctx, "-n", "causes", "get", "workload", name, "-o", "jsonpath={.status.cause}")
				return err == nil && want.MatchString(got), fmt.Sprint(got, err)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("commandLine", func(t *testing.T) { commandLine(t, lab) })
	out, err := lab.Kubectl(ctx, "-n", "causes", "get", "workloads", "-o", "wide")
	must(t, err)
	if header, _, _ := strings.Cut(out, "\n"); !strings.Contains(header, "CAUSE") {
		t.Errorf("kubectl get -o wide has no column for it: %s", header)
	}
	t.Log(out)
}
