// SPDX-License-Identifier: Apache-2.0

package story

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/fault"
	"rhumb.run/rhumb/internal/memory"
)

// Fault is a call that goes wrong: "deny create configmaps/x: why". Deny is a
// right that is missing, reject an error that only a person mends, fail one
// that passes.
type Fault struct {
	Class fault.Class
	// Call is a verb and what it is about: create configmaps/x, or use account dev/builder.
	Call string
	Text string
}

// useAccount is how the call begins by which a walk takes on its service account.
const useAccount = "use account "

var classes = map[string]fault.Class{"deny": fault.Deny, "reject": fault.Reject, "fail": fault.Retry}

func readFaults(text string) ([]Fault, error) {
	var out []Fault
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		class, known := classes[word]
		call, why, said := strings.Cut(rest, ": ")
		if !known || !said {
			return nil, fmt.Errorf("%q is not of the form <deny|reject|fail> <verb> <resource>/<name>: <why>", line)
		}
		out = append(out, Fault{class, call, why})
	}
	return out, nil
}

func (f Fault) err() error {
	if f.Class == fault.Retry {
		return errors.New(f.Text)
	}
	return fault.As(f.Class, "", errors.New(f.Text))
}

// using is what a walk hears that takes on its service account: there is none,
// or, if it fails, nobody can act as it.
func (s *Story) using(account types.NamespacedName) error {
	err := s.of(useAccount + account.String())
	class, _ := fault.Of(err)
	switch {
	case err == nil:
		return nil
	case class == fault.Retry || class == fault.None:
		return fault.As(fault.Retry, v1alpha1.ResourceRealizerBuilderErrorResourcesSubmittedReason, err)
	}
	return fault.As(class, v1alpha1.ServiceAccountErrorResourcesSubmittedReason, err)
}

// of is the fault of a call, if one was asked for.
func (s *Story) of(call string) error {
	for _, f := range s.Faults {
		if f.Call == call {
			return f.err()
		}
	}
	return nil
}

func (s *Story) before(c memory.Call) error { return s.of(c.String()) }
