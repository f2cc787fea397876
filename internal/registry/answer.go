// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rhumb.run/rhumb/internal/core/image"
)

const (
	maxWords = 300
	maxAfter = time.Hour
)

// answer is what one endpoint said, or why it said nothing.
type answer struct {
	reason string
	words  string
	fix    string
	after  time.Duration
	code   int
	// unasked is set where nobody was asked, since the registry wants to be left alone.
	unasked bool
}

func (a *answer) Error() string { return a.words }

// answerOf reads a response that is not the wanted one.
func answerOf(r *http.Response, body []byte) *answer {
	a := &answer{reason: image.ReasonRemote, words: fmt.Sprintf("%d %s", r.StatusCode, http.StatusText(r.StatusCode)), code: r.StatusCode}
	switch r.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		a.reason = image.ReasonUnauthorized
	case http.StatusNotFound:
		a.reason = image.ReasonNotFound
	case http.StatusTooManyRequests:
		a.reason = image.ReasonThrottled
	}
	a.after = retryAfter(r.Header.Get("Retry-After"), time.Now())
	if a.reason == image.ReasonThrottled {
		a.after = orElse(a.after, unasked)
	}
	if w := registryWords(body); w != "" {
		a.words += ": " + w
	}
	return a
}

// registryWords is the first error of a registry's error body. Other bodies are pages for browsers, and may hold what
// changes with each request.
func registryWords(body []byte) string {
	var e struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
		Details string `json:"details"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	if len(e.Errors) == 0 {
		return image.Bound(e.Details, maxWords)
	}
	return image.Bound(strings.Trim(e.Errors[0].Code+": "+e.Errors[0].Message, ": "), maxWords)
}

// retryAfter reads seconds or a date; it is believed up to an hour.
func retryAfter(v string, now time.Time) time.Duration {
	var d time.Duration
	if n, err := strconv.Atoi(v); err == nil {
		d = time.Duration(min(n, int(maxAfter/time.Second))) * time.Second
	} else if t, err := http.ParseTime(v); err == nil {
		d = t.Sub(now)
	}
	return max(0, min(d, maxAfter))
}

// unanswered says why there was no answer, in words that are the same for each try.
func unanswered(err error) *answer {
	if own, ok := errors.AsType[*answer](err); ok {
		return own
	}
	a := &answer{reason: image.ReasonUnreachable}
	var no *refused
	var dns *net.DNSError
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &no):
		a.words = no.Error() + ", where no image may be fetched from"
		a.fix = "an operator can allow it by naming the registry in the registries file (--registries-config)"
	case errors.Is(err, errRedirects), errors.Is(err, errDowngrade):
		a.reason, a.words = image.ReasonRemote, "it answered "+innermost(err)
	case errors.As(err, &dns) && dns.IsNotFound:
		a.words = fmt.Sprintf("no such host %q", image.Bound(dns.Name, 120))
	case errors.As(err, &header):
		a.words = "it does not speak TLS"
		a.fix = "an operator can set plainHTTP for it in the registries file"
	case certificate(err) != "":
		a.words = certificate(err)
		a.fix = "an operator can give its authority as ca or caFile in the registries file"
	case errors.Is(err, syscall.ECONNREFUSED):
		a.words = "connection refused"
	case errors.Is(err, syscall.ECONNRESET):
		a.words = "connection reset"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		a.words = "no route to host"
	case timedOut(err):
		a.words = "no answer in time"
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		a.words = "it speaks HTTP, not HTTPS"
		a.fix = "an operator can set plainHTTP for it in the registries file"
	default:
		a.words = innermost(err)
	}
	return a
}

func timedOut(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &ne) && ne.Timeout())
}

func certificate(err error) string {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return "its certificate is signed by an unknown authority"
	case errors.As(err, &host):
		return "its certificate is for another host"
	case errors.As(err, &invalid):
		return "its certificate is not valid"
	}
	return ""
}

// pairs are the addresses of a connection, whose own port is another each time.
var pairs = regexp.MustCompile(`(?:\[[0-9a-fA-F:.%]+\]|[0-9.]+):\d+->`)

// innermost drops the URL, which may be a blob store's with a signature in it.
func innermost(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return image.Bound(pairs.ReplaceAllString(err.Error(), ""), maxWords)
}

// closeBody reads the little that is left, so that the connection serves the next request.
func closeBody(r *http.Response) {
	buf := make([]byte, 4<<10)
	for range 4 {
		if _, err := r.Body.Read(buf); err != nil {
			break
		}
	}
	_ = r.Body.Close()
}
