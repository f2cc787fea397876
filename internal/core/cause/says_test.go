// SPDX-License-Identifier: Apache-2.0

package cause_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/internal/core/cause"
	"rhumb.run/rhumb/internal/fault"
)

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return u
}

// of is the cause of a Workload with one step, whose object was looked at.
func of(looked *cause.Node) cause.Verdict {
	return cause.Of(cause.Evidence{
		Owner: "Workload", Namespace: "dev", Name: "app", Blueprint: "ClusterSupplyChain web", Ready: metav1.ConditionUnknown,
		Steps: []cause.Step{{
			Name: "one", Template: "ClusterTemplate one", Live: looked.Object, Looked: looked, Healthy: metav1.ConditionUnknown,
		}},
	})
}

// What controllers write into conditions, word for word.
func TestConditions(t *testing.T) {
	cases := map[string]struct{ why, kind, condition, want string }{
		"GitAuthentication": {
			"Flux, over HTTPS without a password", "source.toolkit.fluxcd.io/v1 GitRepository",
			`{type: Ready, status: "False", reason: GitOperationFailed, message: "failed to checkout and determine revision: unable to clone 'https://github.com/acme/shop': authentication required: Repository not found."}`,
			`GitRepository app is not let in by https://github.com/acme/shop: failed to checkout and determine revision: unable to clone 'https://github.com/acme/shop': authentication required: Repository not found.; check the address, and the Secret that spec.secretRef of GitRepository app names: it must exist and be allowed to read`,
		},
		"GitUserInURL": {
			"a password in the address is told to nobody", "source.toolkit.fluxcd.io/v1 GitRepository",
			`{type: Ready, status: "False", reason: GitOperationFailed, message: "failed to checkout and determine revision: unable to list remote for 'https://ann:hunter2@git.example.com/acme/shop': authorization failed"}`,
			`GitRepository app is not let in by https://git.example.com/acme/shop: failed to checkout and determine revision: unable to list remote for 'https://***@git.example.com/acme/shop': authorization failed; check the address, and the Secret that spec.secretRef of GitRepository app names: it must exist and be allowed to read`,
		},
		"SourceAway": {
			"kpack asked for the source while Flux was away, and does not ask again", "kpack.io/v1alpha1 Image",
			`{type: Ready, status: "False", reason: BuildFailed, message: "Error: Build 'app-build-5' in namespace 'dev' failed: Error:  Container prepare terminated with error Get \"http://flux.example/app/1234.tar.gz\": dial tcp 10.96.162.206:80: connect: connection refused: For more info use 'kubectl logs -n dev app-build-5-build-pod -c prepare'"}`,
			`Image app cannot reach http://flux.example/app/1234.tar.gz: Error: Build 'app-build-5' in namespace 'dev' failed: Error: Container prepare terminated with error Get "http://flux.example/app/1234.tar.gz": dial tcp 10.96.162.206:80: connect: connection refused: For more info use 'kubectl logs -n dev app-build-5-build-pod -c prepare'; check the address, DNS, the network policies and that the server is up; then: kubectl -n dev annotate build app-build-5 image.kpack.io/additionalBuildNeeded=`,
		},
		"GitSecretMissing": {
			"Flux looks for the Secret before it clones", "source.toolkit.fluxcd.io/v1 GitRepository",
			`{type: FetchFailed, status: "True", reason: AuthenticationFailed, message: "failed to get secret 'dev/git-login': secrets \"git-login\" not found"}`,
			`GitRepository app: Secret git-login does not exist in namespace dev; create it, or correct the name in GitRepository app`,
		},
		"GitUnreachable": {
			"DNS", "source.toolkit.fluxcd.io/v1 GitRepository",
			`{type: Ready, status: "False", reason: GitOperationFailed, message: "failed to checkout and determine revision: unable to list remote for 'https://git.example.test/shop': Get \"https://git.example.test/shop/info/refs?service=git-upload-pack\": dial tcp: lookup git.example.test on 10.96.0.10:53: no such host"}`,
			`GitRepository app cannot reach https://git.example.test/shop: failed to checkout and determine revision: unable to list remote for 'https://git.example.test/shop': Get "https://git.example.test/shop/info/refs?***": dial tcp: lookup git.example.test on 10.96.0.10:53: no such host; check the address, DNS, the network policies and that the server is up`,
		},
		"GitBranch": {
			"the repository is there, the branch is not", "source.toolkit.fluxcd.io/v1 GitRepository",
			`{type: Ready, status: "False", reason: GitOperationFailed, message: "failed to checkout and determine revision: unable to clone 'https://github.com/acme/shop': couldn't find remote ref \"refs/heads/mian\""}`,
			`GitRepository app does not find what it wants at https://github.com/acme/shop: failed to checkout and determine revision: unable to clone 'https://github.com/acme/shop': couldn't find remote ref "refs/heads/mian"; correct the name, branch or tag of GitRepository app, or push it`,
		},
		"GitTLS": {
			"an authority of one's own", "source.toolkit.fluxcd.io/v1 GitRepository",
			`{type: Ready, status: "False", reason: GitOperationFailed, message: "failed to checkout and determine revision: unable to list remote for 'https://git.local/shop': Get \"https://git.local/shop/info/refs?service=git-upload-pack\": tls: failed to verify certificate: x509: certificate signed by unknown authority"}`,
			`GitRepository app finds no trust in https://git.local/shop: failed to checkout and determine revision: unable to list remote for 'https://git.local/shop': Get "https://git.local/shop/info/refs?***": tls: failed to verify certificate: x509: certificate signed by unknown authority; add the server's CA (caFile), or known_hosts for SSH, to the Secret in spec.secretRef`,
		},
		"OCIDenied": {
			"go-containerregistry's words", "source.toolkit.fluxcd.io/v1 OCIRepository",
			`{type: Ready, status: "False", reason: OCIArtifactPullFailed, message: "failed to determine artifact digest: GET https://ghcr.io/token?scope=repository%3Aacme%2Fshop%3Apull&service=ghcr.io: DENIED: denied"}`,
			`OCIRepository app is not let in by https://ghcr.io/token: failed to determine artifact digest: GET https://ghcr.io/token?*** DENIED: denied; check the address, and the Secret that spec.secretRef of OCIRepository app names: it must exist and be allowed to read`,
		},
		"ImageNotFound": {
			"our own words end with what helps", "source.apps.tanzu.vmware.com/v1alpha1 ImageRepository",
			`{type: Ready, status: "False", reason: NotFound, message: 'unable to resolve image "localhost:5000/apps/demo": registry.local:5000 answered 404 Not Found: MANIFEST_UNKNOWN: manifest unknown; push the image, or correct its name'}`,
			`ImageRepository app does not find what it wants at localhost:5000/apps/demo: registry.local:5000 answered 404 Not Found: MANIFEST_UNKNOWN: manifest unknown; push the image, or correct its name`,
		},
		"ImageSecret": {
			"our own words about a pull secret", "source.apps.tanzu.vmware.com/v1alpha1 ImageRepository",
			`{type: Ready, status: "False", reason: SecretNotFound, message: 'unable to resolve image "a.example.com/b": Secret "login" is not there; create it, or take it out of spec.imagePullSecrets'}`,
			`ImageRepository app: Secret login does not exist in namespace dev; create it, or correct the name in ImageRepository app`,
		},
		"ImageAccount": {
			"our own words about an account", "source.apps.tanzu.vmware.com/v1alpha1 ImageRepository",
			`{type: Ready, status: "False", reason: ServiceAccountNotFound, message: 'unable to resolve image "a.example.com/b": ServiceAccount "puller" is not there; create it, or correct spec.serviceAccountName'}`,
			`ImageRepository app: ServiceAccount puller does not exist in namespace dev; create it with kubectl create serviceaccount puller -n dev, or name another in ImageRepository app`,
		},
		"ImageUnreachable": {
			"known by its reason", "source.apps.tanzu.vmware.com/v1alpha1 ImageRepository",
			`{type: Ready, status: "False", reason: Unreachable, message: 'unable to resolve image "registry.example.com/a:1": it rests'}`,
			`ImageRepository app cannot reach registry.example.com/a:1: it rests; check the address, DNS, the network policies and that the server is up`,
		},
		"KpackBuilder": {
			"the builder that the image names", "kpack.io/v1alpha2 Image",
			`{type: Ready, status: "False", reason: BuilderNotFound, message: "Unable to find builder paketo."}`,
			`Image app: Builder paketo does not exist in namespace dev; create it, or correct the name in Image app`,
		},
		"KpackBuilderNotReady": {
			"kpack tells in a condition of its own", "kpack.io/v1alpha2 Image",
			`{type: BuilderReady, status: "False", reason: BuilderNotReady, message: "Builder base is not ready"}`,
			`Image app reports BuilderNotReady: Builder base is not ready; see kubectl -n dev describe image.kpack.io app`,
		},
		"KpackSecret": {
			"kpack passes on what the API server said", "kpack.io/v1alpha2 Image",
			`{type: Ready, status: "False", message: 'secrets "made-up-secret" not found'}`,
			`Image app: Secret made-up-secret does not exist in namespace dev; create it, or correct the name in Image app`,
		},
		"KpackRegistry": {
			"a registry that wants a login", "kpack.io/v1alpha2 Builder",
			`{type: Ready, status: "False", message: "POST https://index.docker.io/v2/acme/builder/blobs/uploads/?from=kpack%2Flifecycle&mount=sha256%3A309e&origin=REDACTED: UNAUTHORIZED: authentication required; [map[Action:pull Class: Name:acme/builder Type:repository]]"}`,
			`Builder app is not let in by https://index.docker.io/v2/acme/builder/blobs/uploads/: POST https://index.docker.io/v2/acme/builder/blobs/uploads/?*** UNAUTHORIZED: authentication required; [map[Action:pull Class: Name:acme/builder Type:repository]]; add a Secret that may read and push to the service account of Builder app`,
		},
		"TektonTaskMissing": {
			"the task of a TaskRun", "tekton.dev/v1 TaskRun",
			`{type: Succeeded, status: "False", reason: CouldntGetTask, message: 'failed to get task: tasks.tekton.dev "unit" not found'}`,
			`TaskRun app: Task unit does not exist in namespace dev; create it, or correct the name in TaskRun app`,
		},
		"TektonQuota": {
			"Tekton goes on trying, and says what it met", "tekton.dev/v1 TaskRun",
			`{type: Succeeded, status: "False", reason: ExceededResourceQuota, message: 'TaskRun Pod exceeded available resources: pods "app-pod" is forbidden: exceeded quota: small, requested: limits.memory=2Gi, used: limits.memory=1Gi, limited: limits.memory=1Gi'}`,
			`TaskRun app: it does not fit into ResourceQuota small: it asks for limits.memory=2Gi, limits.memory=1Gi is used of limits.memory=1Gi; ask for less, free some, or raise the quota in namespace dev`,
		},
		"TektonTimeout": {
			"words that mean nothing to us are passed on", "tekton.dev/v1 PipelineRun",
			`{type: Succeeded, status: "False", reason: PipelineRunTimeout, message: 'PipelineRun "app" failed to finish within "1h0m0s"'}`,
			`PipelineRun app reports PipelineRunTimeout: PipelineRun "app" failed to finish within "1h0m0s"; see kubectl -n dev describe pipelinerun.tekton.dev app`,
		},
		"PodsOverQuota": {
			"a ReplicaSet may not make its pods", "apps/v1 Deployment",
			`{type: ReplicaFailure, status: "True", reason: FailedCreate, message: 'pods "app-5d9c7b-x2x7k" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=3, limited: pods=3'}`,
			`Deployment app: it does not fit into ResourceQuota pods: it asks for pods=1, pods=3 is used of pods=3; ask for less, free some, or raise the quota in namespace dev`,
		},
		"QuotaWantsLimits": {
			"a quota that makes limits a duty", "apps/v1 Deployment",
			`{type: ReplicaFailure, status: "True", reason: FailedCreate, message: 'pods "app-5d9c7b-x2x7k" is forbidden: failed quota: compute: must specify limits.cpu for: web; limits.memory for: web'}`,
			`Deployment app: ResourceQuota compute wants every container to specify limits.cpu for: web; limits.memory for: web; set it in Deployment app, or give the namespace a LimitRange with defaults`,
		},
		"PodsWithoutAccount": {
			"the account that the pods run as", "apps/v1 Deployment",
			`{type: ReplicaFailure, status: "True", reason: FailedCreate, message: 'pods "app-5d9c7b-" is forbidden: error looking up service account dev/runner: serviceaccount "runner" not found'}`,
			`Deployment app: ServiceAccount runner does not exist in namespace dev; create it with kubectl create serviceaccount runner -n dev, or name another in Deployment app`,
		},
		"Webhook": {
			"which webhook", "apps/v1 Deployment",
			`{type: ReplicaFailure, status: "True", reason: FailedCreate, message: 'admission webhook "validate.kyverno.svc-fail" denied the request: resource Pod/dev/app was blocked due to the following policies disallow-latest-tag: validation error: no tag'}`,
			`Deployment app: admission webhook validate.kyverno.svc-fail denied it: resource Pod/dev/app was blocked due to the following policies disallow-latest-tag: validation error: no tag; change Deployment app so that it complies, or ask whoever owns the webhook`,
		},
		"WebhookGone": {
			"a dead webhook stops other people's work", "apps/v1 Deployment",
			`{type: ReplicaFailure, status: "True", reason: FailedCreate, message: 'Internal error occurred: failed calling webhook "mutate.policy.dev": failed to call webhook: Post "https://policy.policy-system.svc:443/mutate?timeout=10s": dial tcp 10.96.1.7:443: connect: connection refused'}`,
			`Deployment app: admission webhook mutate.policy.dev could not be asked: dial tcp 10.96.1.7:443: connect: connection refused; bring service policy.policy-system up; nothing of this kind can be written until then`,
		},
		"Stalled": {
			"which pods of it failed is below", "apps/v1 Deployment",
			`{type: Progressing, status: "False", reason: ProgressDeadlineExceeded, message: 'ReplicaSet "app-5d9c7b" has timed out progressing.'}`,
			`Deployment app is stalled: its new pods did not become available within 600 seconds; see its pods with kubectl -n dev describe deployment app`,
		},
		"ForbiddenToIt": {
			"an account that a child acts as", "helm.toolkit.fluxcd.io/v2 HelmRelease",
			`{type: Ready, status: "False", reason: InstallFailed, message: 'Helm install failed: services is forbidden: User "system:serviceaccount:dev:deployer" cannot list resource "services" in API group "" in the namespace "dev"'}`,
			`HelmRelease app: service account dev/deployer may not list services in namespace dev; grant it with kubectl create -n dev role deployer-services --verb=list --resource=services && kubectl create -n dev rolebinding deployer-services --role=deployer-services --serviceaccount=dev:deployer`,
		},
		"RunnableBelow": {
			"it found out already", "carto.run/v1alpha1 Runnable", `{type: Ready, status: "False", reason: X}`,
			`Runnable app: TaskRun app-1: step "test" exited with code 1; read more`,
		},
		"Nothing": {
			"no status is no failure", "kpack.io/v1alpha2 Image", ``,
			`Image app has no status yet, and a healthy status is awaited; if it stays so, the controller of kpack is not running`,
		},
		"AtWork": {
			"its own words about its progress", "source.toolkit.fluxcd.io/v1 GitRepository",
			`{type: Ready, status: Unknown, reason: Progressing, message: "building artifact: new upstream revision 'main@sha1:1234'"}`,
			`GitRepository app is at work, and a healthy status is awaited: building artifact: new upstream revision 'main@sha1:1234'`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			version, kind, _ := strings.Cut(c.kind, " ")
			text := "apiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: app, namespace: dev}\n"
			if c.condition != "" {
				text += "status:\n  conditions: [" + c.condition + "]\n"
			}
			if name == "RunnableBelow" {
				text += `  cause: 'TaskRun app-1: step "test" exited with code 1; read more'`
			}
			got := of(&cause.Node{Object: object(t, text)}).Sentence("")
			if got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", c.why, got, c.want)
			}
			if len(got) > 500 {
				t.Errorf("%d bytes are too many for a column", len(got))
			}
		})
	}
}

