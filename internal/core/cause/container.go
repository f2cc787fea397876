// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// container is what the kubelet says of one.
type container struct {
	name, image string
	// reason and message say why it waits.
	reason, message string
	restarts        int64
	ready, started  bool
	// end is how it ended: now, or the time before; nil if it never did.
	end *ending
	// over is true if it is not started again.
	over bool
}

type ending struct {
	code            int64
	reason, message string
}

// states are the containers in the order of the spec, init containers first:
// the kubelet's own order is by name.
func (p pod) states() []container {
	known := map[string]map[string]any{}
	for _, field := range []string{"initContainerStatuses", "containerStatuses"} {
		for _, m := range maps(p.Object, "status", field) {
			known[text(m, "name")] = m
		}
	}
	var out []container
	for _, field := range []string{"initContainers", "containers"} {
		for _, m := range maps(p.Object, "spec", field) {
			if status, ok := known[text(m, "name")]; ok {
				out = append(out, state(m, status))
			}
		}
	}
	return out
}

func maps(u *unstructured.Unstructured, fields ...string) []map[string]any {
	value, _, _ := unstructured.NestedFieldNoCopy(u.Object, fields...)
	list, _ := value.([]any)
	out := make([]map[string]any, 0, len(list))
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func state(spec, status map[string]any) container {
	c := container{name: text(status, "name"), image: text(spec, "image")}
	c.restarts = integer(status, "restartCount")
	c.ready, _, _ = unstructured.NestedBool(status, "ready")
	c.reason, _, _ = unstructured.NestedString(status, "state", "waiting", "reason")
	c.message, _, _ = unstructured.NestedString(status, "state", "waiting", "message")
	c.end = end(status, "lastState")
	if now := end(status, "state"); now != nil {
		c.end, c.over = now, true
	}
	_, running, _ := unstructured.NestedFieldNoCopy(status, "state", "running")
	c.started = running || c.end != nil
	return c
}

func end(status map[string]any, field string) *ending {
	value, _, _ := unstructured.NestedFieldNoCopy(status, field, "terminated")
	m, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	return &ending{reason: text(m, "reason"), message: text(m, "message"), code: integer(m, "exitCode")}
}

// integer reads a number, whoever decoded it.
func integer(m map[string]any, fields ...string) int64 {
	value, _, _ := unstructured.NestedFieldNoCopy(m, fields...)
	switch n := value.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}

// containers finds the first one that cannot start or that ended badly.
func (p pod) containers() (finding, bool) {
	all := p.states()
	for _, r := range []func(container) (finding, bool){p.image, p.config, p.ended} {
		for _, c := range all {
			if f, ok := r(c); ok {
				f.rank = specific
				return f, true
			}
		}
	}
	return finding{}, false
}

// called is how people know a container.
func (p pod) called(c container) string {
	if step, ok := strings.CutPrefix(c.name, "step-"); ok {
		return fmt.Sprintf("step %q", step)
	}
	return fmt.Sprintf("container %q", c.name)
}

// image is an image that cannot be pulled. The kubelet's words flip between
// the try and the wait for the next.
func (p pod) image(c container) (finding, bool) {
	switch c.reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError", "SignatureValidationFailed":
	default:
		return finding{}, false
	}
	who := fmt.Sprintf("%s: %s cannot pull image %q", p.subject, p.called(c), cut(mask(c.image), 160))
	if c.reason == "InvalidImageName" {
		return finding{what: fmt.Sprintf("%s: %s has an image %q that is no valid name", p.subject, p.called(c), cut(mask(c.image), 160)), fix: "correct it in the pod template"}, true
	}
	if c.reason == "ErrImageNeverPull" {
		return finding{what: who + ": its imagePullPolicy is Never, and the node does not have it", fix: "change imagePullPolicy, or load the image into the node"}, true
	}
	message := p.pullMessage(c)
	s := p.said(message)
	s.kind = "Pod"
	for _, f := range fetches {
		if f.pattern.MatchString(message) {
			return finding{what: who, quote: pullReason(message), fix: f.fix(said{subject: p.subject, kind: "Pod"})}, true
		}
	}
	return finding{what: who, quote: clean(message), fix: "check its name and that the node can reach its registry"}, true
}

