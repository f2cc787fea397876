// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/lifecycle"
)

// supersede ends every run that has not finished and is not of what is wanted
// now, if the runnable asks for that.
func (f *Facts) supersede(ctx context.Context, w Ending, r *Runnable, seen []lifecycle.Examined) error {
	if !r.CancelSuperseded {
		return nil
	}
	var errs error
	for _, e := range seen {
		run := e.Object
		if run.GetUID() == f.Run.Object.GetUID() || run.GetDeletionTimestamp() != nil ||
			superseded(run) || finished(e) {
			continue
		}
		if err := f.end(ctx, w, r, run); err != nil {
			errs = errors.Join(errs, rejected(r, run, "cancel", err))
		}
	}
	return errs
}

func (f *Facts) end(ctx context.Context, w Ending, r *Runnable, run *unstructured.Unstructured) error {
	stop := stopOf(run)
	if stop == "" {
		removed, err := w.Delete(ctx, f.ref(run), r.UID)
		if removed {
			f.Removed = append(f.Removed, run)
		}
		return err
	}
	err := w.Cancel(ctx, run, map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{SupersededAnnotation: "true"}},
		"spec":     map[string]any{"status": stop},
	})
	if err == nil {
		f.Cancelled = append(f.Cancelled, run)
	}
	return err
}

// stopOf is the spec.status by which a run of Tekton is told to stop; other
// kinds have no common word for that.
func stopOf(run *unstructured.Unstructured) string {
	if run.GroupVersionKind().Group != "tekton.dev" {
		return ""
	}
	switch run.GetKind() {
	case "PipelineRun":
		return "Cancelled"
	case "TaskRun":
		return "TaskRunCancelled"
	case "CustomRun", "Run":
		return "RunCancelled"
	}
	return ""
}

// finished is true of a run that says, in one of the common ways, that it is over.
func finished(e lifecycle.Examined) bool {
	if e.Health != metav1.ConditionUnknown {
		return true
	}
	list, _, _ := unstructured.NestedFieldNoCopy(e.Object.Object, "status", "conditions")
	conditions, _ := list.([]any)
	for _, one := range conditions {
		c, _ := one.(map[string]any)
		if slices.Contains([]string{"Complete", "Completed", "Failed"}, text(c["type"])) && text(c["status"]) == string(metav1.ConditionTrue) {
			return true
		}
	}
	phase, _, _ := unstructured.NestedFieldNoCopy(e.Object.Object, "status", "phase")
	return slices.Contains([]string{"Succeeded", "Failed", "Error"}, text(phase))
}

// retire deletes the runs that are kept no longer. A failure is tried again and
// is no news to people: what they asked for is there.
func (f *Facts) retire(ctx context.Context, w Ending, r *Runnable, seen []lifecycle.Examined) {
	spare := append(uids(f.Run.Object), uids(f.Source)...)
	for _, run := range lifecycle.Retire(seen, r.Retention, spare...) {
		removed, err := w.Delete(ctx, f.ref(run), r.UID)
		if removed {
			f.Removed = append(f.Removed, run)
		}
		f.EndErr = errors.Join(f.EndErr, err)
	}
}

func (f *Facts) ref(run *unstructured.Unstructured) v1alpha1.StampedRef {
	return v1alpha1.StampedRef{
		ObjectReference: &corev1.ObjectReference{
			APIVersion: run.GetAPIVersion(), Kind: run.GetKind(), Namespace: run.GetNamespace(), Name: run.GetName(),
		},
		Resource: f.Run.Resource,
	}
}
