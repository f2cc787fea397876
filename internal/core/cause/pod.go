// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// pod reads what scheduler and kubelet say of a pod. subject is who a reader
// knows it by: a pod of a Deployment has a random name.
type pod struct {
	*Node
	subject string
	root    *unstructured.Unstructured
}

func (p pod) read() finding {
	for _, r := range []func() (finding, bool){p.unschedulable, p.containers, p.mounts, p.gone, p.probes} {
		if f, ok := r(); ok {
			return f
		}
	}
	return finding{}
}

func (p pod) said(message string) said {
	s := about(p.Object, "", message)
	s.subject = p.subject
	return s
}

// unschedulable says what keeps the pod from every node.
func (p pod) unschedulable() (finding, bool) {
	for _, c := range conditions(p.Object) {
		if c.kind != "PodScheduled" || c.status != "False" {
			continue
		}
		s := p.said(c.message)
		if f, ok := missingObject(s); ok {
			f.rank = specific
			return f, true
		}
		return finding{
			rank:  specific,
			what:  p.subject + ": no node takes its pod",
			quote: clean(nodeCounts.ReplaceAllString(c.message, "")),
			fix:   roomFor(c.message),
		}, true
	}
	return finding{}, false
}

// nodeCounts change whenever a node comes or goes.
var nodeCounts = regexp.MustCompile(`^0/\d+ nodes are available: `)

func roomFor(message string) string {
	switch {
	case strings.Contains(message, "Insufficient"), strings.Contains(message, "Too many pods"):
		return "lower its resource requests, or add nodes"
	case strings.Contains(message, "untolerated taint"):
		return "add a toleration, or remove the taint"
	case strings.Contains(message, "PersistentVolumeClaim"), strings.Contains(message, "volume"):
		return "see why the volume claim is not bound: kubectl describe pvc"
	case strings.Contains(message, "affinity"), strings.Contains(message, "selector"):
		return "correct its nodeSelector or affinity, or label a node"
	}
	return "change what it asks of a node, or add a node that has it"
}

// mounts are volumes that could not be made, known from events alone.
func (p pod) mounts() (finding, bool) {
	for _, e := range slices.Backward(p.Events) {
		switch e.Reason {
		case "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedCreatePodContainer", "NetworkNotReady":
		default:
			continue
		}
		if !p.waits() {
			continue
		}
		s := p.said(e.Message)
		if f, ok := hear(s); ok {
			return f, true
		}
		what := ": a volume of its pod cannot be mounted"
		if strings.Contains(e.Reason, "Sand") || e.Reason == "NetworkNotReady" {
			what = ": the node cannot start its pod"
		}
		return finding{rank: failing, what: p.subject + what, quote: clean(e.Message), fix: p.describe()}, true
	}
	return finding{}, false
}

func (p pod) waits() bool {
	return !slices.ContainsFunc(p.states(), func(c container) bool { return c.started })
}

// gone is a pod that the cluster took away, or that ended.
func (p pod) gone() (finding, bool) {
	phase, _, _ := unstructured.NestedString(p.Object.Object, "status", "phase")
	if phase != "Failed" {
		return finding{}, false
	}
	reason, _, _ := unstructured.NestedString(p.Object.Object, "status", "reason")
	message, _, _ := unstructured.NestedString(p.Object.Object, "status", "message")
	fix := p.describe()
	if reason == "Evicted" {
		fix = "lower what it uses, or set requests and limits that hold"
	}
	s := p.said(message)
	s.reason = reason
	f := quoted(s, fix)
	f.what = p.subject + ": its pod ended"
	if reason != "" {
		f.what += " as " + reason
	}
	return f, true
}

// probes are what a running container fails.
func (p pod) probes() (finding, bool) {
	for _, e := range slices.Backward(p.Events) {
		if e.Reason != "Unhealthy" || podReady(p.Object) {
			continue
		}
		probe, answer, _ := strings.Cut(e.Message, ": ")
		return finding{
			rank:  specific,
			what:  fmt.Sprintf("%s: its pod runs, but its %s", p.subject, lower(probe)),
			quote: clean(podAddress.ReplaceAllString(answer, "")),
			fix:   "mend the application, or correct the probe's path, port or delay",
		}, true
	}
	return finding{}, false
}

// podAddress is another one in each pod.
var podAddress = regexp.MustCompile(`(?:https?://)?(?:\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]):`)

func lower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func podReady(u *unstructured.Unstructured) bool {
	return slices.ContainsFunc(conditions(u), func(c condition) bool { return c.kind == "Ready" && c.status == "True" })
}

func (p pod) describe() string {
	if p.root.GetKind() == "Pod" {
		return describe(p.Object)
	}
	return describe(p.root) + " and its pods"
}

// logs is the command that shows all of a container's words.
func (p pod) logs(container string, previous bool) string {
	who := "pod/" + p.Object.GetName()
	switch p.root.GetKind() {
	case "Deployment", "StatefulSet", "DaemonSet", "Job":
		who = strings.ToLower(p.root.GetKind()) + "/" + p.root.GetName()
	case "Service":
		who = "-l serving.knative.dev/service=" + p.root.GetName()
	}
	out := fmt.Sprintf("kubectl -n %s logs %s -c %s", p.Object.GetNamespace(), who, container)
	if previous {
		out += " --previous"
	}
	return out
}
