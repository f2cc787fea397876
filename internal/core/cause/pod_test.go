// SPDX-License-Identifier: Apache-2.0

package cause_test

import (
	"strings"
	"testing"

	"rhumb.run/rhumb/internal/core/cause"
)

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: dev}
status: {unavailableReplicas: 1, conditions: [{type: Available, status: "False", reason: MinimumReplicasUnavailable, message: Deployment does not have minimum availability.}]}`

// podOf is a pod of the Deployment with one container called web.
func podOf(t *testing.T, status string, about cause.Node) *cause.Node {
	t.Helper()
	about.Object = object(t, `
apiVersion: v1
kind: Pod
metadata: {name: app-5d9c7b-x2x7k, namespace: dev}
spec:
  initContainers: [{name: wait, image: "registry.example.com/wait:1"}]
  containers: [{name: web, image: "registry.example.com/shop:1"}, {name: side, image: side}]
status: `+status)
	set := &cause.Node{
		Object: object(t, "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: app-5d9c7b, namespace: dev}"),
		Below:  []*cause.Node{&about},
	}
	return &cause.Node{Object: object(t, deployment), Below: []*cause.Node{set}}
}

func waits(reason, message string) string {
	return `{phase: Pending, containerStatuses: [{name: side, ready: true, restartCount: 0, state: {running: {}}}, {name: web, ready: false, restartCount: 0, state: {waiting: {reason: ` + reason + `, message: '` + strings.ReplaceAll(message, "'", "''") + `'}}}]}`
}

func crashed(state, reason string, code string) string {
	return `{phase: Running, containerStatuses: [{name: web, ready: false, restartCount: 4, state: ` + state + `, lastState: {terminated: {exitCode: ` + code + `, reason: ` + reason + `}}}]}`
}

const notFound = `failed to pull and unpack image "registry.example.com/shop:1": failed to resolve reference "registry.example.com/shop:1": registry.example.com/shop:1: not found`

// What scheduler and kubelet write, word for word.
var pods = map[string]struct {
	why, status string
	about       cause.Node
	want        string
}{
	"Unschedulable": {
		why:    "too much asked of the nodes; how many nodes there are is not told",
		status: `{phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, message: '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.'}]}`,
		want:   `Deployment app: no node takes its pod: 1 Insufficient cpu. no new claims to deallocate; lower its resource requests, or add nodes`,
	},
	"Taint": {
		why:    "a taint",
		status: `{phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, message: '0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: gpu}. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.'}]}`,
		want:   `Deployment app: no node takes its pod: 3 node(s) had untolerated taint {dedicated: gpu}.; add a toleration, or remove the taint`,
	},
	"ClaimMissing": {
		why:    "the volume claim that it names",
		status: `{phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, message: '0/1 nodes are available: persistentvolumeclaim "data" not found. preemption: 0/1 nodes are available'}]}`,
		want:   `Deployment app: PersistentVolumeClaim data does not exist in namespace dev; create it, or correct the name in Deployment app`,
	},
	"ImageNotFound": {
		why: "the tag is not there", status: waits("ErrImagePull", notFound),
		want: `Deployment app: container "web" cannot pull image "registry.example.com/shop:1": registry.example.com/shop:1: not found; correct the name, branch or tag of Deployment app, or push it`,
	},
	"ImageNotFoundWhileItWaits": {
		why: "the same sentence between two tries", status: waits("ImagePullBackOff", `Back-off pulling image "registry.example.com/shop:1": ErrImagePull: `+notFound),
		want: `Deployment app: container "web" cannot pull image "registry.example.com/shop:1": registry.example.com/shop:1: not found; correct the name, branch or tag of Deployment app, or push it`,
	},
	"ImageNotFoundInOldKubelets": {
		why: "events remember what the status has dropped", status: waits("ImagePullBackOff", `Back-off pulling image "registry.example.com/shop:1"`),
		about: cause.Node{Events: []cause.Event{{Reason: "Failed", Message: `Failed to pull image "registry.example.com/shop:1": ` + notFound}, {Reason: "Failed", Message: "Error: ErrImagePull"}}},
		want:  `Deployment app: container "web" cannot pull image "registry.example.com/shop:1": registry.example.com/shop:1: not found; correct the name, branch or tag of Deployment app, or push it`,
	},
	"ImageUnauthorized": {
		why: "a private image", status: waits("ErrImagePull", `failed to pull and unpack image "ghcr.io/acme/shop:1": failed to resolve reference "ghcr.io/acme/shop:1": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Aacme%2Fshop%3Apull&service=ghcr.io: 401 Unauthorized`),
		want: `Deployment app: container "web" cannot pull image "registry.example.com/shop:1": unexpected status from GET request to https://ghcr.io/token?*** 401 Unauthorized; check the name, and add a pull secret that may read it to the pod's imagePullSecrets or its service account`,
	},
	"ImageUnreachable": {
		why: "no DNS for the registry", status: waits("ErrImagePull", `failed to pull and unpack image "registry.nowhere/shop:1": failed to resolve reference "registry.nowhere/shop:1": failed to do request: Head "https://registry.nowhere/v2/shop/manifests/1": dial tcp: lookup registry.nowhere on 10.0.0.2:53: no such host`),
		want: `Deployment app: container "web" cannot pull image "registry.example.com/shop:1": lookup registry.nowhere on 10.0.0.2:53: no such host; check the address, DNS, the network policies and that the server is up`,
	},
	"SecretMissing": {
		why: "an env from a Secret", status: waits("CreateContainerConfigError", `secret "db" not found`),
		want: `Deployment app: container "web" cannot start: Secret db does not exist in namespace dev; create it, or correct the name in the pod template`,
	},
	"KeyMissing": {
		why: "the Secret is there, the key is not", status: waits("CreateContainerConfigError", `couldn't find key password in Secret dev/db`),
		want: `Deployment app: container "web" cannot start: Secret db has no key password; add the key, or correct it in the pod template`,
	},
	"RunAsRoot": {
		why: "a securityContext that its image does not meet", status: waits("CreateContainerConfigError", `container has runAsNonRoot and image will run as root (pod: "app-5d9c7b-x2x7k_dev(6f0e)", container: web)`),
		want: `Deployment app: container "web" cannot start: container has runAsNonRoot and image will run as root (pod: "app-5d9c7b-x2x7k_dev(6f0e)", container: web); set runAsUser, or use an image with a numeric USER other than root`,
	},
	"SecretToMount": {
		why:    "a volume from a Secret is told of in events alone",
		status: `{phase: Pending, containerStatuses: [{name: web, ready: false, restartCount: 0, state: {waiting: {reason: ContainerCreating}}}]}`,
		about:  cause.Node{Events: []cause.Event{{Reason: "FailedMount", Message: `MountVolume.SetUp failed for volume "tls" : secret "web-tls" not found`}}},
		want:   `Deployment app: Secret web-tls does not exist in namespace dev; create it, or correct the name in Deployment app`,
	},
	"CrashLoop": {
		why:    "the exit code and the last words, without the time of day and without a password",
		status: crashed(`{waiting: {reason: CrashLoopBackOff, message: 'back-off 40s restarting failed container=web pod=app-5d9c7b-x2x7k_dev(6f0e)'}}`, "Error", "3"),
		about:  cause.Node{Tails: map[string]string{"web": "starting\n2026-11-21T15:00:00.123Z \x1b[31mconnecting to postgres://shop:hunter2@db:5432/shop\x1b[0m\n2026/11/21 15:00:00 password=hunter2 refused\nbye\n"}},
		want:   `Deployment app: container "web" crashes again and again, with exit code 3: connecting to postgres://***@db:5432/shop | password=*** refused | bye; read more with kubectl -n dev logs deployment/app -c web --previous`,
	},
	"CrashLoopWhileItRuns": {
		why:    "the same sentence while it is being tried again",
		status: crashed(`{running: {}}`, "Error", "3"),
		about:  cause.Node{Tails: map[string]string{"web": "bye\n"}},
		want:   `Deployment app: container "web" crashes again and again, with exit code 3: bye; read more with kubectl -n dev logs deployment/app -c web --previous`,
	},
	"Panic": {
		why:    "what ended it, not where in the stack",
		status: crashed(`{waiting: {reason: CrashLoopBackOff}}`, "Error", "2"),
		about:  cause.Node{Tails: map[string]string{"web": "up\npanic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:12 +0x1d\nexit status 2\n"}},
		want:   `Deployment app: container "web" crashes again and again, with exit code 2: panic: runtime error: index out of range [3] with length 3 | goroutine 1 [running]: | main.main(); read more with kubectl -n dev logs deployment/app -c web --previous`,
	},
	"OOM": {
		why: "memory", status: crashed(`{waiting: {reason: CrashLoopBackOff}}`, "OOMKilled", "137"),
		want: `Deployment app: container "web" was killed: it used more memory than its limit; raise its memory limit, or let it use less`,
	},
	"NoSuchCommand": {
		why:    "the runtime says why",
		status: `{phase: Running, containerStatuses: [{name: web, ready: false, restartCount: 2, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 128, reason: StartError, message: 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/srv": stat /srv: no such file or directory'}}}]}`,
		want:   `Deployment app: container "web" crashes again and again, with exit code 128: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/srv": stat /srv: no such file or directory; correct command or image in the pod template`,
	},
	"Liveness": {
		why:    "killed by its own probe",
		status: crashed(`{running: {}}`, "Error", "137"),
		about:  cause.Node{Events: []cause.Event{{Reason: "Unhealthy", Message: `Liveness probe failed: Get "http://10.244.0.7:8080/healthz": dial tcp 10.244.0.7:8080: connect: connection refused`}}},
		want:   `Deployment app: container "web" crashes again and again, with exit code 137: Liveness probe failed: Get "8080/healthz": dial tcp 8080: connect: connection refused; read more with kubectl -n dev logs deployment/app -c web --previous`,
	},
	"Readiness": {
		why:    "it runs and does not answer",
		status: `{phase: Running, conditions: [{type: Ready, status: "False"}], containerStatuses: [{name: web, ready: false, restartCount: 0, state: {running: {}}}]}`,
		about:  cause.Node{Events: []cause.Event{{Reason: "Unhealthy", Message: `Readiness probe failed: HTTP probe failed with statuscode: 503`}}},
		want:   `Deployment app: its pod runs, but its readiness probe failed: HTTP probe failed with statuscode: 503; mend the application, or correct the probe's path, port or delay`,
	},
	"InitContainer": {
		why:    "what comes first is named first",
		status: `{phase: Pending, initContainerStatuses: [{name: wait, ready: false, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 1, reason: Error}}}], containerStatuses: [{name: web, ready: false, restartCount: 0, state: {waiting: {reason: PodInitializing}}}]}`,
		want:   `Deployment app: container "wait" crashes again and again, with exit code 1; read more with kubectl -n dev logs deployment/app -c wait --previous`,
	},
	"Evicted": {
		why:    "the node was full",
		status: `{phase: Failed, reason: Evicted, message: 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi.'}`,
		want:   `Deployment app: its pod ended as Evicted: The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi.; lower what it uses, or set requests and limits that hold`,
	},
	"Starting": {
		why: "nothing has failed yet", status: waits("ContainerCreating", ""),
		want: `Deployment app does not show a healthy status yet; see kubectl -n dev describe deployment.apps app`,
	},
}

func TestPods(t *testing.T) {
	for name, c := range pods {
		t.Run(name, func(t *testing.T) {
			got := of(podOf(t, c.status, c.about)).Sentence("")
			if got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", c.why, got, c.want)
			}
			if len(got) > 500 {
				t.Errorf("%d bytes are too many for a column", len(got))
			}
		})
	}
}

// A failed step of a run is named by its task and step, with its last words.
func TestRuns(t *testing.T) {
	taskRun := object(t, `
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: app-test-unit, namespace: dev}
status: {podName: app-test-unit-pod, conditions: [{type: Succeeded, status: "False", reason: Failed, message: '"step-test" exited with code 1: Error'}]}`)
	pod := &cause.Node{
		Object: object(t, `
apiVersion: v1
kind: Pod
metadata: {name: app-test-unit-pod, namespace: dev}
spec: {initContainers: [{name: prepare, image: p}], containers: [{name: step-clone, image: c}, {name: step-test, image: t}, {name: step-after, image: a}]}
status:
  phase: Failed
  initContainerStatuses: [{name: prepare, ready: true, restartCount: 0, state: {terminated: {exitCode: 0, reason: Completed}}}]
  containerStatuses:
  - {name: step-after, ready: false, restartCount: 0, state: {terminated: {exitCode: 1, reason: Error}}}
  - {name: step-clone, ready: false, restartCount: 0, state: {terminated: {exitCode: 0, reason: Completed}}}
  - {name: step-test, ready: false, restartCount: 0, state: {terminated: {exitCode: 1, reason: Error}}}`),
		Tails: map[string]string{"step-test": "--- FAIL: TestPrice (0.00s)\n    price_test.go:12: 3, want 4\nFAIL\n"},
	}
	task := &cause.Node{Object: taskRun, Below: []*cause.Node{pod}}
	pipeline := &cause.Node{Object: object(t, `
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: app-test, namespace: dev}
status: {conditions: [{type: Succeeded, status: "False", reason: Failed, message: 'Tasks Completed: 1 (Failed: 1, Cancelled 0), Skipped: 0'}]}`), Below: []*cause.Node{task}}
	const tail = `step "test" exited with code 1: --- FAIL: TestPrice (0.00s) | price_test.go:12: 3, want 4 | FAIL; read more with kubectl -n dev logs pod/app-test-unit-pod -c step-test`
	for name, c := range map[string]struct {
		why  string
		node *cause.Node
		want string
	}{
		"TaskRun":     {"the first step that failed, in the order of the spec", task, "TaskRun app-test-unit: " + tail},
		"PipelineRun": {"the run and the task", pipeline, "PipelineRun app-test: TaskRun app-test-unit: " + tail},
		"NotLooked":   {"without a look its own words are all there is", &cause.Node{Object: taskRun}, `TaskRun app-test-unit reports Failed: "step-test" exited with code 1: Error; see kubectl -n dev describe taskrun.tekton.dev app-test-unit`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := of(c.node).Sentence(""); got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", c.why, got, c.want)
			}
		})
	}
	if container, previous := cause.Talking(pod.Object); container != "step-test" || previous {
		t.Errorf("asked for the words of %q (previous %t), want step-test's, which is over", container, previous)
	}
}
