// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/internal/controller/imageclone"
)

// Environments of pods hold passwords: none is kept in memory, of whatever kind that has pods.
func TestRemembersNoEnvironment(t *testing.T) {
	b := newBed(t)
	pod := `{labels: {app: x}}, spec: {restartPolicy: %, containers: [{name: a, image: nginx, env: [{name: PASSWORD, value: hidden}]}]}`
	of := func(policy string) string { return "{metadata: " + strings.Replace(pod, "%", policy, 1) + "}" }
	apps, selector := "apiVersion: apps/v1\nmetadata: {name: x}\n", "selector: {matchLabels: {app: x}}, template: "
	b.apply(apps + "kind: Deployment\nspec: {" + selector + of("Always") + "}\n---\n" +
		apps + "kind: StatefulSet\nspec: {serviceName: x, " + selector + of("Always") + "}\n---\n" +
		apps + "kind: DaemonSet\nspec: {" + selector + of("Always") + "}\n---\n" +
		"apiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\nspec: {template: " + of("Never") + "}\n---\n" +
		"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x}\nspec: {schedule: '@yearly', jobTemplate: {spec: {template: " + of("Never") + "}}}\n---\n" +
		"apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: nginx, env: [{name: PASSWORD, value: hidden}]}]}")
	o, err := parse([]string{"--leader-elect=false", "--metrics-bind-address=0", "--health-probe-bind-address=0"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	o.narrow = func(seen *cache.Options) { seen.DefaultNamespaces = map[string]cache.Config{b.ns: {}} }
	mgr, err := newManager(b.config, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for _, kind := range imageclone.Objects() {
		if err := mgr.GetCache().Get(t.Context(), types.NamespacedName{Namespace: b.ns, Name: "x"}, kind); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(kind)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), `"image":"nginx"`) || strings.Contains(string(text), "hidden") {
			t.Errorf("of a %T is kept: %s", client.Object(kind), text)
		}
	}
}
