// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/fault"
)

// ofOwner is why no step was reached.
func ofOwner(e *Evidence) finding {
	_, reason := fault.Of(e.Err)
	who := e.Owner + " " + e.Name
	f := finding{rank: specific, what: who, quote: clean(e.Err.Error())}
	switch reason {
	case v1alpha1.WorkloadLabelsMissingSupplyChainReadyReason, v1alpha1.DeliverableLabelsMissingDeliveryReadyReason:
		f.what, f.quote = who+" has no labels, by which a "+e.chain()+" would find it", ""
		f.fix = "give it the labels that one selects: kubectl get " + strings.ToLower(e.chain()) + " -o custom-columns=NAME:.metadata.name,SELECTOR:.spec.selector"
	case v1alpha1.NotFoundSupplyChainReadyReason, v1alpha1.NotFoundDeliveryReadyReason:
		f.what, f.quote = "no "+e.chain()+" selects "+who, ""
		f.fix = "compare its labels with kubectl get " + strings.ToLower(e.chain()) + " -o custom-columns=NAME:.metadata.name,SELECTOR:.spec.selector"
	case v1alpha1.MultipleMatchesSupplyChainReadyReason, v1alpha1.MultipleMatchesDeliveryReadyReason:
		f.what, f.quote = "more than one "+e.chain()+" selects "+who, ""
		f.fix = "make the selector of one more specific, or change the labels"
	case v1alpha1.NotFoundTemplatesReadyReason:
		f.what = e.Blueprint + " names a template that does not exist"
		f.fix = "create the template, or correct templateRef"
	case v1alpha1.ServiceAccountErrorResourcesSubmittedReason:
		return e.account()
	default:
		s := said{subject: who, kind: e.Owner, namespace: e.Namespace, message: e.Err.Error(), template: e.Blueprint}
		if heard, ok := hear(s); ok {
			return heard
		}
	}
	return f
}

// chain is the kind of blueprint that an owner follows.
func (e *Evidence) chain() string {
	if e.Owner == "Deliverable" {
		return "ClusterDelivery"
	}
	return "ClusterSupplyChain"
}

func (e *Evidence) account() finding {
	who := "ServiceAccount " + e.Account.Namespace + "/" + e.Account.Name
	if !strings.Contains(e.Err.Error(), "not found") {
		return finding{rank: specific, what: fmt.Sprintf("%s %s cannot act as %s", e.Owner, e.Name, who), quote: clean(e.Err.Error())}
	}
	return finding{
		rank: specific,
		what: fmt.Sprintf("%s, in whose name %s %s is to be stamped, does not exist", who, e.Owner, e.Name),
		fix:  fmt.Sprintf("create it with kubectl create serviceaccount %s -n %s, or name another in spec.serviceAccountName", e.Account.Name, e.Account.Namespace),
	}
}

// refused is a step whose object could not be made.
func (e *Evidence) refused(s *Step) finding {
	_, reason := fault.Of(s.Err)
	message := innermost(s.Err)
	object := e.object(s)
	heard := said{subject: object, kind: e.Owner, namespace: e.Namespace, message: message, template: s.Template}
	if watch, ok := unwatched(message); ok {
		return watch
	}
	if taken, ok := errors.AsType[*realize.OccupiedError](s.Err); ok {
		return finding{
			rank: specific,
			what: fmt.Sprintf("%s exists already and belongs to %s", object, taken.Holder),
			fix:  fmt.Sprintf("rename it in %s, delete the other, or hand it over by the annotation %s=true", s.Template, realize.AdoptAnnotation),
		}
	}
	if f, ok := e.noRun(s, reason); ok {
		return f
	}
	switch reason {
	case v1alpha1.TemplateStampFailureResourcesSubmittedReason:
		return finding{rank: specific, what: fmt.Sprintf("%s cannot be filled in for %s %s", s.Template, e.Owner, e.Name), quote: clean(message), fix: "correct the template, or the " + strings.ToLower(e.Owner) + " that it reads"}
	case v1alpha1.TemplateOptionsMatchErrorReason, v1alpha1.ResolveTemplateOptionsErrorReason:
		return finding{rank: specific, what: fmt.Sprintf("%s offers resource %q templates, and not exactly one of them fits %s %s", e.Blueprint, s.Name, e.Owner, e.Name), quote: clean(message), fix: "correct the options' selectors, or the labels and fields that they read"}
	case v1alpha1.TemplateObjectRetrievalFailureResourcesSubmittedReason:
		if strings.Contains(message, "not found") {
			return finding{rank: specific, what: fmt.Sprintf("%s, which %s names for resource %q, does not exist", s.Template, e.Blueprint, s.Name), fix: "create the template, or correct templateRef in " + e.Blueprint}
		}
	}
	if f, ok := hear(heard); ok {
		return f
	}
	f := finding{rank: failing, what: object, quote: clean(message)}
	if e.Blueprint != "" {
		f.what = fmt.Sprintf("resource %q of %s", s.Name, e.Blueprint)
	}
	if s.Template != "" {
		f.fix = "correct " + s.Template + " or what it reads"
	}
	return f
}

