// SPDX-License-Identifier: Apache-2.0

package story_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rhumb.run/rhumb/internal/story"
)

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")

// shown is the first YAML that the reference shows of each kind.
func shown(t *testing.T, kinds ...string) string {
	t.Helper()
	var out []string
	for _, kind := range kinds {
		text, err := os.ReadFile(filepath.Join("../../docs/reference", strings.ToLower(kind)+".md"))
		if err != nil {
			t.Fatal(err)
		}
		found := ""
		for _, block := range yamlBlock.FindAllSubmatch(text, -1) {
			if found == "" && strings.Contains(string(block[1]), "\nkind: "+kind+"\n") {
				found = string(block[1])
			}
		}
		if found == "" {
			t.Fatalf("the reference shows no %s", kind)
		}
		out = append(out, found)
	}
	return strings.Join(out, "---\n")
}

// there is an object as the API server has it.
func there(text string) string {
	return strings.Replace(text, "metadata:\n", "metadata:\n  namespace: dev\n  uid: u-1\n  generation: 1\n", 1)
}

// What the reference shows works as it stands, page by page: the path is
// followed, what controllers say is read, and the owner becomes ready.
func TestReferenceWorks(t *testing.T) {
	const ready = `{type: Ready, status: "True", reason: Ready, message: "", lastTransitionTime: "2024-01-01T12:00:00Z"}`
	const configChain = `apiVersion: carto.run/v1alpha1
kind: ClusterSupplyChain
metadata: {name: configured}
spec:
  selector: {workload-intent: image-prebuilt}
  resources:
    - {name: source, templateRef: {kind: ClusterSourceTemplate, name: git}}
    - {name: settings, templateRef: {kind: ClusterConfigTemplate, name: settings}}
`
	const fetched = `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: demo, namespace: dev}
status: {observedGeneration: 1, artifact: {url: "http://source/demo.tar.gz", revision: main@sha1:abc}, conditions: [{type: Ready, status: "True", reason: Succeeded, message: "", lastTransitionTime: null}]}
---
`
	cases := map[string]struct {
		why, blueprint, templates, owner, objects, status string
		want                                              map[string]string
	}{
		"Workload": {
			why:       "a prebuilt image becomes a Deployment",
			blueprint: shown(t, "ClusterSupplyChain"), templates: shown(t, "ClusterImageTemplate", "ClusterTemplate"), owner: shown(t, "Workload"),
			status: `apiVersion: source.apps.tanzu.vmware.com/v1alpha1
kind: ImageRepository
metadata: {name: demo, namespace: dev}
status: {observedGeneration: 1, artifact: {revision: "localhost:5000/apps/demo:latest@sha256:abc"}}
`,
			want: map[string]string{
				"status.yaml":  ready,
				"objects.yaml": "image: 'localhost:5000/apps/demo:latest@sha256:abc'",
				"events.txt":   "StampedObjectApplied: Created object [deployments.apps/demo]",
			},
		},
		"Config": {
			why:       "a source is fetched, and settings are kept beside it",
			blueprint: configChain, templates: shown(t, "ClusterSourceTemplate", "ClusterConfigTemplate"),
			owner: strings.Replace(shown(t, "Workload"), "    image: localhost:5000/apps/demo\n", "    git: {url: https://git.example.com/demo.git, ref: {branch: main}}\n", 1), status: fetched,
			want: map[string]string{
				"status.yaml":  ready,
				"objects.yaml": "name: demo-settings",
				"events.txt":   "ResourceOutputChanged: [settings] found a new output in [configmaps/demo-settings]",
			},
		},
		"Deliverable": {
			why:       "what is deployed is handed on",
			blueprint: shown(t, "ClusterDelivery"), templates: shown(t, "ClusterSourceTemplate", "ClusterDeploymentTemplate"), owner: shown(t, "Deliverable"),
			status: fetched + `apiVersion: kappctrl.k14s.io/v1alpha1
kind: App
metadata: {name: demo, namespace: dev}
status: {observedGeneration: 1, conditions: [{type: ReconcileSucceeded, status: "True"}]}
`,
			want: map[string]string{
				"status.yaml":  ready,
				"objects.yaml": "url: 'http://source/demo.tar.gz'",
				"events.txt":   "ResourceOutputChanged: [deployer] found a new output in [apps.kappctrl.k14s.io/demo]",
			},
		},
		"Runnable": {
			why:       "the task that is selected is run with the inputs",
			templates: shown(t, "ClusterRunTemplate"), owner: shown(t, "Runnable"),
			objects: `apiVersion: tekton.dev/v1
kind: Task
metadata: {name: go-test, namespace: dev, labels: {purpose: test}}
`,
			status: succeeded,
			want: map[string]string{
				"status.yaml":  ready + "\noutputs: {revision: 'main@sha1:0123abcd'}",
				"objects.yaml": "taskRef: {name: go-test}",
				"events.txt":   "ResourceOutputChanged: Runnable [tests] found a new output in [taskruns.tekton.dev/tests-",
			},
		},
		"Pipeline": {
			why:       "as it was called once",
			templates: strings.Replace(shown(t, "RunTemplate"), "metadata:\n", "metadata:\n  namespace: dev\n", 1), owner: shown(t, "Pipeline"),
			status: succeeded,
			want: map[string]string{
				"status.yaml":  ready,
				"objects.yaml": "carto.run/pipeline-name: tests",
				"events.txt":   "ResourceOutputChanged: Pipeline [tests] found a new output in [taskruns.tekton.dev/tests-",
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			told := tell(t, c.blueprint, c.templates, c.owner, c.objects, c.status)
			if made := aRun.FindString(told["writes.txt"]); made != "" { // its name follows from its content
				told = tell(t, c.blueprint, c.templates, c.owner, c.objects, strings.Replace(c.status, "RUN", made, 1))
			}
			for file, want := range c.want {
				if !strings.Contains(told[file], want) {
					t.Errorf("%s: %s does not hold %q:\n%s", c.why, file, want, told[file])
				}
			}
		})
	}
}

// succeeded is what is said of a run.
const succeeded = `apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: RUN, namespace: dev}
status: {conditions: [{type: Succeeded, status: "True", reason: Succeeded, message: ""}]}
`

var aRun = regexp.MustCompile(`tests-[0-9a-f]+`)

// tell makes a story of what a page shows.
func tell(t *testing.T, blueprint, templates, owner, objects, status string) story.Told {
	t.Helper()
	text := "As the reference shows it.\n\n"
	for _, f := range [][2]string{
		{"blueprint.yaml", blueprint},
		{"templates.yaml", templates},
		{"owner.yaml", there(owner)},
		{"observed/objects.yaml", objects},
		{"observed/status.yaml", status},
	} {
		if f[1] != "" {
			text += "-- " + f[0] + " --\n" + f[1]
		}
	}
	s, err := story.Load([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	told, err := s.Tell(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return told
}
