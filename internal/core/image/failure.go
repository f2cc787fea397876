// SPDX-License-Identifier: Apache-2.0

package image

import (
	"strings"
	"time"

	clones "rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/api/source/v1alpha1"
)

// Why an image could not be resolved or fetched, as conditions say it.
const (
	ReasonInvalid        = v1alpha1.InvalidImageReferenceReason
	ReasonSecretNotFound = v1alpha1.SecretNotFoundReason
	ReasonUnreachable    = v1alpha1.UnreachableReason
	ReasonUnauthorized   = v1alpha1.UnauthorizedReason
	ReasonNotFound       = v1alpha1.NotFoundReason
	ReasonThrottled      = v1alpha1.ThrottledReason
	ReasonDigestMismatch = v1alpha1.DigestMismatchReason
	ReasonRemote         = v1alpha1.RemoteErrorReason
	// ReasonSecretInvalid: a pull secret is there and holds no credentials that may be used.
	ReasonSecretInvalid = "SecretInvalid"
	// ReasonAccountNotFound: the service account that the spec names is not there.
	ReasonAccountNotFound = "ServiceAccountNotFound"
	// ReasonNoTree: the image has no file tree that can be served; it can be used by its revision all the same.
	ReasonNoTree = "NoFileTree"
)

// Why an image could not be copied, where that has another name than why one could not be resolved.
const (
	ReasonSourceNotFound = clones.SourceNotFoundReason
	ReasonQuotaExceeded  = clones.QuotaExceededReason
	ReasonPushRejected   = clones.PushRejectedReason
	ReasonUnsupported    = clones.UnsupportedReason
	ReasonDrifted        = clones.DriftedReason
	ReasonTooLarge       = clones.TooLargeReason
)

// Failure is why an image could not be had, in words for its owner. It holds no credential and nothing that differs
// between two tries of the same failure, since it is written to a status.
type Failure struct {
	Reason string
	// Detail is what happened: the endpoint tried and what it said.
	Detail string
	// Fix is what would help, for whoever reads it.
	Fix string
	// After is how long the registry asked to be left alone; 0 if it said nothing.
	After time.Duration
	// Code is the status that the registry answered with; 0 if it did not answer.
	Code int
	// Unasked is set where the registry was not asked at all, since it had asked before to be left alone: nothing new is known.
	Unasked bool
}

// Error says what happened and what to do.
func (f *Failure) Error() string {
	if f.Fix == "" {
		return f.Detail
	}
	return f.Detail + "; " + f.Fix
}

// Same reports whether two failures read the same.
func (f *Failure) Same(g *Failure) bool {
	if f == nil || g == nil {
		return f == g
	}
	return f.Reason == g.Reason && f.Error() == g.Error()
}

// Permanent reports whether the image itself is at fault, so that asking again gives the same answer.
func (f *Failure) Permanent() bool {
	return f != nil && (f.Reason == ReasonDigestMismatch || f.Reason == ReasonNoTree)
}

// Bound cuts words from outside to n bytes and to one printable line.
func Bound(s string, n int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }), " ")
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
