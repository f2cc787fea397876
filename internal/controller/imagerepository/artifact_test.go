// SPDX-License-Identifier: Apache-2.0

package imagerepository_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"rhumb.run/rhumb/api/source/v1alpha1"
	"rhumb.run/rhumb/internal/artifact"
	"rhumb.run/rhumb/internal/controller/imagerepository"
	"rhumb.run/rhumb/internal/registry"
	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/testkit/controlplane"
)

func TestArtifact(t *testing.T) {
	r := shared(t, memory())
	one := r.push("apps/demo", "one")
	secret := r.push("apps/secret", "of another team")
	rep := r.run()
	r.object("demo", "apps/demo")
	o := r.until("demo", "resolved", at(one))
	r.front.Asked()
	for range 2 {
		code, body := r.fetch(rep, o.Status.Artifact.Path)
		if code != http.StatusOK {
			t.Fatalf("%d %s", code, body)
		}
		if diff := cmp.Diff(map[string]string{"index.html": "644 one"}, contract.Untar(t, body)); diff != "" {
			t.Error(diff)
		}
	}
	pulls := 0
	for _, a := range r.front.Asked() {
		if strings.HasPrefix(a, "GET ") {
			pulls++
		}
	}
	if pulls != 2 {
		t.Errorf("two fetches pulled %d times, want the manifest and the layer once", pulls)
	}
	two := r.push("apps/demo", "two")
	r.until("demo", "moved", at(two))
	if code, body := r.fetch(rep, o.Status.Artifact.Path); code != http.StatusOK || contract.Untar(t, body)["index.html"] != "644 one" {
		t.Errorf("who still holds the old revision gets %d", code)
	}
	fresh := r.run() // another replica, which never saw the old digest
	if code, body := r.fetch(fresh, o.Status.Artifact.Path); code != http.StatusOK || contract.Untar(t, body)["index.html"] != "644 one" {
		t.Errorf("another replica answers %d: %s", code, body)
	}
	for path, why := range map[string]string{
		artifact.Path(r.ns, "demo", secret):                              "no image of another repository",
		artifact.Path(r.ns, "other", one):                                "no object, no image",
		artifact.Path(r.ns, "demo", "sha256:"+strings.Repeat("0", 64)):   "no such digest",
		"imagerepository/" + r.ns + "/demo/latest.tar.gz":                "a tag is no digest",
		"imagerepository/" + r.ns + "/demo/..%2f..%2fetc%2fpasswd":       "a name is no path",
		"imagerepository/" + r.ns + "/../" + r.ns + "/demo/index.tar.gz": "nor are two",
	} {
		if code, body := r.fetch(rep, path); code != http.StatusNotFound {
			t.Errorf("%s: %d %.100s", why, code, body)
		}
	}
	r.must(r.client.Delete(t.Context(), r.get("demo")))
	r.eventually("the artifact to go with its object", func() bool {
		code, _ := r.fetch(rep, o.Status.Artifact.Path)
		return code == http.StatusNotFound
	}, r.logs.String)
}

// A layer that is not what its digest says is found when it is unpacked, and the object says so.
func TestForgedLayer(t *testing.T) {
	r := shared(t, memory())
	digest := r.push("apps/demo", "one")
	rep := r.run()
	r.object("demo", "apps/demo")
	o := r.until("demo", "resolved", at(digest))
	r.front.Fault(func(w http.ResponseWriter, q *http.Request, next http.Handler) {
		if q.Method == http.MethodGet && strings.Contains(q.URL.Path, "/blobs/") {
			_, _ = w.Write([]byte("forged"))
			return
		}
		next.ServeHTTP(w, q)
	})
	code, body := r.fetch(rep, o.Status.Artifact.Path)
	if code != http.StatusBadGateway || !strings.HasPrefix(string(body), "DigestMismatch: ") {
		t.Errorf("%d %s", code, body)
	}
	bad := r.until("demo", "not ready", reasoned("DigestMismatch"))
	if c := condition(bad, "ArtifactAvailable"); c.Status != "False" || c.Reason != "DigestMismatch" || condition(bad, "ImageResolved").Status != "True" {
		t.Errorf("%+v", bad.Status.Conditions)
	}
	r.front.Fault(nil)
	if code, body := r.fetch(rep, o.Status.Artifact.Path); code != http.StatusOK {
		t.Errorf("the true layer: %d %s", code, body)
	}
	r.until("demo", "ready again", at(digest))
}

