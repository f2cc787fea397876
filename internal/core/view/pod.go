// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

func pods(f *Facts, now time.Time, s Style) string {
	if why := f.Unread["pods"]; why != "" {
		return "Pods cannot be read: " + oneLine(why) + "\n"
	}
	if len(f.Pods) == 0 {
		return "No pods found for workload.\n"
	}
	all := slices.Clone(f.Pods)
	slices.SortFunc(all, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	rows := [][]string{{"NAME", "READY", "STATUS", "RESTARTS", "AGE"}}
	for i := range all {
		p := &all[i]
		ready, restarts := 0, int32(0)
		for _, c := range p.Status.ContainerStatuses {
			restarts += c.RestartCount
			if c.Ready {
				ready++
			}
		}
		for _, c := range p.Status.InitContainerStatuses {
			restarts += c.RestartCount
		}
		rows = append(rows, []string{
			p.Name, fmt.Sprintf("%d/%d", ready, len(p.Spec.Containers)), podStatus(p),
			strconv.Itoa(int(restarts)), age(p.CreationTimestamp, now),
		})
	}
	return s.heading("🛶", "Pods") + columns(indent, rows)
}

// podStatus is one word for a pod: what keeps it, or the phase that it is in.
func podStatus(p *corev1.Pod) string {
	if p.DeletionTimestamp != nil {
		return "Terminating"
	}
	if word := initStatus(p); word != "" {
		return word
	}
	word := or(p.Status.Reason, or(string(p.Status.Phase), "Unknown"))
	for _, v := range slices.Backward(p.Status.ContainerStatuses) {
		if w := stateWord(v.State); w != "" {
			word = w
		}
	}
	if word == "Completed" && slices.ContainsFunc(p.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.Ready && c.State.Running != nil }) {
		return "Running"
	}
	return word
}

// initStatus says how far the init containers are; empty once they are done.
func initStatus(p *corev1.Pod) string {
	for i, c := range p.Status.InitContainerStatuses {
		if c.State.Terminated != nil && c.State.Terminated.ExitCode == 0 || sidecar(p, c.Name) && c.Started != nil && *c.Started {
			continue
		}
		if w := stateWord(c.State); w != "" && w != "PodInitializing" {
			return "Init:" + w
		}
		return fmt.Sprintf("Init:%d/%d", i, len(p.Spec.InitContainers))
	}
	return ""
}

// sidecar says whether an init container keeps running beside the others.
func sidecar(p *corev1.Pod, name string) bool {
	return slices.ContainsFunc(p.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == name && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
	})
}

func stateWord(s corev1.ContainerState) string {
	switch {
	case s.Waiting != nil:
		return s.Waiting.Reason
	case s.Terminated == nil:
		return ""
	case s.Terminated.Reason != "":
		return s.Terminated.Reason
	case s.Terminated.Signal != 0:
		return fmt.Sprintf("Signal:%d", s.Terminated.Signal)
	}
	return fmt.Sprintf("ExitCode:%d", s.Terminated.ExitCode)
}

// urls are where the ingresses say that the application answers.
func urls(f *Facts, s Style) string {
	rows := [][]string{{"NAME", "URL"}}
	for i := range f.Ingresses {
		in := &f.Ingresses[i]
		for _, r := range in.Spec.Rules {
			if r.Host != "" {
				rows = append(rows, []string{in.Name, url(in, r)})
			}
		}
	}
	if len(rows) == 1 {
		return ""
	}
	return s.heading("🔗", "URLs") + columns(indent, rows)
}

func url(in *networkingv1.Ingress, r networkingv1.IngressRule) string {
	scheme, path := "http://", ""
	if slices.ContainsFunc(in.Spec.TLS, func(t networkingv1.IngressTLS) bool { return slices.Contains(t.Hosts, r.Host) }) {
		scheme = "https://"
	}
	if r.HTTP != nil && len(r.HTTP.Paths) > 0 {
		path = strings.TrimSuffix(r.HTTP.Paths[0].Path, "/")
	}
	return scheme + r.Host + path
}
