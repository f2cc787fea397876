// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	dto "github.com/prometheus/client_model/go"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/internal/testkit/controlplane"
)

// yard is a namespace whose pods the API server asks us about, as the installation has it.
type yard struct {
	t       *testing.T
	clients kubernetes.Interface
	ns      string
}

// newYard answers for pods with what a shelf has. stop ends the answering.
func newYard(t *testing.T, s *shelf, c clock.Clock) (y *yard, stop func()) {
	t.Helper()
	clients, err := kubernetes.NewForConfig(controlplane.Shared(t))
	if err != nil {
		t.Fatal(err)
	}
	y = &yard{t, clients, controlplane.Namespace(t)}
	listener := listen(t)
	y.asks(listener)
	k := &Keeper{
		Clients: clients, Namespace: y.ns, Secret: "rhumb-webhook", Configuration: y.ns, Mutating: y.ns,
		Names: []string{"127.0.0.1"}, Clock: c, Log: testr.New(t),
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- k.Start(ctx) }()
	go func() { ended <- (&Server{Listener: listener, Certificate: k.Certificate, Images: s}).Start(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stop)
	return y, stop
}

// asks installs the configuration that is shipped, for this namespace and at this address.
func (y *yard) asks(listener net.Listener) {
	y.t.Helper()
	text, err := os.ReadFile("../../config/install/webhook-pods.yaml")
	if err != nil {
		y.t.Fatal(err)
	}
	c := &admissionregistrationv1.MutatingWebhookConfiguration{}
	if err := yaml.UnmarshalStrict(text, c); err != nil {
		y.t.Fatal(err)
	}
	c.Name = y.ns
	url := "https://" + listener.Addr().String() + *c.Webhooks[0].ClientConfig.Service.Path
	c.Webhooks[0].ClientConfig = admissionregistrationv1.WebhookClientConfig{URL: &url}
	c.Webhooks[0].NamespaceSelector.MatchExpressions = append(c.Webhooks[0].NamespaceSelector.MatchExpressions, metav1.LabelSelectorRequirement{
		Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: []string{y.ns},
	})
	configurations := y.clients.AdmissionregistrationV1().MutatingWebhookConfigurations()
	if _, err := configurations.Create(context.Background(), c, metav1.CreateOptions{}); err != nil {
		y.t.Fatal(err)
	}
	y.t.Cleanup(func() { _ = configurations.Delete(context.Background(), y.ns, metav1.DeleteOptions{}) })
}

// make creates a pod; an account that is not there yet is waited for.
func (y *yard) make(pod *corev1.Pod) *corev1.Pod {
	y.t.Helper()
	var made *corev1.Pod
	y.until("a pod can be made", func() bool {
		var err error
		made, err = y.clients.CoreV1().Pods(y.ns).Create(context.Background(), pod, metav1.CreateOptions{})
		if err != nil {
			y.t.Log(err)
		}
		return err == nil
	})
	return made
}

func (y *yard) until(what string, fact func() bool) {
	y.t.Helper()
	err := wait.PollUntilContextTimeout(context.Background(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) { return fact(), nil })
	if err != nil {
		y.t.Fatalf("waiting until %s: %v", what, err)
	}
}

// simple is a pod of one container of nginx.
func simple(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: name + "-"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "nginx:1"}}},
	}
}

// answered waits until the API server believes us.
func (y *yard) answered() {
	y.t.Helper()
	y.until("the API server asks us", func() bool { return y.make(simple("probe")).Spec.Containers[0].Image != "nginx:1" })
}

const m = "reg.example.com/m/docker.io/library/"