// object names what could not be made, which may never have existed.
func (e *Evidence) object(s *Step) string {
	if s.Desired != nil {
		return name(s.Desired)
	}
	if s.Name == "" {
		return e.Owner + " " + e.Name
	}
	return fmt.Sprintf("resource %q", s.Name)
}

// innermost drops the wraps that only say where we were.
func innermost(err error) string {
	message := err.Error()
	if strings.HasPrefix(message, "unable to ") {
		if _, after, ok := strings.Cut(message, "]: "); ok {
			message = after
		}
	}
	for _, where := range []string{"failed to recursively evaluate template: ", "create: ", "patch: "} {
		message = strings.TrimPrefix(message, where)
	}
	return message
}

var notWatched = regexp.MustCompile(`rhumb may not watch (\S+): `)

// unwatched is a kind that the controller itself has no right to see.
func unwatched(message string) (finding, bool) {
	m := groups(notWatched, message)
	if m == nil {
		return finding{}, false
	}
	role := "rhumb-watch-" + m[1]
	return finding{
		rank: specific,
		what: "Rhumb's controller may not watch " + m[1],
		fix: fmt.Sprintf("grant it with kubectl create clusterrole %[1]s --verb=get,list,watch --resource=%[2]s && kubectl label clusterrole %[1]s rhumb.run/aggregate-to-controller=true",
			role, m[1]),
	}, true
}

// awaited is a value that is not there yet, on an object that does not say that it failed.
func (e *Evidence) awaited(s *Step) finding {
	u := s.Live
	f := finding{rank: waiting, fix: describe(u)}
	missing, _ := errors.AsType[*output.MissingError](s.Err)
	where := "a healthy status"
	if s.Name == "" {
		where = "a condition Succeeded"
	}
	if missing != nil {
		where = "a value at " + missing.Path
	}
	busy := progress(u)
	switch {
	case !hasStatus(u):
		f.what = fmt.Sprintf("%s has no status yet, and %s is awaited", name(u), where)
		f.fix = "if it stays so, " + controllerOf(u) + " is not running"
	case missing != nil && missing.Unobserved:
		f.what = fmt.Sprintf("%s has not taken its newest spec up yet", name(u))
		f.fix = "if it stays so, " + controllerOf(u) + " is not running"
	case busy != "":
		f.what, f.quote, f.fix = fmt.Sprintf("%s is at work, and %s is awaited", name(u), where), clean(busy), ""
	case missing != nil && isReady(u):
		f.rank = failing
		f.what = fmt.Sprintf("%s is ready but has no value at %s", name(u), missing.Path)
		f.fix = "correct the path in " + s.Template
	default:
		f.what = fmt.Sprintf("%s does not show %s yet", name(u), where)
	}
	return f
}

func hasStatus(u *unstructured.Unstructured) bool {
	value, _, _ := unstructured.NestedFieldNoCopy(u.Object, "status")
	m, _ := value.(map[string]any)
	return len(m) > 0
}

func isReady(u *unstructured.Unstructured) bool {
	for _, c := range conditions(u) {
		if (c.kind == "Ready" || c.kind == "Succeeded" || c.kind == "Available") && c.status == "True" {
			return true
		}
	}
	return false
}

// progress is what an object's controller says of its work.
func progress(u *unstructured.Unstructured) string {
	for _, c := range conditions(u) {
		working := c.status == "Unknown" || c.status == "True" && (c.kind == "Reconciling" || c.kind == "Progressing") || c.status == "False" && underWay(c)
		if working && c.message != "" && !isReady(u) {
			return c.message
		}
	}
	return ""
}

// controllerOf is who would write an object's status.
func controllerOf(u *unstructured.Unstructured) string {
	group := u.GroupVersionKind().Group
	if by := broughtBy(group); by != "" && !strings.HasPrefix(by, "Rhumb") {
		return "the controller of " + by
	}
	return "the controller of its kind"
}
