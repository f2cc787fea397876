// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sirupsen/logrus"
)

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run serves until the returned function is called.
func run(t *testing.T, o Options) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, o) }()
	eventually(t, "the registry answers", func() bool {
		resp, err := http.Get("http://" + o.Listen[0] + "/v2/")
		return err == nil && errors.Join(resp.Body.Close()) == nil && resp.StatusCode == http.StatusOK
	})
	stop := func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		ended <- nil
	}
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for !is() {
		select {
		case <-limit:
			t.Fatalf("waiting until %s", what)
		case <-tick.C:
		}
	}
}

func push(t *testing.T, addr, repo string) (name.Reference, v1.Hash) {
	t.Helper()
	ref, err := name.ParseReference(addr + "/" + repo)
	if err != nil {
		t.Fatal(err)
	}
	img, err := random.Image(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return ref, digest
}

func TestARestartKeepsImages(t *testing.T) {
	o := Options{Root: t.TempDir(), Listen: []string{free(t)}, Secret: "x"}
	stop := run(t, o)
	ref, want := push(t, o.Listen[0], "apps/one:1")
	stop()
	run(t, o)
	got, err := remote.Head(ref)
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest != want {
		t.Errorf("the tag is %s after a restart, was %s", got.Digest, want)
	}
}

func TestListensOnEachAddress(t *testing.T) {
	o := Options{Root: t.TempDir(), Listen: []string{free(t), free(t)}, Secret: "x"}
	run(t, o)
	_, want := push(t, o.Listen[0], "apps/one:1")
	ref, err := name.ParseReference(o.Listen[1] + "/apps/one:1")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := remote.Head(ref); err != nil || got.Digest != want {
		t.Errorf("the other address says %v, %v", got, err)
	}
}

func TestSaysThatAPortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = serve(context.Background(), Options{Root: t.TempDir(), Listen: []string{l.Addr().String()}, Secret: "x"})
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v", err)
	}
}

// A push does not wait for whoever is to be told, and they are told once they
// are there.
func TestNotifiesLate(t *testing.T) {
	hook := free(t)
	o := Options{Root: t.TempDir(), Listen: []string{free(t)}, Secret: "x", Notify: []string{"http://" + hook + "/hook"}}
	run(t, o)
	push(t, o.Listen[0], "apps/one:1") // returns although nobody listens
	told := make(chan []string, 16)
	l, err := net.Listen("tcp", hook)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{ReadHeaderTimeout: time.Second,
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var body struct {
				Events []struct {
					Action string
					Target struct{ Repository, Tag string }
				}
			}
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			var seen []string
			for _, e := range body.Events {
				seen = append(seen, e.Action+" "+e.Target.Repository+":"+e.Target.Tag)
			}
			told <- seen
		})}}
	server.Start()
	defer server.Close()
	select {
	case got := <-told:
		if !slices.Equal(got, []string{"push apps/one:1"}) {
			t.Errorf("told %q", got)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nobody was told of the push")
	}
}

func TestCalm(t *testing.T) {
	now := time.Unix(0, 0)
	c := &calm{next: &logrus.TextFormatter{DisableColors: true}, every: time.Minute, now: func() time.Time { return now }}
	say := func(message string) string {
		raw, err := c.Format(&logrus.Entry{Logger: logrus.New(), Message: message, Data: logrus.Fields{"event": "long", "error": "refused"}})
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	const retry = "retryingsink: error writing event, retrying"
	if got := say(retry); !strings.Contains(got, "refused") || strings.Contains(got, "long") {
		t.Errorf("the first failure is %q", got)
	}
	if got := say(retry); got != "" {
		t.Errorf("the second at once is %q", got)
	}
	if got := say("disk full"); got == "" {
		t.Error("what is no failed notification is kept back")
	}
	if say("disk full") == "" {
		t.Error("what is no failed notification is kept back the second time")
	}
	now = now.Add(2 * time.Minute)
	if got := say(retry); !strings.Contains(got, "repeated=1") {
		t.Errorf("after a while it is %q, want it counted", got)
	}
}
