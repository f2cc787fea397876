// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

// patientJob is a run whose time is over before it is done: the cluster's own
// controller says so.
const patientJob = `
apiVersion: carto.run/v1alpha1
kind: ClusterRunTemplate
metadata: {name: NS-job}
spec:
  template:
    apiVersion: batch/v1
    kind: Job
    metadata: {generateName: $(runnable.metadata.name)$-}
    spec:
      activeDeadlineSeconds: 1
      template: {spec: {restartPolicy: Never, containers: [{name: c, image: registry.example.com/c}]}}`

// Why there is no run, and why one failed.
func TestCauseOfRunnables(t *testing.T) {
	jobs := strings.NewReplacer("[runs.rhumb.test]", "[batch]", "[trials]", "[jobs]").Replace(runnerRights)
	job := strings.Replace(try, "NS-trial", "NS-job", 1)
	cases := map[string]struct{ why, objects, want string }{
		"Forbidden": {
			"the verb, the resource and the account",
			strings.Replace(runnerRights, "resources: [trials]", "resources: [others]", 1) + "\n---" + trialTemplate + "\n---" + try,
			`^Trial try-\w+: service account NS/runner may not create trials\.runs\.rhumb\.test in namespace NS; grant it with kubectl create -n NS role runner-trials\.runs\.rhumb\.test --verb=get,create,patch,delete --resource=trials\.runs\.rhumb\.test && `,
		},
		"TemplateMissing": {
			"which one", runnerRights + "\n---" + try,
			`^ClusterRunTemplate NS-trial, which Runnable try names, does not exist; create the template, or correct spec\.runTemplateRef$`,
		},
		"AccountMissing": {
			"the command that makes it", trialTemplate + "\n---" + try,
			`^ServiceAccount NS/runner, in whose name Runnable try is to be stamped, does not exist; create it with kubectl create serviceaccount runner -n NS, or name another in spec\.serviceAccountName$`,
		},
		"NothingSelected": {
			"what was looked for", runnerRights + "\n---" + trialTemplate + "\n---" +
				strings.Replace(try, "inputs:", "selector: {resource: {apiVersion: v1, kind: ConfigMap}, matchingLabels: {for: tests}}\n  inputs:", 1),
			`^Runnable try: its selector finds no ConfigMap labelled for:tests; create or label one, or correct spec\.selector$`,
		},
		"MayNotSelect": {
			"the verb that the account lacks", strings.Replace(runnerRights, "resources: [configmaps], verbs: [get, list,", "resources: [configmaps], verbs: [get,", 1) + "\n---" + trialTemplate + "\n---" +
				strings.Replace(try, "inputs:", "selector: {resource: {apiVersion: v1, kind: ConfigMap}, matchingLabels: {for: tests}}\n  inputs:", 1),
			`^Runnable try: service account NS/runner may not list configmaps in namespace NS; grant it with kubectl create -n NS role runner-configmaps --verb=list --resource=configmaps && `,
		},
		"JobTimeout": {
			"a run that the cluster's own controller ended", jobs + "\n---" + patientJob + "\n---" + job,
			`^Job try-\w+ reports DeadlineExceeded: Job was active longer than specified deadline; see kubectl -n NS describe job\.batch try-\w+$`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newTrials(t)
			b.start(nil)
			b.apply(c.objects)
			if got := b.causeOf("runnables", "try", c.want); len(got) > 500 {
				t.Errorf("%s: %d bytes", c.why, len(got))
			}
		})
	}
}

// A run's own words are told, and no longer once a run succeeded. Of a Workload
// that stamps the Runnable they are the cause, too.
func TestCauseOfARunThatFailed(t *testing.T) {
	b := newTrials(t)
	b.start(nil)
	b.apply(runnerRights + "\n---" + trialTemplate + "\n---" + allowed(`carto.run`, `runnables`) + "\n---" +
		stamps(`{apiVersion: carto.run/v1alpha1, kind: Runnable, metadata: {name: try}, spec: {serviceAccountName: runner, runTemplateRef: {name: NS-trial}, inputs: {text: $(params.text)$}}}`) + "\n---" + app)
	const fails = `Trial try-\w+ reports Failed: two and two are five; see kubectl -n NS describe trial\.runs\.rhumb\.test try-\w+$`
	first := b.run("one", 1)[0]
	b.causeOf("runnables", "try", `^Trial try-\w+ has no status yet, and a condition Succeeded is awaited`)
	b.mergeStatus(b.trials(), first, `{status: {conditions: [{type: Succeeded, status: "False", reason: Failed, message: two and two are five}]}}`)
	b.causeOf("runnables", "try", "^"+fails)
	b.cause("app", "^Runnable try: "+fails)

	b.merge(b.carto("workloads"), "app", `{spec: {params: [{name: text, value: two}]}}`)
	b.mergeStatus(b.trials(), b.run("two", 1)[0], `{status: {said: four, conditions: [{type: Succeeded, status: "True"}]}}`)
	b.causeOf("runnables", "try", "^$")
	b.cause("app", "^$")
}

// A deployment says by itself that it stands still.
func TestCauseOfAStalledDeployment(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	b.apply(allowed(`apps`, `deployments`) + "\n---" + stamps(strings.Replace(web, "Seconds: 600", "Seconds: 1", 1)) + "\n---" + app)
	b.cause("app", `^Deployment web is stalled: its new pods did not become available within 1 seconds; see its pods with kubectl -n NS describe deployment web$`)
}
