// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// condition is what an object's controller says of it.
type condition struct{ kind, status, reason, message string }

func conditions(u *unstructured.Unstructured) []condition {
	list, _, _ := unstructured.NestedFieldNoCopy(u.Object, "status", "conditions")
	entries, _ := list.([]any)
	out := make([]condition, 0, len(entries))
	for _, e := range entries {
		m, ok := e.(map[string]any)
		if !ok {
			continue
		}
		out = append(out, condition{text(m, "type"), text(m, "status"), text(m, "reason"), text(m, "message")})
	}
	return out
}

func text(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}

// Conditions that are bad when False, and those that are bad when True. Those
// of the first list sum up: of several the one with words counts.
var (
	good = []string{"Ready", "Succeeded", "Healthy", "Synced", "ReconcileSucceeded", "Programmed", "Accepted", "BuilderReady", "ConfigurationsReady", "RoutesReady", "ResourcesAvailable", "ContainerHealthy", "Complete"}
	bad  = []string{"Stalled", "FetchFailed", "BuildFailed", "StorageOperationFailed", "IncludeUnavailable", "ReplicaFailure", "Failed", "FailureTarget", "ReconcileFailed", "DeleteFailed", "Degraded", "InvalidSpec", "Error"}
)

// failed are the conditions that say that something failed. What a stalled
// Deployment says counts as well; that it is not available yet does not.
func failed(u *unstructured.Unstructured) []condition {
	var out []condition
	for _, c := range conditions(u) {
		switch {
		case c.status == "True" && slices.Contains(bad, c.kind),
			c.status == "False" && slices.Contains(good, c.kind) && !underWay(c),
			c.kind == "Progressing" && c.status == "False" && u.GetKind() == "Deployment":
			out = append(out, c)
		}
	}
	return out
}

// underWay is a condition that is False because it is too early.
func underWay(c condition) bool {
	switch c.reason {
	case "Progressing", "ProgressingWithRetry", "Reconciling", "Deploying", "Pending", "Running", "Started", "Initializing",
		"ContainersNotReady", "DependencyNotReady", "NotReady", "Unknown":
		return true
	}
	return false
}

// Kinds that say all there is to say in their own status: nothing is below
// them that would tell more.
func tells(u *unstructured.Unstructured) bool {
	switch u.GroupVersionKind().Group {
	case "source.toolkit.fluxcd.io", "source.apps.tanzu.vmware.com", "carto.run":
		return true
	case "":
		return u.GetKind() == "ConfigMap" || u.GetKind() == "Secret" || u.GetKind() == "ServiceAccount"
	case "rbac.authorization.k8s.io":
		return true
	}
	return false
}

// ails is an object that says that it is not well, or that it lacks replicas.
func ails(u *unstructured.Unstructured) bool {
	if len(failed(u)) > 0 {
		return true
	}
	if !hasStatus(u) {
		return false
	}
	switch u.GetKind() {
	case "Deployment", "StatefulSet", "ReplicaSet":
		wanted := int64(1)
		if _, found, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "replicas"); found {
			wanted = integer(u.Object, "spec", "replicas")
		}
		return count(u, "readyReplicas") < wanted || count(u, "unavailableReplicas") > 0
	case "DaemonSet":
		return count(u, "numberUnavailable") > 0
	case "Job":
		return count(u, "failed") > 0
	case "Pod":
		phase, _, _ := unstructured.NestedString(u.Object, "status", "phase")
		return phase == "Failed" || phase == "Pending" || phase == "Running" && !podReady(u)
	}
	return false
}

func count(u *unstructured.Unstructured, field string) int64 {
	return integer(u.Object, "status", field)
}

// read finds what is wrong with an object: what failed below it explains
// more than what it says itself.
func read(n *Node) finding { return n.read(name(n.Object), n.Object, 0) }

// depth bounds the way down.
const depth = 6

// read names the object as the one at the top does, or by its own name where
// that says more. root is the stamped object.
func (n *Node) read(subject string, root *unstructured.Unstructured, level int) finding {
	if n.Object == nil || level > depth {
		return finding{}
	}
	best := finding{}
	for _, below := range n.Below {
		if below.Object == nil {
			continue
		}
		best = better(best, below.read(subjectBelow(subject, below.Object), root, level+1))
	}
	if best.rank == specific {
		return best
	}
	if n.Object.GetKind() == "Pod" && n.Object.GetAPIVersion() == "v1" {
		return better(best, pod{n, subject, root}.read())
	}
	own := n.own(subject)
	if own.rank == specific {
		return own
	}
	// Words of our own about a part say more than its owner's summary.
	return better(best, own)
}

// subjectBelow adds what a reader knows by name; pods and replica sets have random names.
func subjectBelow(subject string, u *unstructured.Unstructured) string {
	switch u.GetKind() {
	case "TaskRun", "CustomRun", "Build", "Job", "HelmChart":
		return subject + ": " + name(u)
	case "Revision":
		return subject
	}
	return subject
}

// own is what the object says of itself, and what others say about it.
func (n *Node) own(subject string) finding {
	u := n.Object
	if c, _, _ := unstructured.NestedString(u.Object, "status", "cause"); c != "" && strings.HasPrefix(u.GetAPIVersion(), "carto.run/") {
		// It has been found out already.
		return finding{rank: specific, what: subject, quote: c}
	}
	best := finding{}
	for _, s := range n.words(subject) {
		if f, ok := hear(s); ok {
			return f
		}
		f := n.quoted(s)
		if f.quote == "" && best.quote != "" {
			continue
		}
		best = better(best, f)
		if best.quote == "" && f.quote != "" {
			best = f
		}
	}
	return best
}

// words are what failing conditions and warnings say, in this order.
func (n *Node) words(subject string) []said {
	var out []said
	for _, c := range failed(n.Object) {
		s := about(n.Object, c.reason, c.message)
		s.subject = subject
		out = append(out, s)
	}
	if more := errorField(n.Object); more != "" {
		out = append(out, said{subject: subject, kind: n.Object.GetKind(), namespace: n.Object.GetNamespace(), message: more})
	}
	for _, e := range slices.Backward(n.Events) {
		s := about(n.Object, e.Reason, e.Message)
		s.subject = subject
		out = append(out, s)
	}
	return out
}

// errorField is where some kinds put what matters most.
func errorField(u *unstructured.Unstructured) string {
	switch u.GetKind() {
	case "App", "PackageInstall":
		s, _, _ := unstructured.NestedString(u.Object, "status", "usefulErrorMessage")
		return s
	case "Workflow":
		if phase, _, _ := unstructured.NestedString(u.Object, "status", "phase"); phase == "Failed" || phase == "Error" {
			s, _, _ := unstructured.NestedString(u.Object, "status", "message")
			return s
		}
	}
	return ""
}

func (n *Node) quoted(s said) finding {
	if n.Object.GetKind() == "Deployment" && s.reason == "ProgressDeadlineExceeded" {
		seconds := integer(n.Object.Object, "spec", "progressDeadlineSeconds")
		if seconds == 0 {
			seconds = 600
		}
		return finding{
			rank: failing,
			what: fmt.Sprintf("%s is stalled: its new pods did not become available within %d seconds", s.subject, seconds),
			fix:  fmt.Sprintf("see its pods with kubectl -n %s describe deployment %s", n.Object.GetNamespace(), n.Object.GetName()),
		}
	}
	return quoted(s, describe(n.Object))
}
