// SPDX-License-Identifier: Apache-2.0

// Package lifecycle is about objects that are never changed once they are
// made: runs. Each content makes one run, whoever asks and however often.
//
//	content ─digest─▶ Name ─▶ one object      (made twice, it is the same one)
//	live runs ─Find─▶ the run of this content, if there is one
//	          ─Newest─▶ the one whose outputs count
//	          ─Retire─▶ those that are kept no longer
//
// What a run is of stands on the run itself, so that neither a restart, nor a
// stale cache, nor a server that rewrites specs makes a second one.
package lifecycle

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/drift"
)

// DigestAnnotation holds the digest of what was applied: it is by this that a
// restart knows that nothing is left to do.
const DigestAnnotation = "rhumb.run/applied"

// DefaultKeep is how many finished runs of each sort stay where nobody says how many.
const DefaultKeep = 10

const (
	nameLength   = 63
	suffixLength = 8
)

// Name is the name of the run of a content: what the template wants it to
// begin with, cut as the API server cuts it, and a part of the content's
// digest. The same content has the same name, so that making it twice makes it
// once.
func Name(generateName, digest string) string {
	_, sum, _ := strings.Cut(digest, ":")
	return generateName[:min(len(generateName), nameLength-suffixLength)] + sum[:suffixLength]
}

// Find is the run of this content among the live ones, nil if there is none.
// Runs that Cartographer stamped carry no digest: such a one is the run if it
// says all that the content says.
func Find(runs []*unstructured.Unstructured, desired *unstructured.Unstructured, digest string) *unstructured.Unstructured {
	for _, r := range runs {
		if r.GetAnnotations()[DigestAnnotation] == digest {
			return r
		}
	}
	said := content(desired)
	for _, r := range runs {
		if r.GetAnnotations()[DigestAnnotation] == "" && drift.Missing(said, r.Object) == "" {
			return r
		}
	}
	return nil
}

// content is what a template said, without the name that was made of it and the
// marks of its owner, by which the runs were found.
func content(desired *unstructured.Unstructured) map[string]any {
	out := make(map[string]any, len(desired.Object))
	for key, value := range desired.Object {
		if key == "metadata" {
			value = map[string]any{"labels": orNone(desired, "labels"), "annotations": orNone(desired, "annotations")}
		}
		out[key] = value
	}
	return out
}

func orNone(u *unstructured.Unstructured, field string) any {
	value, _, _ := unstructured.NestedFieldNoCopy(u.Object, "metadata", field)
	entries, _ := value.(map[string]any)
	out := make(map[string]any, len(entries))
	for key, v := range entries {
		if key != DigestAnnotation && !strings.HasPrefix(key, v1alpha1.LabelPrefix) {
			out[key] = v
		}
	}
	return out
}

// Sort puts the newest first; of two made in the same second, the order is that of their names.
func Sort(runs []*unstructured.Unstructured) {
	slices.SortFunc(runs, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(b.GetCreationTimestamp().Compare(a.GetCreationTimestamp().Time), cmp.Compare(a.GetName(), b.GetName()))
	})
}

// Examined is a run and its health.
type Examined struct {
	Object *unstructured.Unstructured
	Health metav1.ConditionStatus
}

// Newest is the healthy run that was made last, nil if none is healthy. Seen is newest first.
func Newest(seen []Examined) *unstructured.Unstructured {
	for _, e := range seen {
		if e.Health == metav1.ConditionTrue {
			return e.Object
		}
	}
	return nil
}

// Retire is the runs that the policy keeps no longer: of those that succeeded
// and of those that failed, all but the newest few. One whose fate is not known
// stays, and so do the spared: the run of what is wanted now, and the one whose
// outputs are in use. Seen is newest first; among those of one second, which is
// as fine as their age is known, the spared count as the newest.
func Retire(seen []Examined, keep v1alpha1.RetentionPolicy, spare ...types.UID) []*unstructured.Unstructured {
	left := map[metav1.ConditionStatus]int64{
		metav1.ConditionTrue:  orDefault(keep.MaxSuccessfulRuns),
		metav1.ConditionFalse: orDefault(keep.MaxFailedRuns),
	}
	spared := func(e Examined) bool { return slices.Contains(spare, e.Object.GetUID()) }
	seen = slices.SortedStableFunc(slices.Values(seen), func(a, b Examined) int {
		return cmp.Or(b.Object.GetCreationTimestamp().Compare(a.Object.GetCreationTimestamp().Time), rank(spared(a))-rank(spared(b)))
	})
	var out []*unstructured.Unstructured
	for _, e := range seen {
		if e.Health != metav1.ConditionTrue && e.Health != metav1.ConditionFalse || e.Object.GetDeletionTimestamp() != nil {
			continue
		}
		left[e.Health]--
		if left[e.Health] < 0 && !spared(e) {
			out = append(out, e.Object)
		}
	}
	return out
}

func rank(spared bool) int {
	if spared {
		return 0
	}
	return 1
}

func orDefault(n int64) int64 {
	if n <= 0 {
		return DefaultKeep
	}
	return n
}
