// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/testkit/controlplane"
)

// aliveIn makes the test's program be the controller, in a process of its own, which sees a bed's namespace alone.
const aliveIn = "RHUMB_TEST_CONTROLLER_IN"

func alive(ns string) int {
	o, err := parse(os.Args[1:], os.Stderr)
	if err == nil {
		o.narrow, o.sweepEvery = narrow(ns, nil), 100*time.Millisecond
		err = run(ctrl.SetupSignalHandler(), o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// process is a controller that can be killed.
type process struct {
	*exec.Cmd
	ended chan struct{}
}

// spawn starts one; it is gone at the end of the test.
func (c *cloner) spawn() *process {
	c.t.Helper()
	args := append([]string{
		"--leader-elect=false", "--metrics-bind-address=0", "--health-probe-bind-address=0", "--controllers=" + c.alone,
		"--kubeconfig=" + controlplane.Kubeconfig(c.t, c.config, c.ns),
	}, c.flags...)
	p := &process{exec.Command(os.Args[0], args...), make(chan struct{})} //nolint:gosec,noctx // our own program; it is killed below
	p.Env = append(os.Environ(), aliveIn+"="+c.ns)
	for name, value := range c.env {
		p.Env = append(p.Env, name+"="+value)
	}
	p.Stdout, p.Stderr = c.log, c.log
	if err := p.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() { _ = p.Wait(); close(p.ended) }()
	c.t.Cleanup(p.kill)
	return p
}

// kill ends it as the kernel does, and returns when nothing of it is left.
func (p *process) kill() {
	_ = p.Process.Kill()
	<-p.ended
}

// tags are those of a repository of the target, asked behind everybody's back.
func (c *cloner) tags(repository string) string {
	w := httptest.NewRecorder()
	c.store.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v2/"+repository+"/tags/list", nil))
	return w.Body.String()
}

// sent counts the blobs that came to the target whole, and asked those that the hub was asked for.
func (c *cloner) transfers() (sent, asked int) {
	for _, q := range c.target.Requests() {
		if q.Method == http.MethodPut && q.Kind == "upload" && q.Code == http.StatusCreated {
			sent++
		}
	}
	return sent, c.hub.Tally()["GET blob"]
}

// Killed at any time, the controller that comes after it goes on where it was: nothing is sent again that has arrived, the
// object is changed once, and no tag is left that nobody knows of.
func TestPolicyKilled(t *testing.T) {
	const repository = "mirror/docker.io/library/redis"
	const blobs = 7 // six layers and a config, of which four are on their way at once
	for name, tc := range map[string]struct {
		why string
		// when says at which request the kernel kills, and reaches whether the target still gets it.
		when    func(r *http.Request, blob int64) bool
		reaches bool
		again   int // blobs that may be sent once more: those that were on their way
	}{
		"MidBlobs": {"what has arrived is not sent again", func(_ *http.Request, blob int64) bool { return blob == 4 }, true, 3},
		"BeforeTag": {
			"a copy without its tag is as good as none", func(r *http.Request, _ int64) bool {
				return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/7")
			}, false, 0,
		},
		"BeforePatch": {
			"a copy that is there is found", func(r *http.Request, _ int64) bool {
				return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/7")
			}, true, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newPolicies(t)
			var layers []contract.Files
			for i := range blobs - 1 {
				layers = append(layers, contract.Files{"a": fmt.Sprint(i, contract.Noise(1<<16))})
			}
			digest := contract.Push(t, c.hub.URL, "library/redis:7", contract.Image(t, layers...))
			c.hub.Forget()
			c.policy("corp", "")
			c.deploy("web", "redis:7")
			c.settled("web")
			generation := c.get("web").GetGeneration()
			var blob atomic.Int64
			var killed atomic.Bool
			var p atomic.Pointer[process]
			c.target.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				n := int64(0)
				if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/uploads/") {
					n = blob.Add(1)
				}
				if !tc.when(r, n) || !killed.CompareAndSwap(false, true) {
					next.ServeHTTP(w, r)
					return
				}
				if tc.reaches {
					next.ServeHTTP(w, r)
				}
				p.Load().kill()
			})
			p.Store(c.spawn())
			c.until("it to be killed", func() (bool, string) { return killed.Load(), c.said.String() })
			<-p.Load().ended
			if got := c.images("web"); got[0] != "redis:7" {
				t.Errorf("it was changed already: %q", got)
			}
			if got := c.tag(repository, "7"); (got == digest) != (name == "BeforePatch") {
				t.Errorf("the tag is %q", got)
			}
			c.target.Fault(nil)
			sent, asked := c.transfers()
			p.Store(c.spawn())
			c.untilImages("web", corp+"/docker.io/library/redis:7")
			c.record(redis, v1alpha1.StateReady)
			sentInAll, askedInAll := c.transfers()
			if sentInAll > blobs+tc.again || askedInAll-asked > blobs-sent {
				t.Errorf("%s: %d blobs were sent before it was killed and %d after, the hub asked for %d and %d", tc.why, sent, sentInAll-sent, asked, askedInAll-asked)
			}
			if got, want := c.tags(repository), fmt.Sprintf(`"tags":["7","%s"]`, image.AnchorTag(digest)); !strings.Contains(got, want) {
				t.Errorf("the target's tags are %s, want %s", got, want)
			}
			if got := c.get("web").GetGeneration(); got != generation+1 {
				t.Errorf("it was changed %d times", got-generation)
			}
		})
	}
}

// Asked to end, the controller lets copies arrive that are on their way, and begins no other.
func TestPolicyEnds(t *testing.T) {
	c := newPolicies(t)
	digest := contract.Push(t, c.hub.URL, "library/redis:7", contract.Image(t, contract.Files{"a": "1"}, contract.Files{"b": "2"}))
	c.policy("corp", "")
	c.deploy("web", "redis:7")
	begun, gate := make(chan struct{}), make(chan struct{})
	open := sync.OnceFunc(func() { close(gate) })
	t.Cleanup(open)
	var once atomic.Bool
	c.target.Fault(contract.On(http.MethodPut, "upload", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if once.CompareAndSwap(false, true) {
			close(begun)
			<-gate
		}
		next.ServeHTTP(w, r)
	}))
	p := c.spawn()
	<-begun
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	c.until("it to hear", func() (bool, string) {
		got := c.said.String()
		return strings.Contains(got, "Stopping and waiting for leader"), got
	})
	open()
	<-p.ended
	if code := p.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	if got := c.tag("mirror/docker.io/library/redis", "7"); got != digest {
		t.Errorf("the copy did not arrive: its tag is %q", got)
	}
	c.target.Forget()
	c.spawn()
	c.untilImages("web", corp+"/docker.io/library/redis:7")
	if sent, _ := c.transfers(); sent > 0 {
		t.Errorf("%d blobs were sent once more", sent)
	}
}

// A restart asks nobody's registry for copies that nothing was made to use.
func TestPolicyRestartCopyOnly(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	contract.Push(t, c.hub.URL, "library/later:1", two(t, "later"))
	c.policy("corp", "  rewrite: {strategy: None}")
	c.deploy("web", "redis:7")
	stop := c.run()
	c.record(redis, v1alpha1.StateReady)
	c.ready("corp", v1alpha1.ReadyReason)
	stop()
	c.hub.Forget()
	c.run()
	c.deploy("later", "later:1")
	c.record("docker.io/library/later:1", v1alpha1.StateReady)
	for _, q := range c.hub.Requests() {
		if strings.Contains(q.Path, "redis") {
			t.Errorf("the source of what is there was asked: %s %s", q.Method, q.Path)
		}
	}
}
