// SPDX-License-Identifier: Apache-2.0

package imagerepository_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/source/v1alpha1"
	"rhumb.run/rhumb/internal/registry/contract"
)

func TestTagMoves(t *testing.T) {
	r := shared(t, memory())
	r.run()
	one := r.push("apps/demo", "one")
	r.object("demo", "apps/demo")
	o := r.until("demo", "resolved", at(one))
	hex := strings.TrimPrefix(one, "sha256:")
	path := "imagerepository/" + r.ns + "/demo/" + hex + ".tar.gz"
	want := v1alpha1.ImageRepositoryStatus{
		ObservedGeneration: 1, URL: "http://artifacts.test/" + path,
		Artifact: &v1alpha1.Artifact{
			URL: "http://artifacts.test/" + path, Path: path, Checksum: one,
			Revision: contract.Host + "/apps/demo:latest@" + one, LastUpdateTime: o.Status.Artifact.LastUpdateTime,
		},
	}
	for _, c := range []struct{ kind, reason string }{{"ArtifactAvailable", "Available"}, {"ImageResolved", "Resolved"}, {"Ready", "Ready"}} {
		want.Conditions = append(want.Conditions, metav1.Condition{
			Type: c.kind, Reason: c.reason, Status: "True", ObservedGeneration: 1,
			LastTransitionTime: condition(o, c.kind).LastTransitionTime,
		})
	}
	if diff := cmp.Diff(want, o.Status); diff != "" {
		t.Error(diff)
	}
	if o.Status.Artifact.LastUpdateTime.IsZero() {
		t.Error("no time of update")
	}
	two := r.push("apps/demo", "two")
	moved := r.until("demo", "moved within its interval", at(two))
	if moved.Status.Conditions[2].LastTransitionTime != o.Status.Conditions[2].LastTransitionTime {
		t.Error("Ready was True all the time, and its time moved")
	}
	asked := r.front.Asked()
	for _, a := range asked {
		if strings.HasPrefix(a, "GET /v2/apps/demo/") {
			t.Errorf("pulled for nobody: %s", a)
		}
	}
	if writes := r.calls.take("PATCH"); len(writes) != 2 {
		t.Errorf("two revisions, %d writes: %v", len(writes), writes)
	}
	r.eventually("events", func() bool {
		return strings.Contains(r.events(), "ImageRepository Normal StatusUpdated Updated status")
	}, r.events)
}

// events lists the events of the namespace.
func (r *rig) events() string {
	var list eventsv1.EventList
	r.must(r.client.List(r.t.Context(), &list, client.InNamespace(r.ns)))
	var b strings.Builder
	for _, e := range list.Items {
		fmt.Fprintln(&b, e.ReportingController, e.Type, e.Reason, e.Note)
	}
	return b.String()
}

func TestManyObjectsOnePoll(t *testing.T) {
	r := shared(t, memory())
	digest := r.push("apps/demo", "one")
	rep := r.run()
	r.front.Asked()
	hourly := func(o *v1alpha1.ImageRepository) { o.Spec.Interval.Duration = time.Hour }
	for i := range 50 {
		r.object(fmt.Sprint("demo-", i), "apps/demo", hourly)
	}
	for i := range 50 {
		r.until(fmt.Sprint("demo-", i), "resolved", at(digest))
	}
	if asked := r.front.Asked(); contract.Count(asked, http.MethodHead) != 1 || len(asked) != 1 {
		t.Errorf("50 objects of one image: %v", asked)
	}
	r.calls.take("")
	moved := r.push("apps/demo", "two")
	r.hook(rep, `{"events":[{"action":"push","target":{"mediaType":"application/vnd.oci.image.manifest.v1+json","repository":"apps/demo","tag":"latest"},"request":{"host":"`+contract.Host+`"}}]}`)
	for i := range 50 {
		r.until(fmt.Sprint("demo-", i), "moved at once by the hook, not in an hour", at(moved))
	}
	if writes := r.calls.take("PATCH"); len(writes) != 50 {
		t.Errorf("50 statuses changed, %d were written", len(writes))
	}
}

func TestRestartAtRest(t *testing.T) {
	r := shared(t, memory())
	digest := r.push("apps/demo", "one")
	first := r.run()
	r.object("demo", "apps/demo")
	r.object("bad", "apps/nope")
	r.until("demo", "resolved", at(digest))
	r.until("bad", "not found", reasoned("NotFound"))
	first.stop()
	r.calls.take("")
	r.front.Asked()
	r.run()
	var asked string
	r.eventually("polls after the restart", func() bool {
		asked += strings.Join(r.front.Asked(), " ")
		return strings.Count(asked, "apps/demo") > 2 && strings.Count(asked, "apps/nope") > 1
	}, func() string { return asked })
	if writes := append(r.calls.take("P"), r.calls.take("DELETE")...); len(writes) > 0 {
		t.Errorf("a restart at rest wrote: %v", writes)
	}
}

