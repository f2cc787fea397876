// SPDX-License-Identifier: Apache-2.0

package cause_test

import (
	"fmt"
	"strings"
	"testing"

	"rhumb.run/rhumb/internal/core/cause"
)

// builtBy is an Image whose newest Build failed in a container of its pod, which said this.
func builtBy(t *testing.T, container, log string) *cause.Node {
	t.Helper()
	steps := []string{"prepare", "analyze", "detect", "restore", "build", "export"}
	var spec, status []string
	ended := false
	for _, s := range steps {
		spec = append(spec, "{name: "+s+"}")
		state := `{terminated: {exitCode: 0, reason: Completed}}`
		switch {
		case s == container:
			state, ended = `{terminated: {exitCode: 51, reason: Error}}`, true
		case ended:
			state = `{waiting: {reason: PodInitializing}}`
		}
		status = append(status, fmt.Sprintf("{name: %s, ready: %v, restartCount: 0, state: %s}", s, !ended, state))
	}
	pod := &cause.Node{Tails: map[string]string{container: log}, Object: object(t, `
apiVersion: v1
kind: Pod
metadata: {name: app-build-7-build-pod, namespace: dev, labels: {kpack.io/build: app-build-7}}
spec: {initContainers: [`+strings.Join(spec, ", ")+`], containers: [{name: completion}]}
status: {phase: Failed, initContainerStatuses: [`+strings.Join(status, ", ")+`], containerStatuses: [{name: completion, ready: false, restartCount: 0, state: {waiting: {reason: PodInitializing}}}]}`)}
	build := &cause.Node{Below: []*cause.Node{pod}, Object: object(t, `
apiVersion: kpack.io/v1alpha2
kind: Build
metadata: {name: app-build-7, namespace: dev}
status: {observedGeneration: 1, podName: app-build-7-build-pod, conditions: [{type: Succeeded, status: "False", reason: Failed, message: ""}]}`)}
	return &cause.Node{Below: []*cause.Node{build}, Object: object(t, `
apiVersion: kpack.io/v1alpha2
kind: Image
metadata: {name: app, namespace: dev, generation: 2}
status:
  observedGeneration: 2
  latestBuildRef: app-build-7
  conditions:
  - {type: Ready, status: "False", reason: BuildFailed, message: "Error: Build 'app-build-7' in namespace 'dev' failed: "}
  - {type: BuilderReady, status: "True", reason: BuilderReady}
  - {type: BuilderUpToDate, status: "True", reason: BuilderUpToDate}`)}
}

