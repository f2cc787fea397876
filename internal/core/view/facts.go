// SPDX-License-Identifier: Apache-2.0

package view

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// Labels by which people sort workloads.
const (
	// TypeLabel is what a workload is: web, server, worker.
	TypeLabel = "apps.tanzu.vmware.com/workload-type"
	// AppLabel is the application that a workload is a part of.
	AppLabel = "app.kubernetes.io/part-of"
	// ComponentLabel is what a pod does for its workload: build, test, run.
	ComponentLabel = "app.kubernetes.io/component"
)

// Facts are what was observed of a workload.
type Facts struct {
	Workload *v1alpha1.Workload
	// Deliverable is the one of the workload's name; nil if there is none.
	Deliverable *v1alpha1.Deliverable
	Pods        []corev1.Pod
	Knative     []KnativeService
	Ingresses   []networkingv1.Ingress
	// Unread says what could not be looked at, and why: "pods" → "forbidden: …".
	Unread map[string]string
}

// KnativeService is what is shown of one.
type KnativeService struct {
	Name, Ready, URL string
}

// Style is how text is set.
type Style struct {
	// Plain leaves out the emoji of headings.
	Plain bool
	// Bold sets headings; nil leaves them as they are.
	Bold func(string) string
	// Hint is the last line, the next command; empty for none.
	Hint string
}

func (s Style) heading(emoji, words string) string {
	if s.Bold != nil {
		words = s.Bold(words)
	}
	if s.Plain {
		return words + "\n"
	}
	return emoji + " " + words + "\n"
}
