// SPDX-License-Identifier: Apache-2.0

package realize

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/health"
	"rhumb.run/rhumb/internal/core/lifecycle"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/fault"
)

// run makes an object of its own for each content, once, and never changes it.
func (r *Realized) run(ctx context.Context, w World, desired *unstructured.Unstructured) error {
	runs, resource, err := r.runs(ctx, w, desired)
	if err != nil {
		return err
	}
	current := lifecycle.Find(runs, desired, r.Record.AppliedDigest)
	if current == nil {
		if current, err = r.create(ctx, w, desired); err != nil {
			return err
		}
		runs = append([]*unstructured.Unstructured{current}, runs...)
		lifecycle.Sort(runs)
	}
	r.Live, r.Runs = Live{Object: current, Resource: resource}, runs
	r.choose(runs, current)
	return nil
}

// runs are all objects that the step has stamped so far.
func (r *Realized) runs(ctx context.Context, w World, desired *unstructured.Unstructured) ([]*unstructured.Unstructured, string, error) {
	all := marks(desired)
	// Cartographer left this label empty where the template was one of several options.
	template := all[v1alpha1.ClusterTemplateLabel]
	delete(all, v1alpha1.ClusterTemplateLabel)
	listed, resource, err := w.List(ctx, desired, all)
	if err != nil {
		class, _ := fault.Of(err)
		return nil, "", fault.As(class, v1alpha1.FailedToListCreatedObjectsReason,
			fmt.Errorf("unable to list objects in namespace [%s] with labels [%v]: %w", desired.GetNamespace(), marks(desired), err))
	}
	runs := make([]*unstructured.Unstructured, 0, len(listed)+1)
	for _, u := range listed {
		if of := u.GetLabels()[v1alpha1.ClusterTemplateLabel]; of == template || of == "" {
			runs = append(runs, u)
		}
	}
	return runs, resource, nil
}

// marks are the labels by which the objects of a step are told from all others.
func marks(u *unstructured.Unstructured) map[string]string {
	out := map[string]string{}
	for key, value := range u.GetLabels() {
		if strings.HasPrefix(key, v1alpha1.LabelPrefix) {
			out[key] = value
		}
	}
	return out
}

func (r *Realized) create(ctx context.Context, w World, desired *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	mark(desired, r.Record.AppliedDigest)
	made, err := w.Create(ctx, desired)
	if err != nil {
		return nil, err
	}
	unmark(desired)
	if lifecycle.Find([]*unstructured.Unstructured{made.Object}, desired, r.Record.AppliedDigest) == nil {
		return nil, fault.Rejectf("", "create: %s %q already exists with another content, and lifecycle %s never changes an object: "+
			"use metadata.generateName, which gives each content an object of its own", made.Resource, desired.GetName(), r.Template.Lifecycle)
	}
	r.Written = Created
	return made.Object, nil
}

// choose judges all runs: whose outputs count, and which of them are kept no longer.
// The run of what is wanted now comes first, should it be an older one that is wanted again.
func (r *Realized) choose(runs []*unstructured.Unstructured, current *unstructured.Unstructured) {
	seen := make([]lifecycle.Examined, 0, len(runs))
	for _, u := range runs {
		e := lifecycle.Examined{Object: u, Health: metav1.ConditionTrue}
		if r.Template.HealthRule != nil {
			e.Health = health.Of(r.Template.HealthRule, health.Seen{Live: u}).Status
		}
		seen = append(seen, e)
		if u == current && e.Health == metav1.ConditionTrue {
			r.source = u
		}
	}
	spare := []types.UID{current.GetUID()}
	if r.source == nil {
		r.source = lifecycle.Newest(seen)
	}
	if r.source != nil {
		spare = append(spare, r.source.GetUID())
	}
	r.Retired = lifecycle.Retire(seen, r.Template.Retention, spare...)
}

// awaitRun is for a step none of whose runs has succeeded.
func (r *Realized) awaitRun() error {
	if len(r.Template.Outputs) == 0 {
		return nil
	}
	return fault.As(fault.Wait, v1alpha1.MissingValueAtPathResourcesSubmittedReason,
		&output.MissingError{Path: r.Template.Outputs[0].Path.String(), Err: errors.New("no object of this step is healthy yet")})
}

// Made tells whether an object is a run of this step, seen by the walk or not.
func (r *Realized) Made(u *unstructured.Unstructured) bool {
	if len(r.Runs) == 0 || u.GroupVersionKind() != r.Runs[0].GroupVersionKind() || u.GetNamespace() != r.Runs[0].GetNamespace() {
		return false
	}
	return maps.Equal(marks(u), marks(r.Live.Object))
}

// Siblings are the runs of a step that is no more, the given one among them;
// none if the step made no runs.
func Siblings(ctx context.Context, w World, run *unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	labels := marks(run)
	if l := labels[v1alpha1.TemplateLifecycleLabel]; l == "" || l == v1alpha1.LifecycleMutable {
		return nil, nil
	}
	all, _, err := w.List(ctx, run, labels)
	return all, err
}
