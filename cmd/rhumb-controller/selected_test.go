// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const selecting = `
apiVersion: carto.run/v1alpha1
kind: ClusterRunTemplate
metadata: {name: NS-select}
spec:
  template:
    apiVersion: runs.rhumb.test/v1
    kind: Trial
    metadata: {generateName: select-}
    spec: {text: $(selected.data.text)$}
---
apiVersion: carto.run/v1alpha1
kind: Runnable
metadata: {name: select}
spec:
  serviceAccountName: runner
  runTemplateRef: {name: NS-select}
  selector: {resource: {apiVersion: v1, kind: ConfigMap}, matchingLabels: {purpose: test, lang: go}}`

// A change of what is selected makes a run, and so does its coming and going.
func TestSelectedObjectIsWatched(t *testing.T) {
	b := newTrials(t)
	b.start(nil)
	b.apply(runnerRights + "\n---" + selecting)
	b.refused("select", "selector did not match any objects")
	b.apply(`{apiVersion: v1, kind: ConfigMap, metadata: {name: chosen, labels: {purpose: test, lang: go}}, data: {text: one}}`)
	b.run("one", 1)
	b.merge(b.configMaps(), "chosen", `{data: {text: two}}`)
	b.run("two", 1)
	b.apply(`{apiVersion: v1, kind: ConfigMap, metadata: {name: second, labels: {purpose: test, lang: go}}, data: {text: three}}`)
	b.refused("select", "selector matched multiple objects")
	b.merge(b.configMaps(), "chosen", `{metadata: {labels: {lang: java}}}`)
	b.run("three", 1)
	b.run("one", 1)
	b.run("two", 1)
}

// refused waits until a Runnable is not ready for a reason that ends in those words.
func (b *bed) refused(name, words string) {
	b.t.Helper()
	b.until("the runnable says "+words, func() (bool, string) {
		u := b.runnable(name, "False", "TemplateStampFailure", nil)
		message, _ := readyCondition(u)["message"].(string)
		return strings.HasSuffix(message, words), message
	})
}

// With the rights of an installation, trials cannot be watched until somebody grants
// it; what is selected of a kind that is not granted is read again now and then,
// and an event says so.
func TestRunnableWithShippedRights(t *testing.T) {
	b := newTrials(t)
	b.withShippedRights().start(nil)
	odd := strings.NewReplacer("kind: ConfigMap}", "x", "apiVersion: v1, kind: ConfigMap", "apiVersion: v1, kind: LimitRange",
		"$(selected.data.text)$", "$(selected.metadata.name)$").Replace(selecting)
	limits := strings.Replace(runnerRights, "[configmaps]", "[configmaps, limitranges]", 1)
	b.apply(limits + "\n---" + odd + "\n---" + trialTemplate + "\n---" + try)
	b.apply(`{apiVersion: v1, kind: LimitRange, metadata: {name: chosen, labels: {purpose: test, lang: go}}, spec: {limits: [{type: Pod, max: {cpu: "1"}}]}}`)
	u := b.runnable("try", "False", "FailedToListCreatedObjects", nil)
	if got := readyCondition(u)["message"].(string); !strings.Contains(got, "trials.runs.rhumb.test") || !strings.Contains(got, "rhumb.run/aggregate-to-controller") {
		t.Errorf("message %q does not say what to grant", got)
	}
	b.apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: NS-trials, labels: {rhumb.run/aggregate-to-controller: "true"}}
rules: [{apiGroups: [runs.rhumb.test], resources: [trials], verbs: [get, list, watch]}]`)
	t.Cleanup(func() {
		_ = b.client.Resource(clusterRoles).Delete(context.Background(), b.ns+"-trials", metav1.DeleteOptions{})
	})
	b.finish(b.run("one", 1)[0], "True", "well")
	b.runnable("try", "True", "Ready", said("well"))
	b.run("chosen", 1)
	b.until("people are told that the selected kind is not watched", func() (bool, string) {
		all := strings.Join(b.events(), "\n")
		return strings.Contains(all, "SelectedObjectNotWatched: changes of selected limitranges are noticed within a minute only"), all
	})
}
