// SPDX-License-Identifier: Apache-2.0

package imagerepository_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"rhumb.run/rhumb/api/source/v1alpha1"
	"rhumb.run/rhumb/internal/artifact"
	"rhumb.run/rhumb/internal/controller/imagerepository"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/registry/contract/distribution"
	"rhumb.run/rhumb/internal/testkit/controlplane"
)

const (
	soon   = 30 * time.Second
	canary = "canary-77c2"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard()) // what has no logger of its own says nothing of ours
	controlplane.Main(m)
}

// rig is a namespace on a real API server, a real registry, and the controller between them.
type rig struct {
	t      *testing.T
	config *rest.Config
	client client.Client
	ns     string
	front  *contract.Front
	hosts  *registry.Hosts
	calls  *calls
	logs   *syncBuffer
}

// calls counts the requests to the API server, watches and leases aside.
type calls struct {
	mu  sync.Mutex
	all []string
}

func (c *calls) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("watch") == "" && !strings.Contains(r.URL.Path, "/leases") {
			c.mu.Lock()
			c.all = append(c.all, r.Method+" "+r.URL.Path)
			c.mu.Unlock()
		}
		return next.RoundTrip(r)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// take returns the requests since it was called last that hold a text.
func (c *calls) take(method string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, s := range c.all {
		if strings.HasPrefix(s, method) {
			out = append(out, s)
		}
	}
	c.all = nil
	return out
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func scheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func memory() http.Handler { return distribution.New() }

func newRig(t *testing.T, config *rest.Config, ns string, next http.Handler) *rig {
	t.Helper()
	c, err := client.New(config, client.Options{Scheme: scheme(t)})
	if err != nil {
		t.Fatal(err)
	}
	front := contract.NewFront(t, next)
	return &rig{t: t, config: config, client: c, ns: ns, front: front, hosts: front.Hosts(), calls: &calls{}, logs: &syncBuffer{}}
}

// shared is a rig on the control plane of all tests, in a namespace of its own.
func shared(t *testing.T, next http.Handler) *rig {
	t.Helper()
	t.Parallel() // they mostly wait
	return newRig(t, controlplane.Shared(t), controlplane.Namespace(t), next)
}

// replica is one running controller.
type replica struct {
	url  string // of its artifact server
	stop func()
}

func testLogger(r *rig) logr.Logger {
	return funcr.New(func(prefix, args string) { _, _ = fmt.Fprintln(r.logs, prefix, args) }, funcr.Options{Verbosity: 1})
}

// run starts a controller, wired as the real program wires it.
func (r *rig) run(change ...func(*manager.Options)) *replica {
	r.t.Helper()
	logger := testLogger(r)
	counted := rest.CopyConfig(r.config)
	counted.Wrap(r.calls.wrap)
	always := true
	o := manager.Options{
		Scheme: scheme(r.t), Metrics: server.Options{BindAddress: "0"}, Logger: logger,
		Controller: config.Controller{SkipNameValidation: &always},
		Cache:      cache.Options{DefaultNamespaces: map[string]cache.Config{r.ns: {}}},
	}
	for _, f := range change {
		f(&o)
	}
	mgr, err := ctrl.NewManager(counted, o)
	r.must(err)
	c := registry.NewClient(registry.Options{Hosts: r.hosts})
	poller := registry.NewPoller(c, r.hosts.Alias)
	r.hosts.OnChange(poller.Retry)
	catalog, err := imagerepository.Add(r.t.Context(), mgr, imagerepository.Options{
		Poller: poller, Registry: contract.NewExporter(r.t, c),
		Nudge: poller.Nudge, ArtifactURL: "http://artifacts.test", Path: artifact.Path,
	})
	r.must(err)
	store, err := artifact.OpenCache(r.t.TempDir(), 1<<30)
	r.must(err)
	s := contract.NewFront(r.t, artifact.New(artifact.Options{Source: catalog, Cache: store, Notify: catalog.Heard, Log: logger}))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- poller.Start(ctx) }()
	go func() { done <- mgr.Start(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		s.Close()
		for range 2 {
			if err := <-done; err != nil {
				r.t.Error(err)
			}
		}
	})
	r.t.Cleanup(stop)
	if !mgr.GetCache().WaitForCacheSync(ctx) {
		r.t.Fatal("the cache did not fill")
	}
	return &replica{url: s.URL, stop: stop}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// object makes an ImageRepository for an image of the front, polled every second unless changed.
func (r *rig) object(name, img string, change ...func(*v1alpha1.ImageRepository)) {
	r.t.Helper()
	o := &v1alpha1.ImageRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.ns, Name: name},
		Spec:       v1alpha1.ImageRepositorySpec{Image: contract.Host + "/" + img, Interval: metav1.Duration{Duration: time.Second}},
	}
	for _, f := range change {
		f(o)
	}
	r.must(r.client.Create(r.t.Context(), o))
}

