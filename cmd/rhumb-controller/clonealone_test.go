// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"sync"
	"testing"

	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/testkit/controlplane"
)

// The API server goes while an image is on its way: the copy goes on, and what is to be written is written once it is back.
func TestClonerWithoutAPIServer(t *testing.T) {
	plane := controlplane.New(t)
	c := clonerOn(t, bedOn(t, plane.Config(), plane.Namespace(t)))
	digest := contract.Push(t, c.hub.URL, "library/"+seedImage, two(t, "nginx"))
	held, released := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	t.Cleanup(release)
	var once sync.Once
	c.hub.Fault(contract.On(http.MethodGet, "blob", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		once.Do(func() { close(held) })
		<-released
		next.ServeHTTP(w, r)
	}))
	c.deploy("nginx", seedImage)
	c.run()
	<-held
	plane.Stop(t)
	release()
	tagged := func() int {
		n := 0
		for _, q := range c.target.Requests() {
			if q.Method == http.MethodPut && q.Path == "/v2/nginx/manifests/1.21.4-alpine" {
				n++
			}
		}
		return n
	}
	c.until("the copy to be made without it", func() (bool, string) { return tagged() == 1, "" })
	c.has("nginx", digest)
	c.hub.Forget()
	plane.Start(t)
	c.untilImages("nginx", seedTarget+"/"+seedImage)
	if tally := c.hub.Tally(); tally["GET blob"] > 0 || tagged() != 1 {
		t.Errorf("it was copied again: %v", tally)
	}
}
