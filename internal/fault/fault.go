// SPDX-License-Identifier: Apache-2.0

// Package fault says what an error asks of the loop that meets it.
//
//	nil            done                                        a watch wakes us
//	Wait           what we need is not there yet               no retry, Unknown
//	Reject         someone must change a spec or a template    no retry, False
//	Deny           the cluster refused us: a right is missing  slow retry, False
//	anything else  the world hiccuped                          backoff, False
//
// An error is marked where its meaning is known and read in two places only:
// where the loop settles and where a status is reported.
package fault

import (
	"errors"
	"fmt"
)

// Class is what an error asks of the loop.
type Class int

// The classes, in the order of how soon a retry may help.
const (
	None Class = iota
	Wait
	Reject
	Deny
	Retry
)

// Error marks its cause with a class and the condition reason that a user sees.
type Error struct {
	Class  Class
	Reason string
	Err    error
}

// Error is the cause's text: class and reason are for machines.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// Waitf says that what we need is not there yet; a watch will wake us.
func Waitf(reason, format string, args ...any) error {
	return &Error{Wait, reason, fmt.Errorf(format, args...)}
}

// Rejectf says that nothing will change until someone changes a spec.
func Rejectf(reason, format string, args ...any) error {
	return &Error{Reject, reason, fmt.Errorf(format, args...)}
}

// Denyf says that the cluster refused us for want of a right, which may be
// granted without any object of ours changing.
func Denyf(reason, format string, args ...any) error {
	return &Error{Deny, reason, fmt.Errorf(format, args...)}
}

// Retryf gives a passing failure the reason under which it is reported.
func Retryf(reason, format string, args ...any) error {
	return &Error{Retry, reason, fmt.Errorf(format, args...)}
}

// As marks err with a class and a reason, keeping its text.
func As(class Class, reason string, err error) error { return &Error{class, reason, err} }

// Of finds the class and reason of err. Of several joined errors the class is
// the one that asks for the soonest retry, so that a typo in one place never
// hides an outage in another; the reason is that of the first marked error.
func Of(err error) (Class, string) {
	if err == nil {
		return None, ""
	}
	return classOf(err), reasonOf(err)
}

// ClassOr is the class of an error that somebody marked; of any other it is
// what the caller, who knows where it comes from, takes it for.
func ClassOr(err error, otherwise Class) Class {
	if marked, ok := errors.AsType[*Error](err); ok {
		return marked.Class
	}
	return otherwise
}

func classOf(err error) Class {
	//nolint:errorlint // Of walks every branch itself: As would stop at the first.
	switch e := err.(type) {
	case *Error:
		return e.Class
	case interface{ Unwrap() []error }:
		worst := None
		for _, one := range e.Unwrap() {
			worst = max(worst, classOf(one))
		}
		return worst
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return classOf(inner)
		}
	}
	return Retry
}

func reasonOf(err error) string {
	if marked, ok := errors.AsType[*Error](err); ok {
		return marked.Reason
	}
	return ""
}
