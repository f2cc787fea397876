// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A Pipeline and its RunTemplate of v0.0.6 work.
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
