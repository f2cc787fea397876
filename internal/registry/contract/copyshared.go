// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

// onceForMany: who asks for a copy that is on its way waits for that.
func (c *copying) onceForMany() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	c.source.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodHead {
			arrived <- struct{}{}
		} else {
			<-release
		}
		next.ServeHTTP(w, r)
	})
	c.source.Asked()
	failed := make(chan error, 5)
	for range 5 {
		go func() {
			_, err := c.copier.Copy(c.Context(), c.job("apps/demo:1"))
			failed <- err
		}()
	}
	for range 5 {
		<-arrived
	}
	close(release)
	for range 5 {
		if err := <-failed; err != nil {
			c.Error(err)
		}
	}
	blobs := map[string]int{}
	for _, a := range c.source.Asked() {
		if strings.Contains(a, "/blobs/") {
			blobs[a]++
		}
	}
	for a, n := range blobs {
		if n != 1 {
			c.Errorf("%s: %d times", a, n)
		}
	}
}

// hold lets requests of a kind wait until the function that it returns is called; arrived says that one does.
func (c *copying) hold(f *Front, method, of string) (arrived <-chan struct{}, release func()) {
	here, free := make(chan struct{}, 100), make(chan struct{})
	f.Fault(On(method, of, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		here <- struct{}{}
		select {
		case <-free:
		case <-r.Context().Done():
		}
		next.ServeHTTP(w, r)
	}))
	release = sync.OnceFunc(func() { close(free) })
	c.Cleanup(release)
	return here, release
}

// asked waits until a front was asked something n times.
func (c *copying) asked(f *Front, what string, n int) {
	c.Helper()
	for deadline := time.Now().Add(10 * time.Second); f.Tally()[what] < n; {
		if time.Now().After(deadline) {
			c.Fatalf("%s was not asked %d times: %v", what, n, f.Tally())
		}
		<-time.After(time.Millisecond)
	}
}

// firstLeaves: who began a copy may go; those who wait for it get it.
func (c *copying) firstLeaves() {
	want := Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	arrived, release := c.hold(c.source, http.MethodGet, "blob")
	c.target.Forget()
	ctx, leave := context.WithCancel(c.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := c.copier.Copy(ctx, c.job("apps/demo:1")); first <- err }()
	<-arrived
	heads := c.target.Tally()["HEAD manifest"]
	go func() { _, err := c.copier.Copy(c.Context(), c.job("apps/demo:1")); second <- err }()
	c.asked(c.target, "HEAD manifest", heads+1)
	leave()
	if err := <-first; !errors.Is(err, context.Canceled) {
		c.Errorf("who left was told %v", err)
	}
	release()
	if err := <-second; err != nil || c.there() != want {
		c.Errorf("who stayed got %s, %v", c.there(), err)
	}
}

// firstIsRefused: credentials that are wrong are wrong for those alone who have them.
func (c *copying) firstIsRefused() {
	want := Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	right := c.source.Basic(Host, "right")
	free := make(chan struct{})
	arrived := make(chan struct{}, 10)
	c.source.guard(func(w http.ResponseWriter, r *http.Request) bool {
		user, _, ok := r.BasicAuth()
		switch {
		case !ok:
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
		case user == "wrong" && r.Method == http.MethodGet:
			arrived <- struct{}{}
			<-free
			Status(http.StatusForbidden, "DENIED: not you")(w, r, nil)
		default:
			return true
		}
		return false
	})
	first, second := make(chan error, 1), make(chan error, 1)
	go func() {
		j := c.job("apps/demo:1")
		j.SourceLogins = image.Logins{loginFor(Host, "wrong")}
		_, err := c.copier.Copy(c.Context(), j)
		first <- err
	}()
	<-arrived
	heads := c.target.Tally()["HEAD manifest"]
	go func() {
		j := c.job("apps/demo:1")
		j.SourceLogins = right
		_, err := c.copier.Copy(c.Context(), j)
		second <- err
	}()
	c.asked(c.target, "HEAD manifest", heads+1)
	close(free)
	if f := c.failure(<-first); !f.Source || f.Reason != image.ReasonUnauthorized {
		c.Errorf("wrong credentials: %v", f)
	}
	if err := <-second; err != nil || c.there() != want {
		c.Errorf("right ones: %s, %v", c.there(), err)
	}
}

// sharedAtOnce: of eight images on one base that are copied at once the base is sent once.
func (c *copying) sharedAtOnce() {
	base := Files{"base": Noise(100_000)}
	for i := range 8 {
		Push(c.T, c.source.URL, fmt.Sprintf("apps/app%d:1", i), Image(c.T, base, Files{"app": fmt.Sprint(i)}))
	}
	c.source.Forget()
	c.target.Forget()
	var group sync.WaitGroup
	var sent, all atomic.Int64
	for i := range 8 {
		group.Go(func() {
			done, err := c.copier.Copy(c.Context(), c.job(fmt.Sprintf("apps/app%d:1", i)))
			if err != nil {
				c.Error(err)
			}
			sent.Add(done.Sent)
			all.Add(done.Total)
		})
	}
	group.Wait()
	blobs := map[string]int{}
	for _, q := range c.source.Requests() {
		if q.Kind == "blob" {
			blobs[q.Path[strings.LastIndex(q.Path, "/"):]]++
		}
	}
	for b, n := range blobs {
		if n > 1 && c.apart(Image(c.T, base)) {
			c.Errorf("blob %s was fetched %d times", b, n)
		}
	}
	in, _ := c.target.Moved()
	if sent.Load() > all.Load()/6 || in > all.Load()/6 {
		c.Errorf("%d bytes were sent, %d went in; all the images are %d", sent.Load(), in, all.Load())
	}
}

// slowStore: a registry may take longer to store a blob than it may take for an answer.
func (c *copying) slowStore() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	const answer = 200 * time.Millisecond
	c.with(registry.Options{Timeout: answer})
	c.target.Fault(On(http.MethodPut, "upload", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		<-time.After(2 * answer)
		next.ServeHTTP(w, r)
	}))
	c.must(c.job("apps/demo:1"))
}

// slowSource: a blob that comes byte by byte is given up, and the fault is the source's.
func (c *copying) slowSource() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": strings.Repeat("x", 10_000)}))
	c.with(registry.Options{Stall: 300 * time.Millisecond})
	c.source.Fault(On(http.MethodGet, "blob", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		for {
			if _, err := w.Write([]byte("x")); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}))
	_, err := c.copy(c.job("apps/demo:1"))
	if f := c.failure(err); !f.Source || f.Reason != image.ReasonUnreachable || !strings.Contains(f.Detail, "sent less than") {
		c.Errorf("%v, of the source: %v", err, f.Source)
	}
	if c.there() != "" {
		c.Error("the target has the tag")
	}
}

// ended: what ends because its caller's context does is no failure of a registry.
func (c *copying) ended() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	for _, where := range []struct {
		front        *Front
		method, kind string
	}{{c.source, http.MethodHead, "manifest"}, {c.source, http.MethodGet, "blob"}, {c.target, http.MethodPut, "upload"}} {
		arrived, release := c.hold(where.front, where.method, where.kind)
		ctx, leave := context.WithCancel(c.Context())
		go func() { <-arrived; leave() }()
		_, err := c.copier.Copy(ctx, c.job("apps/demo:1"))
		if f, ok := errors.AsType[*registry.CopyFailure](err); ok || !errors.Is(err, context.Canceled) {
			c.Errorf("%s %s: %v (%v)", where.method, where.kind, err, f)
		}
		release()
		where.front.Fault(nil)
	}
}
