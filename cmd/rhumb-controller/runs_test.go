// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// trialKind is a kind that runs to completion: the server defaults its spec, and
// whoever plays its controller says in its status how it ended.
const trialKind = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: trials.runs.rhumb.test}
spec:
  group: runs.rhumb.test
  scope: Namespaced
  names: {kind: Trial, listKind: TrialList, plural: trials, singular: trial}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              text: {type: string}
              timeout: {type: string, default: 1h0m0s}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}`

var trials = schema.GroupVersionResource{Group: "runs.rhumb.test", Version: "v1", Resource: "trials"}

func (b *bed) trials() dynamic.ResourceInterface { return b.client.Resource(trials).Namespace(b.ns) }

// haveTrials installs the kind, once for all tests.
func (b *bed) haveTrials() {
	b.t.Helper()
	b.have(trialKind, b.trials())
}

// have installs a kind that others may have installed already, and waits until it is served.
func (b *bed) have(definition string, served dynamic.ResourceInterface) {
	b.t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(definition), &u.Object); err != nil {
		b.t.Fatal(err)
	}
	crds := b.client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	if _, err := crds.Create(context.Background(), u, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		b.t.Fatal(err)
	}
	b.until(u.GetName()+" is served", func() (bool, string) {
		_, err := served.List(context.Background(), metav1.ListOptions{})
		return err == nil, fmt.Sprint(err)
	})
}

// list is what a bed has of a kind with our labels, newest last.
func (b *bed) list(r dynamic.ResourceInterface) []unstructured.Unstructured {
	b.t.Helper()
	list, err := r.List(context.Background(), metav1.ListOptions{LabelSelector: "carto.run/template-lifecycle"})
	if err != nil {
		b.t.Fatal(err)
	}
	return list.Items
}

// end lets every trial of a text end: with a success that yields its text in capitals, or with a failure.
func (b *bed) end(text, succeeded string) {
	b.t.Helper()
	b.until("there is a trial of "+text, func() (bool, string) {
		found := false
		for _, u := range b.list(b.trials()) {
			if got, _, _ := unstructured.NestedString(u.Object, "spec", "text"); got != text {
				continue
			}
			found = true
			status := fmt.Sprintf(`{status: {yield: %q, conditions: [{type: Succeeded, status: %q, reason: Ended, message: "tried %s", lastTransitionTime: "2024-01-01T00:00:00Z"}]}}`,
				strings.ToUpper(text), succeeded, text)
			b.mergeStatus(b.trials(), u.GetName(), status)
		}
		return found, fmt.Sprint(len(b.list(b.trials())), " trials")
	})
}

var runRights = granted("builder",
	`{apiGroups: [""], resources: [configmaps, pods], verbs: [get, create, patch, delete]}`,
	`{apiGroups: [runs.rhumb.test], resources: [trials], verbs: [get, create, delete]}`)

// runChain has a step of each lifecycle: a note without a spec and a pod that the
// server rewrites, never changed; a trial that is judged; and what is made of it.
const runChain = `
apiVersion: carto.run/v1alpha1
kind: ClusterConfigTemplate
metadata: {name: NS-note}
spec:
  lifecycle: immutable
  configPath: .data.text
  template: {apiVersion: v1, kind: ConfigMap, metadata: {generateName: $(workload.metadata.name)$-note-}, data: {text: $(params.text)$}}
---
apiVersion: carto.run/v1alpha1
kind: ClusterTemplate
metadata: {name: NS-pod}
spec:
  lifecycle: immutable
  template:
    apiVersion: v1
    kind: Pod
    metadata: {generateName: $(workload.metadata.name)$-pod-}
    spec: {containers: [{name: main, image: none.invalid/none, args: [$(config)$], resources: {limits: {cpu: 1000m}}}]}
---
apiVersion: carto.run/v1alpha1
kind: ClusterConfigTemplate
metadata: {name: NS-trial}
spec:
  lifecycle: tekton
  retentionPolicy: {maxFailedRuns: 1, maxSuccessfulRuns: 1}
  configPath: .status.yield
  template: {apiVersion: runs.rhumb.test/v1, kind: Trial, metadata: {generateName: $(workload.metadata.name)$-trial-}, spec: {text: $(config)$}}
