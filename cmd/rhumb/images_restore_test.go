// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"rhumb.run/rhumb/internal/core/clone"
)

// rewritten is an object whose image is a copy now.
func rewritten(originals string) clone.Object {
	return clone.Object{
		Subject: clone.Subject{Kind: "Deployment", Namespace: "dev", Name: "shop"},
		Own:     map[string]string{clone.OriginalsAnnotation: originals, clone.PolicyAnnotation: "mirror"},
		Spec: &corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "setup", Image: "mirror.example.com/docker.io/library/busybox:1"}},
			Containers:     []corev1.Container{{Name: "app", Image: "mirror.example.com/docker.io/library/nginx:1"}},
		},
	}
}

// Nothing is restored that would be rewritten as soon as it is.
func TestRewriter(t *testing.T) {
	both := `{"app":"nginx:1","init:setup":"busybox:1"}`
	policy := func(change func(*clone.Policy)) clone.Policies {
		p := &clone.Policy{Name: "mirror", Target: clone.Target{Host: "mirror.example.com"}, Strategy: clone.Auto}
		change(p)
		return clone.Policies{p}
	}
	only := func(globs ...string) clone.Globs {
		out, err := clone.ParseGlobs(globs, nil)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, c := range map[string]struct {
		why       string
		originals string
		policies  clone.Policies
		want      bool
	}{
		"Still":     {"the policy is there, and nothing has changed", both, policy(func(*clone.Policy) {}), true},
		"Gone":      {"nobody would", both, nil, false},
		"CopyOnly":  {"it only copies now", both, policy(func(p *clone.Policy) { p.Strategy = clone.None }), false},
		"Admission": {"pods are changed, templates are not", both, policy(func(p *clone.Policy) { p.Strategy = clone.Admission }), false},
		"DryRun":    {"it only says what it would do", both, policy(func(p *clone.Policy) { p.DryRun = true }), false},
		"LeftOut":   {"the namespace is left out now", both, policy(func(p *clone.Policy) { p.Match.Except = []string{"dev"} }), false},
		"OneOfTwo":  {"one image is enough", both, policy(func(p *clone.Policy) { p.Match.Images = only("docker.io/library/busybox:*") }), true},
		"NotReady":  {"it would once the object is ready", both, policy(func(p *clone.Policy) { p.ReadyFirst = true }), true},
		"NotOurs":   {"what is not put back is not rewritten", `{"other":"nginx:1"}`, policy(func(*clone.Policy) {}), false},
	} {
		t.Run(name, func(t *testing.T) {
			o := rewritten(c.originals)
			if got := rewriter(o, c.policies) != nil; got != c.want {
				t.Errorf("%s: %v", c.why, got)
			}
			if o.Spec.Containers[0].Image != "mirror.example.com/docker.io/library/nginx:1" {
				t.Error("the object itself was changed")
			}
		})
	}
}

// A cloner that goes by its environment is known by it.
func TestClonesByEnvironment(t *testing.T) {
	for name, c := range map[string]struct {
		why  string
		with corev1.Container
		want bool
	}{
		"Variable":  {"what says where to", corev1.Container{Env: []corev1.EnvVar{{Name: "IMAGE_CLONER_REGISTRY"}}}, true},
		"ConfigMap": {"as the example of old has it", corev1.Container{EnvFrom: []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "image-cloner-config"}}}}}, true},
		"Other":     {"any other program", corev1.Container{Env: []corev1.EnvVar{{Name: "HOME"}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := clonesByEnvironment(&corev1.PodSpec{Containers: []corev1.Container{c.with}}); got != c.want {
				t.Errorf("%s: %v", c.why, got)
			}
		})
	}
}

// What another object made is told with that one.
func TestOutermost(t *testing.T) {
	object := func(kind, name, owner string) clone.Object {
		return clone.Object{Subject: clone.Subject{Kind: kind, Namespace: "dev", Name: name, Owner: owner}}
	}
	all := []clone.Object{
		object("Deployment", "shop", ""), object("Pod", "shop-5d4f-x", "ReplicaSet/shop-5d4f"),
		object("CronJob", "nightly", ""), object("Job", "nightly-1", "CronJob/nightly"), object("Pod", "nightly-1-x", "Job/nightly-1"),
		object("Pod", "bare", ""), object("Pod", "orphan", "ReplicaSet/gone-7a"), object("StatefulSet", "db", "Database/db"),
		object("Pod", "etcd", "Node/one"),
	}
	var left []string
	for _, o := range outermost(all) {
		left = append(left, o.Kind+"/"+o.Name)
	}
	want := []string{"Deployment/shop", "CronJob/nightly", "Pod/bare", "Pod/orphan", "StatefulSet/db", "Pod/etcd"}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Error(diff)
	}
}