// pullMessage is the error of the last pull, which events keep where the status has dropped it.
func (p pod) pullMessage(c container) string {
	if c.message != "" && !isBackOff(c.message) {
		return c.message
	}
	if _, after, ok := strings.Cut(c.message, "ErrImagePull: "); ok {
		return after
	}
	for _, e := range slices.Backward(p.Events) {
		if m := e.Message; e.Reason == "Failed" && strings.HasPrefix(m, "Failed to pull image") && strings.Contains(m, c.image) {
			return m
		}
	}
	return c.message
}

func isBackOff(message string) bool { return strings.HasPrefix(message, "Back-off pulling image") }

// pullReason is the end of a long chain of wraps: what the registry answered.
func pullReason(message string) string {
	parts := strings.Split(line(message), ": ")
	if len(parts) > 2 {
		parts = parts[len(parts)-2:]
	}
	return clean(strings.Join(parts, ": "))
}

// config is what a container needs and does not find, and what cannot be run.
func (p pod) config(c container) (finding, bool) {
	switch c.reason {
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError", "PostStartHookError":
	default:
		return finding{}, false
	}
	s := p.said(c.message)
	s.subject = fmt.Sprintf("%s: %s cannot start", p.subject, p.called(c))
	if f, ok := hear(s); ok {
		f.fix = strings.ReplaceAll(f.fix, " in "+s.subject, " in the pod template")
		return f, true
	}
	fix := "correct command, image or securityContext in the pod template"
	if strings.Contains(c.message, "run as root") {
		fix = "set runAsUser, or use an image with a numeric USER other than root"
	}
	return finding{what: s.subject, quote: clean(c.message), fix: fix}, true
}

// ended is a container that ended badly, and may do so again and again.
func (p pod) ended(c container) (finding, bool) {
	if c.end == nil || c.end.code == 0 && c.reason != "CrashLoopBackOff" || c.ready {
		return finding{}, false
	}
	who := fmt.Sprintf("%s: %s", p.subject, p.called(c))
	if c.end.reason == "OOMKilled" {
		return finding{what: who + " was killed: it used more memory than its limit", fix: "raise its memory limit, or let it use less"}, true
	}
	for _, r := range []func(container) (finding, bool){p.remote, p.undetected} {
		if f, ok := r(c); ok {
			return f, true
		}
	}
	what, quote := fmt.Sprintf("%s exited with code %d", who, c.end.code), lastWords(p.Tails[c.name])
	if c.over && c.restarts == 0 {
		// It was to run once: what ended it may stand before a summary of many lines.
		quote = toldWords(p.Tails[c.name])
	} else {
		what = fmt.Sprintf("%s crashes again and again, with exit code %d", who, c.end.code)
	}
	f := finding{what: what, quote: quote, fix: "read more with " + p.logs(c.name, !c.over)}
	if f.quote == "" && (c.end.reason == "StartError" || c.end.reason == "ContainerCannotRun") {
		f.quote, f.fix = clean(c.end.message), "correct command or image in the pod template"
	}
	if f.quote == "" {
		f.quote = p.killed(c)
	}
	return f, true
}

// killed is what the kubelet had against a container that it stopped.
func (p pod) killed(c container) string {
	i := slices.IndexFunc(p.Events, func(e Event) bool {
		return e.Reason == "Unhealthy" && strings.HasPrefix(e.Message, "Liveness probe failed")
	})
	if i < 0 || c.end.code != 137 && c.end.code != 143 {
		return ""
	}
	return clean(podAddress.ReplaceAllString(p.Events[i].Message, ""))
}

// Talking says which container's words tell most, and whether those of its
// life before are meant; "" if none has anything to tell.
func Talking(u *unstructured.Unstructured) (name string, previous bool) {
	p := pod{Node: &Node{Object: u}, root: u}
	for _, c := range p.states() {
		if c.end != nil && (c.end.code != 0 || c.reason == "CrashLoopBackOff") && !c.ready {
			return c.name, !c.over
		}
	}
	return "", false
}
