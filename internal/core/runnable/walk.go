// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/cause"
	"rhumb.run/rhumb/internal/core/digest"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/render"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/fault"
)

// Facts are what became of a runnable in one walk.
type Facts struct {
	// IdentityErr says why nobody could act for it; then nothing else is known.
	IdentityErr error
	// Err says what stopped the walk. It carries the reason that people see.
	Err error
	// EndErr is what kept old runs from being deleted: it is tried again, and no news to people.
	EndErr error

	// Desired is the run as it was to be made; nil if the template could not be filled in.
	Desired *unstructured.Unstructured
	// Looked is what was found below the run when it was not well; nil if nobody looked.
	Looked *cause.Node
	// Run is the run of what is wanted now; nil Object if there is none.
	Run realize.Live
	// Created says that this walk made it.
	Created bool
	// Cancelled and Removed are runs that this walk ended.
	Cancelled, Removed []*unstructured.Unstructured

	// Read says that outputs were looked for and their source was found: then Outputs
	// replaces what was known, else that stays.
	Read    bool
	Outputs map[string]any
	Source  *unstructured.Unstructured

	// Unwatched says why nobody will tell when the selected object changes.
	Unwatched error
	// After is when to look again even if nothing happens; zero is never.
	After time.Duration

	secrets []string
}

// Failure is what the walk asks of the loop.
func (f *Facts) Failure() error { return errors.Join(f.IdentityErr, f.Err, f.EndErr) }

// reread is how often a selected object is read again whose kind cannot be watched.
const reread = time.Minute

// Walk makes the run that is wanted, where it is not there yet, and reads what
// the runs yield. It goes as far as it can and says how far it came.
func Walk(ctx context.Context, w World, r *Runnable, now time.Time) Facts {
	var f Facts
	f.Err = f.hide(f.walk(ctx, w, r, now))
	f.EndErr = f.hide(f.EndErr)
	if f.Unwatched != nil {
		f.lookAgain(reread)
	}
	return f
}

func (f *Facts) walk(ctx context.Context, w World, r *Runnable, now time.Time) error {
	t, err := w.Template(ctx, r.Template)
	if err != nil {
		class, _ := fault.Of(err)
		return fault.As(class, v1alpha1.NotFoundRunTemplateReason, fmt.Errorf(
			"unable to get run template [%s]: failed to get run template object from api server [%s/%s]: %w", r.Template.Name, r.Template.Kind, r.Template.Name, err))
	}
	selected, err := f.selected(ctx, w, r)
	if err != nil {
		class, _ := fault.Of(err)
		s := r.Selector
		return fault.As(class, v1alpha1.TemplateStampFailureRunTemplateReason, fmt.Errorf(
			"unable to resolve selector [%v], apiVersion [%s], kind [%s]: %w", s.MatchingLabels, s.Resource.APIVersion, s.Resource.Kind, err))
	}
	desired, err := stamp(ctx, t, r, selected)
	if err != nil {
		return fault.As(fault.ClassOr(err, fault.Reject), v1alpha1.TemplateStampFailureRunTemplateReason,
			fmt.Errorf("unable to stamp object for run template [%s]: %w", r.Template.Name, err))
	}
	f.Desired = desired
	// Those of other templates are the same runnable's, and have to go in their time too.
	mine := map[string]string{v1alpha1.RunnableNameLabel: r.labels()[v1alpha1.RunnableNameLabel]}
	runs, resource, err := w.List(ctx, desired, mine)
	if err != nil {
		class, _ := fault.Of(err)
		return fault.As(class, v1alpha1.FailedToListCreatedObjectsRunTemplateReason,
			fmt.Errorf("unable to list objects in namespace [%s] with labels [%v]: %w", r.Namespace, r.labels(), err))
	}
	f.Run.Resource = resource
	runs, err = f.submit(ctx, w, r, desired, runs, now)
	if err != nil {
		return rejected(r, desired, "apply", err)
	}
	return f.settle(ctx, w, r, t, runs)
}

// selected is the one object that the selector finds; nil without a selector.
func (f *Facts) selected(ctx context.Context, w World, r *Runnable) (map[string]any, error) {
	if r.Selector == nil {
		return nil, nil
	}
	found, unwatched, err := w.Select(ctx, *r.Selector, r.Namespace)
	f.Unwatched = unwatched
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, fault.Rejectf("", "selector did not match any objects")
	case len(found) > 1:
		return nil, fault.Rejectf("", "selector matched multiple objects")
	}
	f.secrets = secrets(found[0].Object)
	return found[0].Object, nil
}

func stamp(ctx context.Context, t *template.Template, r *Runnable, selected map[string]any) (*unstructured.Unstructured, error) {
	object, err := t.Render(ctx, r.templateContext(selected))
	if err != nil {
		return nil, err
	}
	desired, err := render.Stamp(object, render.Marks{Namespace: r.Namespace, Labels: r.labels(), Owner: r.Reference()})
	if err != nil {
		return nil, err
	}
	switch {
	case desired.GetName() == "" && desired.GetGenerateName() == "":
		return nil, errors.New("rendered object has neither metadata.name nor metadata.generateName")
	case desired.GetName() != "" && r.Retry != nil:
		return nil, errors.New("retryPolicy needs metadata.generateName in the template: a run of a fixed metadata.name cannot be made again")
	}
	return desired, nil
}

// submit finds the run of what is wanted among the live ones, or makes it. It
// gives all runs, this one first if it is new.
func (f *Facts) submit(ctx context.Context, w World, r *Runnable, desired *unstructured.Unstructured, runs []*unstructured.Unstructured, now time.Time) ([]*unstructured.Unstructured, error) {
	wanted := digest.Of(desired.Object)
	current, attempt := find(runs, desired, wanted)
	if current != nil && !again(r.Retry, current, attempt, now, f.lookAgain) {
		f.Run.Object = current
		return runs, nil
	}
	resource := f.Run.Resource
	if current != nil {
		// Until the next attempt is made, the last one is what there is.
		f.Run.Object = current
	}
	f.Desired = named(desired, wanted, attempt+1)
	live, err := w.Create(ctx, f.Desired)
	if err == nil {
		err = usable(live.Object, wanted)
	}
	if err != nil {
		return nil, err
	}
	f.Run, f.Created = live, true
	if f.Run.Resource == "" {
		f.Run.Resource = resource
	}
	return append([]*unstructured.Unstructured{live.Object}, without(runs, live.Object)...), nil
}

// settle reads what the runs yield and ends those that are over.
func (f *Facts) settle(ctx context.Context, w World, r *Runnable, t *template.Template, runs []*unstructured.Unstructured) error {
	seen := examine(runs)
	err := f.read(r, t, seen)
	if cancelErr := f.supersede(ctx, w, r, seen); err == nil {
		err = cancelErr
	}
	f.retire(ctx, w, r, seen)
	return err
}

func (f *Facts) lookAgain(after time.Duration) {
	if after > 0 && (f.After == 0 || after < f.After) {
		f.After = after
	}
}

func rejected(r *Runnable, desired *unstructured.Unstructured, verb string, err error) error {
	class, _ := fault.Of(err)
	name := desired.GetName()
	if name == "" {
		name = desired.GetGenerateName()
	}
	return fault.As(class, v1alpha1.StampedObjectRejectedByAPIServerRunTemplateReason,
		fmt.Errorf("unable to %s object [%s/%s] for run template [%s]: %w", verb, desired.GetNamespace(), name, r.Template.Name, err))
}
