// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/fault"
)

// The API server's bounds on a condition.
const (
	maxMessage = 32768
	maxReason  = 1024
)

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: tidyReason(reason), Message: tidyMessage(message)}
}

// ofError is the condition that an error makes: waiting is Unknown, all else False.
func ofError(kind string, err error, otherwise string) metav1.Condition {
	class, reason := fault.Of(err)
	if reason == "" {
		reason = otherwise
	}
	status := metav1.ConditionFalse
	if class == fault.Wait {
		status = metav1.ConditionUnknown
	}
	return condition(kind, status, reason, err.Error())
}

// withReady appends the summary: the last False decides, else the first
// Unknown, else all is well.
func withReady(conditions []metav1.Condition) []metav1.Condition {
	ready := condition(v1alpha1.Ready, metav1.ConditionTrue, v1alpha1.Ready, "")
	for _, c := range conditions {
		switch {
		case c.Status == metav1.ConditionFalse:
			ready = condition(v1alpha1.Ready, c.Status, c.Reason, c.Message)
		case c.Status == metav1.ConditionUnknown && ready.Status == metav1.ConditionTrue:
			ready = condition(v1alpha1.Ready, c.Status, c.Reason, c.Message)
		}
	}
	return append(conditions, ready)
}

// since dates conditions: one that says what it said before keeps its time.
func since(now time.Time, before, after []metav1.Condition) []metav1.Condition {
	for i := range after {
		after[i].LastTransitionTime = metav1.NewTime(now.Truncate(time.Second))
		for _, b := range before {
			if b.Type == after[i].Type && b.Status == after[i].Status && b.Reason == after[i].Reason && b.Message == after[i].Message {
				after[i].LastTransitionTime = b.LastTransitionTime
			}
		}
	}
	return after
}

func find(kind string, in []metav1.Condition) *metav1.Condition {
	for i := range in {
		if in[i].Type == kind {
			return &in[i]
		}
	}
	return nil
}

// tidyReason keeps a status writable whatever the reason was made of.
func tidyReason(reason string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == ',', r == ':':
			return r
		}
		return '_'
	}, reason)
	clean = strings.TrimLeft(clean, "0123456789_,:")
	clean = strings.TrimRight(clean[:min(len(clean), maxReason)], ",:")
	if clean == "" {
		return v1alpha1.UnknownErrorResourcesSubmittedReason
	}
	return clean
}

func tidyMessage(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage-3], "") + "..."
}
