// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/digest"
	"rhumb.run/rhumb/internal/core/lifecycle"
	"rhumb.run/rhumb/internal/fault"
)

// AttemptAnnotation on a run says which attempt at its content it is; the first has none.
const AttemptAnnotation = "rhumb.run/attempt"

// SupersededAnnotation on a run says that newer inputs ended it: it is never
// the run of what is wanted again.
const SupersededAnnotation = "rhumb.run/superseded"

// find is the run of what is wanted, nil if there is none, and how many
// attempts at it there were. Attempts are counted on the runs themselves.
func find(runs []*unstructured.Unstructured, desired *unstructured.Unstructured, wanted string) (current *unstructured.Unstructured, attempts int) {
	open := slices.DeleteFunc(slices.Clone(runs), func(run *unstructured.Unstructured) bool {
		return superseded(run) || run.GetDeletionTimestamp() != nil
	})
	current = last(open, wanted)
	if current == nil {
		current = lifecycle.Find(open, desired, wanted)
	}
	if current != nil {
		attempts = attemptOf(current)
	}
	for _, run := range runs {
		if wantedBy(run) == wanted && superseded(run) && attemptOf(run) > attempts {
			// What came after it was ended: so is this one.
			current, attempts = nil, attemptOf(run)
		}
	}
	return current, attempts
}

// last is the last attempt at a content, nil if there was none.
func last(runs []*unstructured.Unstructured, wanted string) *unstructured.Unstructured {
	var out *unstructured.Unstructured
	for _, run := range runs {
		if wantedBy(run) == wanted && (out == nil || attemptOf(run) > attemptOf(out)) {
			out = run
		}
	}
	return out
}

func superseded(run *unstructured.Unstructured) bool {
	return run.GetAnnotations()[SupersededAnnotation] != ""
}

func wantedBy(run *unstructured.Unstructured) string {
	return run.GetAnnotations()[lifecycle.DigestAnnotation]
}

func attemptOf(run *unstructured.Unstructured) int {
	n, err := strconv.Atoi(run.GetAnnotations()[AttemptAnnotation])
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// again says whether another attempt is due. If one will be, later hears when.
func again(policy *v1alpha1.RunRetryPolicy, run *unstructured.Unstructured, attempt int, now time.Time, later func(time.Duration)) bool {
	if policy == nil || int64(attempt) > policy.MaxRetries {
		return false
	}
	succeeded, _ := Succeeded(run)
	if succeeded.Status != metav1.ConditionFalse {
		return false
	}
	ended := succeeded.LastTransitionTime.Time
	if ended.IsZero() {
		ended = run.GetCreationTimestamp().Time
	}
	wait := backoff(policy.Backoff, attempt)
	// Clocks differ: a run that ended in the future is retried no later than one that ended now.
	if left := min(ended.Add(wait).Sub(now), wait); left > 0 {
		later(left)
		return false
	}
	return true
}

// The backoff where the policy does not say, and its bounds whatever it says.
const (
	backoffInitial = 10 * time.Second
	backoffMax     = 5 * time.Minute
	backoffLeast   = time.Second
	backoffMost    = 24 * time.Hour
)

// backoff is the wait after an attempt: twice as long each time.
func backoff(b v1alpha1.RunBackoff, attempt int) time.Duration {
	initial, most := b.Initial.Duration, b.Max.Duration
	if initial <= 0 {
		initial = backoffInitial
	}
	if most <= 0 {
		most = backoffMax
	}
	initial = min(max(initial, backoffLeast), backoffMost)
	most = min(max(most, backoffLeast), backoffMost)
	wait := initial
	for range attempt - 1 {
		if wait >= most {
			break
		}
		wait *= 2
	}
	return min(wait, most)
}

// named is the object with the name and the marks of an attempt, so that
// making it twice makes it once.
func named(desired *unstructured.Unstructured, wanted string, attempt int) *unstructured.Unstructured {
	out := desired.DeepCopy()
	marks := map[string]string{lifecycle.DigestAnnotation: wanted}
	of := wanted
	if attempt > 1 {
		marks[AttemptAnnotation] = strconv.Itoa(attempt)
		of = digest.Bytes([]byte(wanted + "/" + strconv.Itoa(attempt)))
	}
	annotations := out.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	maps.Copy(annotations, marks)
	out.SetAnnotations(annotations)
	if out.GetName() == "" {
		out.SetName(lifecycle.Name(out.GetGenerateName(), of))
		out.SetGenerateName("")
	}
	return out
}

// usable refuses what was there before under the name of the run.
func usable(live *unstructured.Unstructured, wanted string) error {
	if live.GetDeletionTimestamp() != nil {
		return fault.Waitf("", "an earlier run of that name is being deleted")
	}
	if live.GetAnnotations()[lifecycle.DigestAnnotation] != wanted {
		return fault.Rejectf("", "create: a run of other inputs has that name already: "+
			"give the template a metadata.generateName, or delete %s [%s]", live.GetKind(), live.GetName())
	}
	return nil
}

// succeededType is the condition by which a run says how it went.
const succeededType = "Succeeded"

// Succeeded is that condition, read leniently: what other controllers write
// is theirs. False if the run has none.
func Succeeded(run *unstructured.Unstructured) (metav1.Condition, bool) {
	list, _, _ := unstructured.NestedFieldNoCopy(run.Object, "status", "conditions")
	conditions, _ := list.([]any)
	for _, e := range conditions {
		c, _ := e.(map[string]any)
		if c["type"] != succeededType {
			continue
		}
		out := metav1.Condition{Type: succeededType, Status: metav1.ConditionUnknown, Reason: text(c["reason"]), Message: text(c["message"])}
		if s := metav1.ConditionStatus(text(c["status"])); s == metav1.ConditionTrue || s == metav1.ConditionFalse {
			out.Status = s
		}
		if at, err := time.Parse(time.RFC3339, text(c["lastTransitionTime"])); err == nil {
			out.LastTransitionTime = metav1.NewTime(at)
		}
		return out, true
	}
	return metav1.Condition{}, false
}

func text(v any) string {
	s, ok := v.(string)
	if !ok && v != nil {
		return fmt.Sprint(v)
	}
	return s
}