// What kpack's steps and the lifecycle print, word for word.
func TestBuilds(t *testing.T) {
	cases := map[string]struct{ why, container, log, want string }{
		"Go": {
			"the compiler's line is among the last", "build",
			"# hello\n./main.go:12:2: undefined: greet\nERROR: failed to build: exit status 1\n",
			`Image app: Build app-build-7: container "build" exited with code 51: # hello | ./main.go:12:2: undefined: greet | ERROR: failed to build: exit status 1; read more with kubectl -n dev logs pod/app-build-7-build-pod -c build`,
		},
		"GoPaketo": {
			"it is not: a summary follows", "build",
			"  Executing build process\n    Running 'go build -o /layers/targets/bin -buildmode pie -trimpath .'\n      # github.com/acme/hello\n      ./main.go:12:2: undefined: greet\n      ./main.go:14:2: undefined: bye\n      Failed after 2.31s\n\nfailed to execute 'go build': exit status 1\nERROR: failed to build: exit status 1\n",
			`Image app: Build app-build-7: container "build" exited with code 51: ./main.go:12:2: undefined: greet | ./main.go:14:2: undefined: bye | Failed after 2.31s; read more with kubectl -n dev logs pod/app-build-7-build-pod -c build`,
		},
		"Maven": {
			"Maven helps at length", "build",
			"[INFO] Compiling 1 source file\n[ERROR] COMPILATION ERROR : \n[ERROR] /workspace/src/main/java/Hello.java:[5,9] cannot find symbol\n[ERROR] -> [Help 1]\n[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.\n[ERROR] [Help 1] http://cwiki.apache.org/confluence/display/MAVEN/MojoFailureException\nunable to invoke layer creator\nERROR: failed to build: exit status 1\n",
			`Image app: Build app-build-7: container "build" exited with code 51: [ERROR] /workspace/src/main/java/Hello.java:[5,9] cannot find symbol | [ERROR] -> [Help 1] | [ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.; read more with kubectl -n dev logs pod/app-build-7-build-pod -c build`,
		},
		"Javac": {
			"the compiler alone", "build",
			"Hello.java:5: error: cannot find symbol\n    String s = greet();\n               ^\n  symbol:   method greet()\n  location: class Hello\n1 error\nERROR: failed to build: exit status 1\n",
			`Image app: Build app-build-7: container "build" exited with code 51: Hello.java:5: error: cannot find symbol | String s = greet() | ^; read more with kubectl -n dev logs pod/app-build-7-build-pod -c build`,
		},
		"Stack": {
			"a stack says where a program was, not what is wrong", "build",
			"boom\nat run (index.js:3:1)\nat main (index.js:9:1)\nat top (index.js:12:1)\nError: cannot resolve left-pad\nnpm error code 1\nERROR: failed to build: exit status 1\n",
			`Image app: Build app-build-7: container "build" exited with code 51: Error: cannot resolve left-pad | npm error code 1 | ERROR: failed to build: exit status 1; read more with kubectl -n dev logs pod/app-build-7-build-pod -c build`,
		},
		"Detect": {
			"no language that the builder knows", "detect",
			"======== Results ========\nfail: rhumb/go@1\nERROR: No buildpack groups passed detection.\nERROR: Please check that you are running against the correct path.\nERROR: failed to detect: no buildpacks participating\n",
			`Image app: Build app-build-7: none of the builder's buildpacks takes the source; check branch and subPath of the source, and the order of the builder; read more with kubectl -n dev logs pod/app-build-7-build-pod -c detect`,
		},
		"PushNotAllowed": {
			"kpack tries the registry before it builds", "prepare",
			"Build reason(s): CONFIG\nNo registry credentials were loaded from service account secrets\nLoading cluster credential helpers\nError verifying write access to \"registry.example.com/workloads/app\": UNAUTHORIZED\n",
			`Image app: Build app-build-7: container "prepare" is not let in by registry.example.com/workloads/app: Error verifying write access to "registry.example.com/workloads/app": UNAUTHORIZED; add a Secret that may read and push to the service account of Image app; then: kubectl -n dev annotate build app-build-7 image.kpack.io/additionalBuildNeeded=`,
		},
		"PushRefused": {
			"a registry that says so when it is pushed to", "export",
			"Adding layer 'rhumb/go:targets'\n*** Images (sha256:1234):\nERROR: failed to export: failed to write image to the following tags: [registry.example.com/workloads/app: PUT https://registry.example.com/v2/workloads/app/manifests/latest: DENIED: requested access to the resource is denied]\n",
			`Image app: Build app-build-7: container "export" is not let in by https://registry.example.com/v2/workloads/app/manifests/latest: failed to export: failed to write image to the following tags: [registry.example.com/workloads/app: PUT https://registry.example.com/v2/workloads/app/manifests/latest: DENIED: requested access to the resourc…; add a Secret that may read and push to the service account of Image app; then: kubectl -n dev annotate build app-build-7 image.kpack.io/additionalBuildNeeded=`,
		},
		"Analyze": {
			"the lifecycle looks as well", "analyze",
			"ERROR: failed to initialize analyzer: validating registry write access: failed to ensure registry read/write access to registry.example.com/workloads/app: POST https://registry.example.com/v2/workloads/app/blobs/uploads/: UNAUTHORIZED: authentication required\n",
			`Image app: Build app-build-7: container "analyze" is not let in by https://registry.example.com/v2/workloads/app/blobs/uploads/: failed to initialize analyzer: validating registry write access: failed to ensure registry read/write access to registry.example.com/workloads/app: POST https://registry.example.com/v2/workloads/app/blobs/upl…; add a Secret that may read and push to the service account of Image app; then: kubectl -n dev annotate build app-build-7 image.kpack.io/additionalBuildNeeded=`,
		},
		"RegistryDown": {
			"nobody answers", "prepare",
			"Loading cluster credential helpers\nError verifying write access to \"registry.example.com/workloads/app\": Get \"https://registry.example.com/v2/\": dial tcp: lookup registry.example.com: no such host\n",
			`Image app: Build app-build-7: container "prepare" cannot reach https://registry.example.com/v2/: Error verifying write access to "registry.example.com/workloads/app": Get "https://registry.example.com/v2/": dial tcp: lookup registry.example.com: no such host; check the address, DNS, the network policies and that the server is up; then: kubectl -n dev annotate build app-build-7 image.kpack.io/additionalBuildNeeded=`,
		},
		"SourceGone": {
			"the archive is no more", "prepare",
			"Downloading http://source-controller.flux-system.svc.cluster.local./gitrepository/dev/app/1234.tar.gz...\nfailed to get blob http://source-controller.flux-system.svc.cluster.local./gitrepository/dev/app/1234.tar.gz: 404 Not Found\n",
			`Image app: Build app-build-7: container "prepare" does not find what it wants at http://source-controller.flux-system.svc.cluster.local./gitrepository/dev/app/1234.tar.gz: failed to get blob http://source-controller.flux-system.svc.cluster.local./gitrepository/dev/app/1234.tar.gz: 404 Not Found; see that whoever serves the source still has it, and that pods of the namespace may reach it; then: kubectl -n dev annotate build app-build-7 image.kpack.io/additionalBuildNeeded=`,
		},
		"BuildSpeaksOfRegistries": {
			"a program that is built may speak of what it likes", "build",
			"fetch https://pkg.example.com: unauthorized\nERROR: failed to build: exit status 1\n",
			`Image app: Build app-build-7: container "build" exited with code 51: fetch https://pkg.example.com: unauthorized | ERROR: failed to build: exit status 1; read more with kubectl -n dev logs pod/app-build-7-build-pod -c build`,
		},
		"NoLogs": {
			"whoever may not read logs is told where they are", "build", "",
			`Image app: Build app-build-7: container "build" exited with code 51; read more with kubectl -n dev logs pod/app-build-7-build-pod -c build`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := of(builtBy(t, c.container, c.log)).Sentence(""); got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", c.why, got, c.want)
			}
		})
	}
}

