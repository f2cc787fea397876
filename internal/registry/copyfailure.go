// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"net/http"

	"rhumb.run/rhumb/internal/core/image"
)

// CopyFailure is why an image could not be copied: what one request to one of the two registries came to.
type CopyFailure struct {
	*image.Failure
	// Source is set where it was the source's.
	Source bool
}

func sourceFailure(err error) error { return sided(err, true) }
func targetFailure(err error) error { return sided(err, false) }

func sided(err error, source bool) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*CopyFailure](err); ok {
		return own
	}
	f := *asFailure(err)
	if !source && unknownName(&f) {
		f.Fix = makeFirst
	}
	f.Reason = copyReason(&f, source)
	return &CopyFailure{Failure: &f, Source: source}
}

// copyReason names a failure as copies do, which have two sides.
func copyReason(f *image.Failure, source bool) string {
	switch {
	case f.Reason == image.ReasonThrottled:
		return image.ReasonQuotaExceeded
	case f.Reason == image.ReasonNotFound && source:
		return image.ReasonSourceNotFound
	case f.Reason == image.ReasonNotFound: // a repository that has to be made before it is pushed to
		return image.ReasonPushRejected
	case f.Reason != image.ReasonRemote:
		return f.Reason
	case f.Code == http.StatusBadGateway, f.Code == http.StatusServiceUnavailable, f.Code == http.StatusGatewayTimeout:
		return image.ReasonUnreachable
	case !source && f.Code >= 400 && f.Code < 500:
		return image.ReasonPushRejected
	}
	return f.Reason
}