// Every image of a pod, wherever it is named, is read from its copy, and what was written before stays on the pod.
func TestPodsOfTheAPIServer(t *testing.T) {
	s := newShelf(t, "docker.io/library/nginx:1", "docker.io/library/busybox:2", "docker.io/library/model:3")
	y, _ := newYard(t, s, clock.RealClock{})
	y.answered()
	pod := simple("web")
	pod.Spec.InitContainers = []corev1.Container{{Name: "i", Image: "busybox:2"}, {Name: "u", Image: "unknown:1"}}
	pod.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "model:3"}}}}
	pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "v", MountPath: "/v"}}
	pod.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "team"}}
	made := y.make(pod)
	if got := made.Spec.Containers[0].Image; got != m+"nginx:1" {
		t.Errorf("the container has %s", got)
	}
	if got := made.Spec.InitContainers; got[0].Image != m+"busybox:2" || got[1].Image != "unknown:1" {
		t.Errorf("init containers have %s, %s", got[0].Image, got[1].Image)
	}
	if got := made.Spec.Volumes[0].Image; got == nil || got.Reference != m+"model:3" {
		t.Errorf("the volume has %v", got)
	}
	if got := made.Annotations["rhumb.run/original-images"]; got != `{"a":"nginx:1","init:i":"busybox:2","volume:v":"model:3"}` {
		t.Errorf("originals are %s", got)
	}
	if got := made.Annotations["rhumb.run/image-clone-reason"]; got != "Copying: init:u: its copy is not there yet" {
		t.Errorf("why one was left: %q", got)
	}
	if got := made.Spec.ImagePullSecrets; len(got) != 2 || got[0].Name != "team" || got[1].Name != "pull" {
		t.Errorf("pull secrets are %v", got)
	}
}

// A container that is added to debug a pod is read from its copy; the pod itself stays as it is.
func TestDebuggedPod(t *testing.T) {
	y, _ := newYard(t, newShelf(t, "docker.io/library/nginx:1", "docker.io/library/busybox:2"), clock.RealClock{})
	y.answered()
	made := y.make(simple("web"))
	made.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "d", Image: "busybox:2"}}}
	got, err := y.clients.CoreV1().Pods(y.ns).UpdateEphemeralContainers(t.Context(), made.Name, made, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := got.Spec.EphemeralContainers[0].Image; got != m+"busybox:2" {
		t.Errorf("the debugging container has %s", got)
	}
}

// The kubelet's picture of a pod that it has from a file is none of ours.
func TestMirrorPodIsLeft(t *testing.T) {
	y, _ := newYard(t, newShelf(t, "docker.io/library/nginx:1"), clock.RealClock{})
	y.answered()
	pod := simple("static")
	pod.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "abc"}
	pod.Spec.NodeName = "somewhere"
	if got := y.make(pod); got.Spec.Containers[0].Image != "nginx:1" || len(got.Annotations) != 1 {
		t.Errorf("it is %s with %v", got.Spec.Containers[0].Image, got.Annotations)
	}
}

// A webhook that is down, or whose certificate has ended, keeps no pod from starting.
func TestPodsStartWithoutUs(t *testing.T) {
	t.Run("Down", func(t *testing.T) {
		y, stop := newYard(t, newShelf(t, "docker.io/library/nginx:1"), clock.RealClock{})
		y.answered()
		stop()
		if got := y.make(simple("web")); got.Spec.Containers[0].Image != "nginx:1" {
			t.Errorf("it has %s, and nobody was there to say so", got.Spec.Containers[0].Image)
		}
	})
	t.Run("Expired", func(t *testing.T) {
		past := clocktesting.NewFakeClock(time.Now().Add(-400 * 24 * time.Hour))
		y, _ := newYard(t, newShelf(t, "docker.io/library/nginx:1"), past)
		y.until("the certificate of long ago is announced", func() bool {
			c, err := y.clients.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(context.Background(), y.ns, metav1.GetOptions{})
			return err == nil && len(c.Webhooks[0].ClientConfig.CABundle) > 0
		})
		for range 3 {
			if got := y.make(simple("web")); got.Spec.Containers[0].Image != "nginx:1" {
				t.Errorf("it has %s by a certificate that has ended", got.Spec.Containers[0].Image)
			}
		}
		var shown dto.Metric // what an alert looks at
		if err := expires.Write(&shown); err != nil || shown.GetGauge().GetValue() > float64(time.Now().Unix()) {
			t.Errorf("the certificate is said to end at %v (%v)", shown.GetGauge(), err)
		}
	})
}