// An Image passes on what its builder says, and that it is not there.
func TestBuilderOfAnImage(t *testing.T) {
	cases := map[string]struct{ why, reason, message, want string }{
		"NoClusterBuilder": {
			"a builder of the cluster has no namespace", "BuilderNotFound", `Error: Unable to find builder 'base' in namespace ''.`,
			`Image app: ClusterBuilder base does not exist; create it, or correct the name in Image app`,
		},
		"NoBuilder": {
			"one of the namespace", "BuilderNotFound", `Error: Unable to find builder 'base' in namespace 'dev'.`,
			`Image app: Builder base does not exist in namespace dev; create it, or correct the name in Image app`,
		},
		"NotReady": {
			"it is the builder that lacks something", "BuilderNotReady", `Error: Builder 'base' is not ready in namespace ''; Message: Error: could not find ClusterStore: default`,
			`ClusterBuilder base, with which Image app is built, is not ready: Error: could not find ClusterStore: default; see kubectl describe clusterbuilder.kpack.io base`,
		},
		"NotLetIn": {
			"it is the builder that is not let in", "BuilderNotReady",
			`Error: Builder 'base' is not ready in namespace 'dev'; Message: POST https://registry.example.com/v2/builder/blobs/uploads/: UNAUTHORIZED: authentication required`,
			`Builder base is not let in by https://registry.example.com/v2/builder/blobs/uploads/: POST https://registry.example.com/v2/builder/blobs/uploads/: UNAUTHORIZED: authentication required; add a Secret that may read and push to the service account of Builder base`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			image := object(t, fmt.Sprintf("apiVersion: kpack.io/v1alpha2\nkind: Image\nmetadata: {name: app, namespace: dev}\nstatus: {conditions: [{type: Ready, status: \"False\", reason: %s, message: %q}]}", c.reason, c.message))
			if got := of(&cause.Node{Object: image}).Sentence(""); got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", c.why, got, c.want)
			}
		})
	}
}