func TestOutageKeepsArtifact(t *testing.T) {
	r := shared(t, memory())
	digest := r.push("apps/demo", "one")
	r.run()
	r.object("demo", "apps/demo")
	good := r.until("demo", "resolved", at(digest))
	r.front.Fault(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusInternalServerError)
	})
	bad := r.until("demo", "failed", reasoned("RemoteError"))
	if diff := cmp.Diff(good.Status.Artifact, bad.Status.Artifact); diff != "" || bad.Status.URL == "" {
		t.Errorf("an outage changed what deployments use:\n%s", diff)
	}
	if c := condition(bad, "ArtifactAvailable"); c.Status != "True" {
		t.Errorf("the artifact is not: %+v", c)
	}
	for _, kind := range []string{"ImageResolved", "Ready"} {
		c := condition(bad, kind)
		if c.Status != "False" || !strings.HasPrefix(c.Message, `unable to resolve image "`+contract.Host+`/apps/demo": `+r.front.URL+": 500") {
			t.Errorf("%s: %+v", kind, c)
		}
	}
	r.front.Fault(nil)
	r.until("demo", "well again", at(digest))
}

func TestSpecNamesAnotherImage(t *testing.T) {
	r := shared(t, memory())
	digest := r.push("apps/demo", "one")
	r.run()
	r.object("demo", "apps/demo")
	o := r.until("demo", "resolved", at(digest))
	o.Spec.Image = contract.Host + "/apps/nope"
	r.must(r.client.Update(t.Context(), o))
	o = r.until("demo", "not found", reasoned("NotFound"))
	if o.Status.Artifact != nil || o.Status.URL != "" || o.Status.ObservedGeneration != 2 {
		t.Errorf("the old image is shown as the answer to the new spec: %+v", o.Status)
	}
	o.Spec.Image = "Not An Image"
	r.must(r.client.Update(t.Context(), o))
	r.until("demo", "refused", reasoned("InvalidImageReference"))
}

func TestSecretLater(t *testing.T) {
	r := shared(t, private(memory()))
	contract.Push(t, r.front.URL, "apps/demo", contract.Image(t, contract.Files{"a": "1"}), remote.WithAuth(&authn.Basic{Username: "me", Password: canary}))
	r.run()
	r.object("secret", "apps/demo", func(o *v1alpha1.ImageRepository) {
		o.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "pull"}}
	})
	r.object("account", "apps/demo", func(o *v1alpha1.ImageRepository) { o.Spec.ServiceAccountName = "puller" })
	r.object("nobody", "apps/demo")
	r.until("secret", "no secret", reasoned("SecretNotFound"))
	r.until("account", "no account", reasoned("ServiceAccountNotFound"))
	r.until("nobody", "refused", reasoned("Unauthorized"))

	r.must(r.client.Create(t.Context(), r.pullSecret("pull", "you")))
	o := r.until("secret", "refused", reasoned("Unauthorized"))
	if m := condition(o, "Ready").Message; !strings.Contains(m, "Secret "+r.ns+"/pull") || strings.Contains(m, canary) {
		t.Errorf("which credentials were refused: %s", m)
	}
	r.must(r.client.Update(t.Context(), r.pullSecret("pull", "me")))
	r.until("secret", "let in after the secret was mended, which nobody watches", reasoned("Ready"))

	r.must(r.client.Create(t.Context(), &corev1.ServiceAccount{
		ObjectMeta:       metav1.ObjectMeta{Namespace: r.ns, Name: "puller"},
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: "gone"}, {Name: "pull"}},
	}))
	r.until("account", "let in by its account's secret", reasoned("Ready"))

	account := &corev1.ServiceAccount{}
	account.Name, account.Namespace = "default", r.ns
	account.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "pull"}}
	if err := r.client.Create(t.Context(), account); err != nil { // the cluster makes it too
		r.must(r.client.Get(t.Context(), types.NamespacedName{Namespace: r.ns, Name: "default"}, account))
		account.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "pull"}}
		r.must(r.client.Update(t.Context(), account))
	}
	r.until("nobody", "let in by the default account", reasoned("Ready"))

	// At rest the API server is not asked, and the password is nowhere.
	r.calls.take("")
	r.front.Asked()
	polls := 0
	r.eventually("more polls", func() bool { polls += len(r.front.Asked()); return polls > 5 }, r.logs.String)
	if calls := r.calls.take(""); len(calls) > 0 {
		t.Errorf("at rest: %v", calls)
	}
	everything := r.events() + r.logs.String()
	for _, name := range []string{"secret", "account", "nobody"} {
		everything += fmt.Sprintf("%+v", r.get(name))
	}
	if strings.Contains(everything, canary) {
		t.Errorf("the password is in %s", everything)
	}
}