func (r *rig) get(name string) *v1alpha1.ImageRepository {
	r.t.Helper()
	o := &v1alpha1.ImageRepository{}
	r.must(r.client.Get(r.t.Context(), types.NamespacedName{Namespace: r.ns, Name: name}, o))
	return o
}

// until waits for an object to be as told, and returns it.
func (r *rig) until(name, what string, ok func(*v1alpha1.ImageRepository) bool) *v1alpha1.ImageRepository {
	r.t.Helper()
	var o *v1alpha1.ImageRepository
	r.eventually(fmt.Sprintf("%s: %s", name, what), func() bool {
		o = r.get(name)
		return ok(o)
	}, func() string { return fmt.Sprintf("%+v\n%s", o.Status, r.logs) })
	return o
}

func (r *rig) eventually(what string, ok func() bool, is func() string) {
	r.t.Helper()
	err := wait.PollUntilContextTimeout(r.t.Context(), 20*time.Millisecond, soon, true, func(context.Context) (bool, error) { return ok(), nil })
	if err != nil {
		r.t.Fatalf("waiting for %s: %v\n%s", what, err, is())
	}
}

func condition(o *v1alpha1.ImageRepository, kind string) metav1.Condition {
	for _, c := range o.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return metav1.Condition{}
}

// reasoned waits for Ready to have a reason.
func reasoned(reason string) func(*v1alpha1.ImageRepository) bool {
	return func(o *v1alpha1.ImageRepository) bool { return condition(o, "Ready").Reason == reason }
}

func at(digest string) func(*v1alpha1.ImageRepository) bool {
	return func(o *v1alpha1.ImageRepository) bool {
		return o.Status.Artifact != nil && image.DigestOf(o.Status.Artifact.Revision) == digest && reasoned("Ready")(o)
	}
}

func (r *rig) push(repositoryTag, text string) string {
	r.t.Helper()
	return contract.Push(r.t, r.front.URL, repositoryTag, contract.Image(r.t, contract.Files{"index.html": text}))
}

func (r *rig) pullSecret(name, user string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.ns, Name: name}, Type: corev1.SecretTypeDockerConfigJson,
		Data: map[string][]byte{corev1.DockerConfigJsonKey: fmt.Appendf(nil, `{"auths":{%q:{"username":%q,"password":%q}}}`, contract.Host, user, canary)},
	}
}

// hook sends a notification, and wants it taken.
func (r *rig) hook(rep *replica, body string) {
	r.t.Helper()
	resp, err := http.Post(rep.url+"/hooks/registry", "application/vnd.docker.distribution.events.v1+json", strings.NewReader(body))
	r.must(err)
	r.must(resp.Body.Close())
	if resp.StatusCode != http.StatusAccepted {
		r.t.Errorf("hook answered %s", resp.Status)
	}
}

// fetch gets an artifact by the path in a status.
func (r *rig) fetch(rep *replica, path string) (int, []byte) {
	r.t.Helper()
	resp, err := http.Get(rep.url + "/" + path)
	r.must(err)
	body, err := io.ReadAll(resp.Body)
	r.must(err)
	r.must(resp.Body.Close())
	return resp.StatusCode, body
}

// private wants a user "me" with the canary for a password.
func private(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != "me" || p != canary {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprintf(w, `{"errors":[{"code":"UNAUTHORIZED","message":"no: %s"}]}`, r.Header.Get("Authorization"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
