// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// runnerRights let the account of a bed's runnables make trials and ConfigMaps.
var runnerRights = granted("runner",
	`{apiGroups: [""], resources: [configmaps], verbs: [get, list, create, patch, delete]}`,
	`{apiGroups: [runs.rhumb.test], resources: [trials], verbs: [get, list, create, patch, delete]}`)

const trialTemplate = `
apiVersion: carto.run/v1alpha1
kind: ClusterRunTemplate
metadata: {name: NS-trial}
spec:
  outputs: {said: .status.said}
  template:
    apiVersion: runs.rhumb.test/v1
    kind: Trial
    metadata: {generateName: $(runnable.metadata.name)$-}
    spec: {text: $(runnable.spec.inputs.text)$}`

const try = `
apiVersion: carto.run/v1alpha1
kind: Runnable
metadata: {name: try}
spec:
  serviceAccountName: runner
  runTemplateRef: {name: NS-trial}
  inputs: {text: one}`

// newTrials is a bed that knows trials.
func newTrials(t *testing.T) *bed {
	t.Helper()
	b := newBed(t)
	b.haveTrials()
	return b
}

// runs are the names of the trials by their text.
func (b *bed) runs() map[string][]string {
	b.t.Helper()
	list, err := b.trials().List(context.Background(), metav1.ListOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	out := map[string][]string{}
	for i := range list.Items {
		text, _, _ := unstructured.NestedString(list.Items[i].Object, "spec", "text")
		out[text] = append(out[text], list.Items[i].GetName())
	}
	for _, names := range out {
		slices.Sort(names)
	}
	return out
}

// run waits for exactly so many runs of a text and names them.
func (b *bed) run(text string, count int) []string {
	b.t.Helper()
	var names []string
	b.until(fmt.Sprintf("there are %d runs of %s", count, text), func() (bool, string) {
		all := b.runs()
		names = all[text]
		return len(names) == count, fmt.Sprint(all)
	})
	return names
}

// finish says how a run went.
func (b *bed) finish(name, succeeded, said string) {
	b.t.Helper()
	raw, err := json.Marshal(map[string]any{"status": map[string]any{
		"said": said,
		"conditions": []any{map[string]any{
			"type": "Succeeded", "status": succeeded, "reason": "Done", "message": "it " + said,
			"lastTransitionTime": metav1.Now().UTC().Format("2006-01-02T15:04:05Z"),
		}},
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.mergeStatus(b.trials(), name, string(raw))
}

// runnable waits until a Runnable is Ready in that way and shows those outputs.
func (b *bed) runnable(name, status, reason string, outputs map[string]any) *unstructured.Unstructured {
	b.t.Helper()
	var got *unstructured.Unstructured
	b.until(fmt.Sprintf("runnable %s is Ready=%s %s and yields %v", name, status, reason, outputs), func() (bool, string) {
		u, err := b.carto("runnables").Get(context.Background(), name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		got = u
		c := readyCondition(u)
		observed, _, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
		have, _, _ := unstructured.NestedMap(u.Object, "status", "outputs")
		return observed == u.GetGeneration() && c["status"] == status && c["reason"] == reason && (len(outputs)+len(have) == 0 || cmp.Equal(have, outputs)),
			fmt.Sprint(u.Object["status"])
	})
	return got
}

func said(text string) map[string]any { return map[string]any{"said": text} }

func TestEachContentRunsOnce(t *testing.T) {
	b := newTrials(t)
	stop := b.start(nil)
	b.apply(runnerRights + "\n---" + trialTemplate + "\n---" + try)
	one := b.run("one", 1)[0]
	b.runnable("try", "Unknown", "Unknown", nil)
	b.finish(one, "True", "well")
	b.runnable("try", "True", "Ready", said("well"))

	b.merge(b.carto("runnables"), "try", `{spec: {inputs: {text: two}}}`)
	two := b.run("two", 1)[0]
	b.runnable("try", "Unknown", "Unknown", said("well"))
	b.finish(two, "False", "badly")
	b.runnable("try", "False", "SucceededCondition", said("well"))
	stop()

	var c counter
	seen := reconciles(t)
	b.start(c.wrap)
	b.until("the runnable was looked at again", func() (bool, string) {
		n := reconciles(t) - seen
		return n >= 1, fmt.Sprint(n)
	})
	b.merge(b.carto("runnables"), "try", `{spec: {inputs: {text: three}}}`)
	b.run("three", 1)
	if all := b.runs(); len(all["one"]) != 1 || len(all["two"]) != 1 {
		t.Errorf("a restart made runs again: %v", all)
	}
	if n := c.writes.Load(); n != 1 {
		t.Errorf("%d writes after a restart at rest, want only the one that makes the new run", n)
	}
	events := strings.Join(b.events(), "\n")
	for _, want := range []string{
		"StampedObjectApplied: Created object [trials.runs.rhumb.test/" + one + "]",
		"ResourceOutputChanged: Runnable [try] found a new output in [trials.runs.rhumb.test/" + one + "]",
	} {
		if !strings.Contains(events, want) {
			t.Errorf("nobody was told %q in:\n%s", want, events)
		}
	}
}

// noteTemplate is in ytt, since a template whose object has no spec is refused.
const noteTemplate = `
apiVersion: carto.run/v1alpha1
kind: ClusterRunTemplate
metadata: {name: NS-note}
spec:
  ytt: |
    #@ load("@ytt:data", "data")
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata:
      generateName: #@ data.values.runnable.metadata.name + "-"
    data:
      text: #@ data.values.runnable.spec.inputs.text`

// A kind without a spec, and one to whose spec the server adds, run once all the
// same, however often they are looked at and by how many lives.
func TestKindWithoutSpecRunsOnce(t *testing.T) {
	b := newTrials(t)
	stop := b.start(nil)
	b.apply(runnerRights + "\n---" + trialTemplate + "\n---" + try + "\n---" + noteTemplate + "\n---" +
		strings.NewReplacer("NS-trial", "NS-note", "name: try", "name: note").Replace(try))
	b.run("one", 1)
	b.runnable("note", "Unknown", "Unknown", nil)
	for life := range 3 {
		for _, name := range []string{"try", "note"} {
			b.merge(b.carto("runnables"), name, fmt.Sprintf(`{metadata: {annotations: {look: "%d"}}}`, life))
		}
		stop()
		stop = b.start(nil)
		// Something that does make a run goes through the same queue.
		text := fmt.Sprint("life ", life)
		b.merge(b.carto("runnables"), "try", `{spec: {inputs: {text: `+text+`}}}`)
		b.run(text, 1)
	}
	b.run("one", 1)
	if notes := b.notes(); len(notes) != 1 {
		t.Errorf("there are %d runs of a kind without a spec, want 1: %v", len(notes), notes)
	}
}

// notes are the names of the ConfigMaps that are runs.
func (b *bed) notes() []string {
	b.t.Helper()
	list, err := b.configMaps().List(context.Background(), metav1.ListOptions{LabelSelector: "carto.run/runnable-name"})
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for i := range list.Items {
		out = append(out, list.Items[i].GetName())
	}
	return out
}

// A run that carries the labels of its runnable, as many templates ask for, and
// so those of a step of a chain, is found all the same.
func TestRunWithTheLabelsOfAStep(t *testing.T) {
	b := newTrials(t)
	b.start(nil)
	labelled := strings.Replace(trialTemplate, "generateName: $(runnable.metadata.name)$-", "generateName: x-, labels: $(runnable.metadata.labels)$", 1)
	stamped := strings.Replace(try, "metadata: {name: try}", "metadata: {name: try, labels: {carto.run/resource-name: test, carto.run/template-lifecycle: mutable}}", 1)
	b.apply(runnerRights + "\n---" + labelled + "\n---" + stamped)
	b.finish(b.run("one", 1)[0], "True", "well")
	b.runnable("try", "True", "Ready", said("well"))
	for look := range 3 {
		b.merge(b.carto("runnables"), "try", fmt.Sprintf(`{spec: {retentionPolicy: {maxFailedRuns: %d}}}`, look+2))
		b.runnable("try", "True", "Ready", said("well"))
	}
	b.run("one", 1)
}

// Outputs are the last good ones while nobody can act, and the account's return is noticed.
func TestOutputsOutliveTheAccount(t *testing.T) {
	b := newTrials(t)
	b.start(nil)
	b.apply(runnerRights + "\n---" + trialTemplate + "\n---" + try)
	b.finish(b.run("one", 1)[0], "True", "well")
	b.runnable("try", "True", "Ready", said("well"))
	accounts := b.client.Resource(corev1.SchemeGroupVersion.WithResource("serviceaccounts")).Namespace(b.ns)
	if err := accounts.Delete(context.Background(), "runner", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.runnable("try", "False", "ServiceAccountError", said("well"))
	b.apply(strings.Split(runnerRights, "\n---\n")[0])
	b.runnable("try", "True", "Ready", said("well"))

	templates := b.client.Resource(cartoResource("clusterruntemplates"))
	if err := templates.Delete(context.Background(), b.ns+"-trial", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.runnable("try", "False", "RunTemplateNotFound", said("well"))
	b.apply(trialTemplate)
	b.runnable("try", "True", "Ready", said("well"))
	b.run("one", 1)
}