// A right that is missing while stamping is asked for with those that come next.
func TestForbiddenWhileStamping(t *testing.T) {
	const head = `create: deployments.apps "app" is forbidden: User "system:serviceaccount:dev:builder" cannot patch resource "deployments" in API group "apps" in the namespace "dev"`
	long := strings.Repeat("very-long-name-", 8)
	cases := map[string]struct{ why, message, want string }{
		"Role":    {"ready to paste", head, "--verb=get,create,patch,delete --resource=deployments.apps && kubectl create -n dev rolebinding builder-deployments.apps"},
		"NoRole":  {"words that follow change nothing", head + `: RBAC: role.rbac.authorization.k8s.io "x" not found`, "service account dev/builder may not patch deployments.apps in namespace dev"},
		"Cluster": {"a right for the whole cluster is a cluster role", `User "ann" cannot list resource "nodes" in API group "" at the cluster scope`, "user ann may not list nodes in the whole cluster; grant it with kubectl create clusterrole rhumb-nodes --verb=list --resource=nodes && kubectl create clusterrolebinding rhumb-nodes --clusterrole=rhumb-nodes --user=ann"},
		"Long":    {"a rule where the command would be cut", strings.ReplaceAll(head, "dev", long), `add to a role of its: {apiGroups: ["apps"], resources: ["deployments"], verbs: [get,create,patch,delete]}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e := cause.Evidence{Owner: "Workload", Namespace: "dev", Name: "app", Ready: metav1.ConditionFalse, Steps: []cause.Step{{
				Name: "deploy", Template: "ClusterTemplate deploy", Err: fault.Denyf("TemplateRejectedByAPIServer", "%s", c.message),
			}}}
			if got := cause.Of(e).Sentence(""); !strings.Contains(got, c.want) || len(got) > 500 {
				t.Errorf("%s:\n got %s\nwant %s", c.why, got, c.want)
			}
		})
	}
}
