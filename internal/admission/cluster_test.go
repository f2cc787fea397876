// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	clocktesting "k8s.io/utils/clock/testing"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/testkit/controlplane"
)

func TestMain(m *testing.M) { controlplane.Main(m) }

// bed is an API server that asks a webhook of the test's own about the test's
// own objects, and takes no for an answer if it gets none.
type bed struct {
	t       *testing.T
	clients kubernetes.Interface
	objects dynamic.NamespaceableResourceInterface
	ns      string
	clock   *clocktesting.FakeClock
}

func newBed(t *testing.T, clock *clocktesting.FakeClock) *bed {
	t.Helper()
	config := controlplane.Shared(t)
	ns := controlplane.Namespace(t)
	dynamics, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return &bed{t, clients, dynamics.Resource(v1alpha1.SchemeGroupVersion.WithResource("clustertemplates")), ns, clock}
}

// replica runs a keeper, and a server if there is a listener.
func (b *bed) replica(listener net.Listener) *Keeper {
	k := &Keeper{
		Clients: b.clients, Namespace: b.ns, Secret: "rhumb-webhook", Configuration: b.ns,
		Names: []string{"rhumb-webhook." + b.ns + ".svc", "127.0.0.1"}, Clock: b.clock, Log: testr.New(b.t),
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- k.Start(ctx) }()
	parts := 1
	if listener != nil {
		parts++
		go func() { ended <- (&Server{Listener: listener, Certificate: k.Certificate}).Start(ctx) }()
	}
	b.t.Cleanup(func() {
		cancel()
		for ; parts > 0; parts-- {
			if err := <-ended; err != nil {
				b.t.Error(err)
			}
		}
	})
	return k
}

// asks lets the API server ask us about objects that carry the test's label.
func (b *bed) asks(listener net.Listener) {
	b.t.Helper()
	url, fail, none := "https://"+listener.Addr().String()+templates, admissionregistrationv1.Fail, admissionregistrationv1.SideEffectClassNone
	configurations := b.clients.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	_, err := configurations.Create(context.Background(), &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: b.ns, Annotations: map[string]string{foreignInjection: "elsewhere/other", "kept": "yes"}},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name:           "template-validator.cartographer.com",
			ClientConfig:   admissionregistrationv1.WebhookClientConfig{URL: &url},
			ObjectSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"bed": b.ns}},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{"CREATE", "UPDATE"},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{"carto.run"}, APIVersions: []string{"v1alpha1"}, Resources: []string{"clustertemplates"}},
			}},
			FailurePolicy: &fail, SideEffects: &none, AdmissionReviewVersions: []string{"v1"},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = configurations.Delete(context.Background(), b.ns, metav1.DeleteOptions{}) })
}

const unreadable = "invalid template: failed to interpolate template at path [a]: evaluate tag $()$: empty jsonpath not allowed"

// ask tries to write a template that only the webhook refuses. The error is nil
// if it did, for the right reason.
func (b *bed) ask() error {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "carto.run/v1alpha1", "kind": "ClusterTemplate",
		"metadata": map[string]any{"name": b.ns, "labels": map[string]any{"bed": b.ns}},
		"spec":     map[string]any{"template": map[string]any{"kind": "A", "a": "$()$"}},
	}}
	_, err := b.objects.Create(context.Background(), o, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil && strings.Contains(err.Error(), `admission webhook "template-validator.cartographer.com" denied the request: `+unreadable) {
		return nil
	}
	if err == nil {
		return apierrors.NewBadRequest("it was let in")
	}
	return err
}

func (b *bed) until(what string, fact func() bool) {
	b.t.Helper()
	err := wait.PollUntilContextTimeout(context.Background(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) { return fact(), nil })
	if err != nil {
		b.t.Fatalf("waiting until %s: %v", what, err)
	}
}

func (b *bed) secret() *corev1.Secret {
	s, err := b.clients.CoreV1().Secrets(b.ns).Get(context.Background(), "rhumb-webhook", metav1.GetOptions{})
	if err != nil {
		return &corev1.Secret{}
	}
	return s
}

// shows tells whether a replica shows the certificate of the Secret.
func (b *bed) shows(k *Keeper) bool {
	c, _ := k.Certificate(nil)
	leaf := certificates(b.secret().Data[certKey])
	return c != nil && len(leaf) == 1 && bytes.Equal(c.Certificate[0], leaf[0].Raw)
}