// The text that the simple supply chain's page ends with, and what is seen instead.
func TestLocalRegistry(t *testing.T) {
	t.Parallel()
	plane := controlplane.New(t)
	r := newRig(t, plane.Config(), plane.Namespace(t), memory())
	r.hosts = registry.NewHosts()
	digest := r.push("apps/demo", "one")
	announcer, err := registry.NewAnnouncer(r.config, r.hosts, true, testLogger(r))
	r.must(err)
	go func() { _ = announcer.Start(t.Context()) }()
	r.run()
	minutely := func(o *v1alpha1.ImageRepository) {
		o.Spec.Image, o.Spec.Interval.Duration = "localhost:5000/apps/demo", time.Minute
	}
	r.object("demo", "", minutely)
	o := r.until("demo", "failing", reasoned("Unreachable"))
	if m := condition(o, "Ready").Message; !strings.HasPrefix(m, `unable to resolve image "localhost:5000/apps/demo": https://localhost:5000: `) || !strings.Contains(m, "registries file") {
		t.Errorf("message: %s", m)
	}
	if c := condition(o, "ArtifactAvailable"); c.Status != "Unknown" || c.Reason != "Initializing" {
		t.Errorf("%+v", c)
	}
	announce := func(text string) *corev1.ConfigMap {
		return &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: registry.AnnouncedNamespace, Name: registry.AnnouncedName},
			Data:       map[string]string{registry.AnnouncedKey: text},
		}
	}
	r.must(r.client.Create(t.Context(), announce(`host: "localhost:5000"`)))
	r.until("demo", "a fix that fits", func(o *v1alpha1.ImageRepository) bool {
		return strings.Contains(condition(o, "Ready").Message, "add that")
	})
	r.must(r.client.Update(t.Context(), announce("host: localhost:5000\nhostFromClusterNetwork: "+strings.TrimPrefix(r.front.URL, "http://"))))
	o = r.until("demo", "ready without a restart, nor a wait for the interval", at(digest))
	if want := "localhost:5000/apps/demo:latest@" + digest; o.Status.Artifact.Revision != want {
		t.Errorf("revision %s, want the name that the kubelet knows: %s", o.Status.Artifact.Revision, want)
	}
}

// A hook may reach a replica that does not poll: it passes the word on through the object.
func TestHookAtStandby(t *testing.T) {
	r := shared(t, memory())
	one := r.push("apps/demo", "one")
	leads := func(o *manager.Options) {
		o.LeaderElection, o.LeaderElectionID, o.LeaderElectionNamespace = true, "test", r.ns
		o.LeaderElectionReleaseOnCancel = true
	}
	r.run(leads)
	hourly := func(o *v1alpha1.ImageRepository) { o.Spec.Interval.Duration = time.Hour }
	r.object("demo", "apps/demo", hourly)
	r.object("twin", "apps/demo", hourly)
	r.until("demo", "resolved", at(one))
	r.until("twin", "resolved", at(one))
	standby := r.run(leads)
	two := r.push("apps/demo", "two")
	r.hook(standby, `{"repository":{"repo_name":"apps/demo"},"push_data":{"tag":"latest"}}`)
	r.until("demo", "moved", at(two))
	r.until("twin", "moved too", at(two))
	notes := 0
	for _, name := range []string{"demo", "twin"} {
		if r.get(name).Annotations[imagerepository.LookAnnotation] != "" {
			notes++
		}
	}
	if notes != 1 {
		t.Errorf("%d notes for one image", notes)
	}
}
