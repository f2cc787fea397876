// SPDX-License-Identifier: Apache-2.0

package admit

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	rhumbv1alpha1 "rhumb.run/rhumb/api/rhumb/v1alpha1"
)

// Severity tells whether a problem keeps an object out.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Problem is one thing that is wrong with an object.
type Problem struct {
	Severity Severity
	Message  string
	// Path leads to the field that is meant.
	Path Path
}

// Path leads to a field, key by key; an index of a list is a number.
type Path []string

// String is the path as people write it: spec.resources[2].name.
func (p Path) String() string {
	var out strings.Builder
	for i, step := range p {
		_, err := strconv.Atoi(step)
		switch {
		case err == nil || strings.ContainsAny(step, ".[]"):
			out.WriteString("[" + step + "]")
		case i == 0:
			out.WriteString(step)
		default:
			out.WriteString("." + step)
		}
	}
	return out.String()
}

// to is the path of something below. Steps are keys or indexes.
func (p Path) to(steps ...any) Path {
	out := make(Path, 0, len(p)+len(steps))
	out = append(out, p...)
	for _, s := range steps {
		out = append(out, fmt.Sprint(s))
	}
	return out
}

var spec = Path{"spec"}

// Of says what is wrong with an object of carto.run/v1alpha1 or rhumb.run/v1alpha1. Known is false
// for objects of which nothing is known here.
func Of(object runtime.Object) (problems []Problem, known bool) {
	switch o := object.(type) {
	case *v1alpha1.ClusterSupplyChain:
		return SupplyChain(o), true
	case *v1alpha1.ClusterDelivery:
		return Delivery(o), true
	case *v1alpha1.ClusterSourceTemplate:
		return SourceTemplate(o), true
	case *v1alpha1.ClusterImageTemplate:
		return ImageTemplate(o), true
	case *v1alpha1.ClusterConfigTemplate:
		return ConfigTemplate(o), true
	case *v1alpha1.ClusterDeploymentTemplate:
		return DeploymentTemplate(o), true
	case *v1alpha1.ClusterTemplate:
		return Template(o), true
	case *v1alpha1.ClusterRunTemplate:
		return RunTemplate(o), true
	case *v1alpha1.Workload:
		return Workload(o), true
	case *v1alpha1.Deliverable:
		return Deliverable(o), true
	case *v1alpha1.Runnable:
		return Runnable(o), true
	case *rhumbv1alpha1.ImageClonePolicy:
		return ImageClonePolicy(o), true
	}
	return nil, false
}

// Refusal is the first error: the one that a user is told.
func Refusal(problems []Problem) (message string, refused bool) {
	for _, p := range problems {
		if p.Severity == Error {
			return p.Message, true
		}
	}
	return "", false
}

// Warnings are what a user is told of an object that is let in.
func Warnings(problems []Problem) []string {
	var out []string
	for _, p := range problems {
		if p.Severity == Warning {
			out = append(out, p.Message)
		}
	}
	return out
}

// finder gathers problems. Its prefix stands before every message.
type finder struct {
	prefix   string
	problems []Problem
}

func (f *finder) refuse(at Path, format string, args ...any) {
	f.add(Error, at, format, args...)
}

func (f *finder) warn(at Path, format string, args ...any) {
	f.add(Warning, at, format, args...)
}

func (f *finder) add(s Severity, at Path, format string, args ...any) {
	f.problems = append(f.problems, Problem{s, f.prefix + fmt.Sprintf(format, args...), at})
}