func (b *bed) configuration() *admissionregistrationv1.ValidatingWebhookConfiguration {
	b.t.Helper()
	c, err := b.clients.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(context.Background(), b.ns, metav1.GetOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *bed) believed() bool {
	return !differs(b.configuration(), b.secret().Data[bundleKey])
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A certificate is replaced while the API server keeps asking: no question
// fails. The clock is ours; the API server's is the real one, so that ours
// begins in the past.
func TestRotation(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now().Add(-renewal - 2*settling))
	b := newBed(t, clock)
	listener := listen(t)
	b.asks(listener)
	k := b.replica(listener)
	other := b.replica(nil)
	b.until("the webhook is believed", func() bool { return b.ask() == nil })
	if a := b.configuration().Annotations; a[foreignInjection] != "" || a["kept"] != "yes" {
		t.Errorf("annotations are %v: others still inject their CA, or lost what is theirs", a)
	}
	first := b.secret()

	var asked atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for ; ctx.Err() == nil; asked.Add(1) {
			if err := b.ask(); err != nil { //nolint:contextcheck // the last question may end after the test.
				failed <- err
				return
			}
		}
	}()
	more := func() {
		n := asked.Load()
		b.until("questions were asked", func() bool { return asked.Load() > n+20 || len(failed) > 0 })
	}
	clock.Step(renewal + time.Second)
	b.until("the next certificate is there and believed", func() bool { return len(b.secret().Data[nextCertKey]) > 0 && b.believed() })
	if !b.shows(k) || !bytes.Equal(first.Data[certKey], b.secret().Data[certKey]) {
		t.Error("the next certificate is shown before everybody had time to believe it")
	}
	more()
	next := b.secret().Data[nextCertKey]
	b.until("the replica waits for its clock", clock.HasWaiters)
	clock.Step(settling + time.Second)
	b.until("both replicas show it", func() bool {
		return bytes.Equal(b.secret().Data[certKey], next) && b.shows(k) && b.shows(other)
	})
	more()
	cancel()
	if err := <-failed; err != nil {
		t.Errorf("a question failed: %v", err)
	}
	if n := len(certificates(b.secret().Data[bundleKey])); n != 2 {
		t.Errorf("%d CAs are believed, want the new one, and the old one for whoever still shows its certificate", n)
	}
}

// Replicas that start at once agree on one certificate; when its Secret is
// gone, on another.
func TestReplicasShareOneSecret(t *testing.T) {
	b := newBed(t, clocktesting.NewFakeClock(time.Now()))
	listener := listen(t)
	b.asks(listener)
	var replicas []*Keeper
	for i := range 4 {
		l := net.Listener(nil)
		if i == 3 {
			l = listener
		}
		k := b.replica(l)
		replicas = append(replicas, k)
	}
	agreed := func() bool {
		for _, k := range replicas {
			if !b.shows(k) {
				return false
			}
		}
		return b.believed()
	}
	b.until("all replicas show the same", agreed)
	b.until("the API server believes it", func() bool { return b.ask() == nil })
	first := b.secret()
	if n := len(certificates(first.Data[bundleKey])); n != 1 || first.Type != corev1.SecretTypeTLS {
		t.Errorf("a Secret of type %s with %d CAs, want one of TLS with one", first.Type, n)
	}

	if err := b.clients.CoreV1().Secrets(b.ns).Delete(t.Context(), "rhumb-webhook", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.until("there is another", func() bool { s := b.secret(); return s.UID != "" && s.UID != first.UID })
	b.until("all replicas show it", agreed)
	b.until("the API server believes it", func() bool { return b.ask() == nil })
	if bytes.Equal(first.Data[certKey], b.secret().Data[certKey]) {
		t.Error("the certificate of the Secret that was deleted is shown again")
	}

	spoilt := b.secret()
	spoilt.Data = map[string][]byte{certKey: []byte("a"), keyKey: []byte("b")}
	if _, err := b.clients.CoreV1().Secrets(b.ns).Update(t.Context(), spoilt, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	b.until("what cannot be read is replaced", agreed)
	b.until("the API server believes it", func() bool { return b.ask() == nil })
}

// A folder's certificate is shown, and shown anew when it changes.
func TestFolder(t *testing.T) {
	if _, err := Folder(t.TempDir()); err == nil || !strings.Contains(err.Error(), "--cert-dir") {
		t.Errorf("an empty folder: %v, want a word of the flag", err)
	}
	dir := t.TempDir()
	first := writePair(t, dir)
	folder, err := Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	shown := func() []byte {
		c, err := folder.GetCertificate(&tls.ClientHelloInfo{})
		if err != nil {
			t.Fatal(err)
		}
		return c.Certificate[0]
	}
	if !bytes.Equal(shown(), first) {
		t.Error("another certificate is shown")
	}
	go func() { _ = folder.Start(t.Context()) }()
	second := writePair(t, dir)
	(&bed{t: t}).until("the new one is shown", func() bool { return bytes.Equal(shown(), second) })
}