---
apiVersion: carto.run/v1alpha1
kind: ClusterTemplate
metadata: {name: NS-deploy}
spec: {template: {apiVersion: v1, kind: ConfigMap, metadata: {name: $(workload.metadata.name)$-deploy}, data: {config: $(config)$}}}
---
apiVersion: carto.run/v1alpha1
kind: ClusterSupplyChain
metadata: {name: NS}
spec:
  selector: {bed: NS}
  resources:
  - {name: deploy, templateRef: {kind: ClusterTemplate, name: NS-deploy}, configs: [{resource: trial, name: config}]}
  - {name: trial, templateRef: {kind: ClusterConfigTemplate, name: NS-trial}, configs: [{resource: note, name: config}]}
  - {name: pod, templateRef: {kind: ClusterTemplate, name: NS-pod}, configs: [{resource: note, name: config}]}
  - {name: note, templateRef: {kind: ClusterConfigTemplate, name: NS-note}}`

func yielded(text string) map[string]string { return map[string]string{"config": text} }

// texts are the contents of the runs of a kind.
func (b *bed) texts(r dynamic.ResourceInterface, path ...string) []string {
	b.t.Helper()
	var out []string
	for _, u := range b.list(r) {
		if text, found, _ := unstructured.NestedString(u.Object, path...); found {
			out = append(out, text)
		}
	}
	slices.Sort(out)
	return out
}

// say changes what the workload wants.
func (b *bed) say(text string) {
	b.t.Helper()
	b.merge(b.carto("workloads"), "app", fmt.Sprintf(`{spec: {params: [{name: text, value: %s}]}}`, text))
}

// TestRunsAreMadeOnce: each content is run once, whatever the server makes of the
// object and however often the controller starts.
func TestRunsAreMadeOnce(t *testing.T) {
	b := newBed(t)
	b.haveTrials()
	stop := b.start(nil)
	b.apply(runRights + "\n---" + runChain + "\n---" + app)
	b.end("one", "True")
	b.data("app-deploy", yielded("ONE"))
	b.workload("app", "True", "Ready")
	stop()

	var c counter
	seen := reconciles(t)
	stop = b.start(c.wrap)
	b.until("the workload was looked at again", func() (bool, string) { n := reconciles(t) - seen; return n >= 1, fmt.Sprint(n) })
	// Something that does need a write goes last through the same queue.
	b.merge(b.configMaps(), "app-deploy", `{data: {config: edited}}`)
	b.data("app-deploy", yielded("ONE"))
	if n := c.writes.Load(); n != 1 {
		t.Errorf("%d writes after a restart at rest, want only the one that restores app-deploy", n)
	}

	b.say("two")
	b.end("two", "False")
	b.workload("app", "False", "HealthyConditionRule")
	b.data("app-deploy", yielded("ONE")) // the last success still counts
	b.say("one")
	b.workload("app", "True", "Ready")
	b.data("app-deploy", yielded("ONE"))
	if got := b.texts(b.trials(), "spec", "text"); fmt.Sprint(got) != "[one two]" {
		t.Errorf("trials of %v, want one of each: what is wanted again is not run again", got)
	}
	if got := len(b.list(b.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(b.ns))); got != 2 {
		t.Errorf("%d pods, want one for each content, though the server rewrites their spec", got)
	}
	stop()
}

// TestRunsAreRetired: of each sort the newest stays, with what is in use.
func TestRunsAreRetired(t *testing.T) {
	b := newBed(t)
	b.haveTrials()
	b.start(nil)
	b.apply(runRights + "\n---" + runChain + "\n---" + app)
	for _, try := range []struct{ text, succeeded string }{{"one", "True"}, {"two", "False"}, {"three", "True"}, {"four", "False"}} {
		b.say(try.text)
		b.end(try.text, try.succeeded)
		if try.succeeded == "True" {
			b.data("app-deploy", yielded(strings.ToUpper(try.text)))
		}
	}
	b.until("one success and one failure are left", func() (bool, string) {
		got := fmt.Sprint(b.texts(b.trials(), "spec", "text"))
		return got == "[four three]", got
	})
	// The step goes, and with it all of its runs.
	b.merge(b.client.Resource(cartoResource("clustersupplychains")), b.ns,
		fmt.Sprintf(`{spec: {resources: [{name: note, templateRef: {kind: ClusterConfigTemplate, name: %s-note}}]}}`, b.ns))
	b.until("no trial is left", func() (bool, string) { n := len(b.list(b.trials())); return n == 0, fmt.Sprint(n) })
	b.gone("app-deploy")
}
