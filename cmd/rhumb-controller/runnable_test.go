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
const runnerRights = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: runner}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: runner}
rules:
- {apiGroups: [""], resources: [configmaps], verbs: [get, list, create, patch, delete]}
- {apiGroups: [runs.rhumb.test], resources: [trials], verbs: [get, list, create, patch, delete]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: runner}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: runner}
subjects: [{kind: ServiceAccount, name: runner, namespace: NS}]`

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

// A kind without a spec, and one to whose spec the server adds, run once all the
// same, however often they are looked at and by how many lives.
func TestKindWithoutSpecRunsOnce(t *testing.T) {
	b := newTrials(t)
	stop := b.start(nil)
	noted := strings.NewReplacer("-trial}", "-note}", "runs.rhumb.test/v1", "v1", "kind: Trial", "kind: ConfigMap",
		"spec: {text: $(runnable.spec.inputs.text)$}", "data: {text: $(runnable.spec.inputs.text)$}", "name: try", "name: note",
		"- {name: x}", "").Replace(trialTemplate + "\n---" + try)
	b.apply(runnerRights + "\n---" + trialTemplate + "\n---" + try + "\n---" + noted)
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

// Retries, what newer inputs end, and what is kept.
func TestRunsThatFailAreMadeAgainAndOldOnesGo(t *testing.T) {
	b := newTrials(t)
	stop := b.start(nil)
	b.apply(runnerRights + "\n---" + trialTemplate + "\n---" + try +
		"\n  retentionPolicy: {maxFailedRuns: 1, maxSuccessfulRuns: 1}\n  retryPolicy: {maxRetries: 2, backoff: {initial: 1s, max: 1s}}\n  concurrency: {cancelSuperseded: true}")
	first := b.run("one", 1)[0]
	b.finish(first, "False", "badly")
	second := b.attempt("2")
	stop() // attempts are counted on the runs, not in the process
	b.start(nil)
	b.finish(second, "False", "badly")
	third := b.attempt("3")
	b.finish(third, "False", "badly")
	b.runnable("try", "False", "SucceededCondition", nil)
	b.until("the failed attempts but the last are gone", func() (bool, string) {
		all := b.runs()["one"]
		return len(all) == 1 && all[0] == third, fmt.Sprint(all)
	})

	b.merge(b.carto("runnables"), "try", `{spec: {inputs: {text: two}}}`)
	b.run("two", 1)
	b.merge(b.carto("runnables"), "try", `{spec: {inputs: {text: three}}}`)
	three := b.run("three", 1)[0]
	b.run("two", 0) // it had not ended, and nobody wants it any more
	b.finish(three, "True", "well")
	b.runnable("try", "True", "Ready", said("well"))
	b.merge(b.carto("runnables"), "try", `{spec: {inputs: {text: four}}}`)
	b.finish(b.run("four", 1)[0], "True", "better")
	b.runnable("try", "True", "Ready", said("better"))
	b.run("three", 0)
	b.run("one", 1)
}

// attempt waits for the run that is that attempt, and names it.
func (b *bed) attempt(n string) string {
	b.t.Helper()
	name := ""
	b.until("there is attempt "+n, func() (bool, string) {
		list, err := b.trials().List(context.Background(), metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		for i := range list.Items {
			if list.Items[i].GetAnnotations()["rhumb.run/attempt"] == n {
				name = list.Items[i].GetName()
			}
		}
		return name != "", fmt.Sprint(b.runs())
	})
	return name
}

// TestRunnableKilledBetweenAnyTwoWrites kills the controller after each of its
// writes in turn: the runs and the status are always those of a life without death.
func TestRunnableKilledBetweenAnyTwoWrites(t *testing.T) {
	want := runnableLife(t, nil)
	for _, answered := range []bool{true, false} {
		for k := 1; ; k++ {
			killer := newKiller(k, answered)
			got := runnableLife(t, killer)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("killed at write %d (answered %v):\n%s", k, answered, diff)
			}
			if !killer.died.Load() {
				break // it made fewer writes than that: all were tried
			}
		}
	}
}

// runnableLife takes a runnable through a run that fails, its retry, and new inputs
// that supersede what runs then, with a death on the way if there is a killer.
func runnableLife(t *testing.T, k *killer) map[string]any {
	t.Helper()
	b := newTrials(t)
	if k != nil {
		stop := b.start(k.wrap)
		go func() { <-k.dead; stop(); b.start(nil) }()
	} else {
		b.start(nil)
	}
	b.apply(runnerRights + "\n---" + trialTemplate + "\n---" + try +
		"\n  retentionPolicy: {maxFailedRuns: 1, maxSuccessfulRuns: 1}\n  retryPolicy: {maxRetries: 1, backoff: {initial: 1s, max: 1s}}\n  concurrency: {cancelSuperseded: true}")
	b.finish(b.run("one", 1)[0], "False", "badly")
	b.finish(b.attempt("2"), "True", "well")
	b.runnable("try", "True", "Ready", said("well"))
	b.merge(b.carto("runnables"), "try", `{spec: {inputs: {text: two}}}`)
	b.run("two", 1)
	b.merge(b.carto("runnables"), "try", `{spec: {inputs: {text: three}}}`)
	b.run("two", 0)
	b.finish(b.run("three", 1)[0], "True", "better")
	u := b.runnable("try", "True", "Ready", said("better"))
	b.until("what is not kept is gone", func() (bool, string) {
		all := b.runs()
		return len(all["one"]) == 1 && len(all["two"]) == 0 && len(all["three"]) == 1, fmt.Sprint(all)
	})
	return map[string]any{"status": timeless(b.ns, u.Object["status"]), "one": len(b.runs()["one"])}
}

// A Pipeline and its RunTemplate of v0.0.6 work, and whoever writes them is told their new names.
func TestPipelineOfOld(t *testing.T) {
	b := newTrials(t)
	b.start(nil)
	old := strings.NewReplacer("ClusterRunTemplate", "RunTemplate", "kind: Runnable", "kind: Pipeline",
		"runTemplateRef: {", "runTemplateRef: {kind: RunTemplate, ", "$(runnable.spec", "$(pipeline.spec").Replace(trialTemplate + "\n---" + try)
	b.apply(runnerRights + "\n---" + old)
	one := b.run("one", 1)[0]
	b.finish(one, "Unknown", "something")
	b.until("the pipeline shows the output of a run that goes on", func() (bool, string) {
		u, err := b.carto("pipelines").Get(context.Background(), "try", metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		got, _, _ := unstructured.NestedString(u.Object, "status", "outputs", "said")
		return got == "something" && readyCondition(u)["status"] == "True", fmt.Sprint(u.Object["status"])
	})
	u, err := b.trials().Get(context.Background(), one, metav1.GetOptions{})
	if err != nil || u.GetLabels()["carto.run/pipeline-name"] != "try" {
		t.Errorf("labels %v, %v: want those of v0.0.6 too", u.GetLabels(), err)
	}
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
