// SPDX-License-Identifier: Apache-2.0

package imageadmission

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/testkit/controlplane"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	controlplane.Main(m)
}

// rig is an inventory on a real API server.
type rig struct {
	*Inventory
	t      *testing.T
	client client.Client
	ns     string
	looks  *registries
}

func newRig(t *testing.T) *rig {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	config := controlplane.Shared(t)
	r := &rig{t: t, ns: controlplane.Namespace(t), looks: &registries{}}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme, Logger: logr.Discard(), Metrics: server.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.client, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	if r.Inventory, err = Add(t.Context(), mgr, Options{Looks: r.looks}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r
}

// create makes an object of YAML, which goes with the test.
func (r *rig) create(o client.Object, text string) {
	r.t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), o); err != nil {
		r.t.Fatal(err)
	}
	if err := r.client.Create(r.t.Context(), o); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = r.client.Delete(context.Background(), o) })
}

func (r *rig) until(what string, fact func() bool) {
	r.t.Helper()
	err := wait.PollUntilContextTimeout(r.t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) { return fact(), nil })
	if err != nil {
		r.t.Fatalf("waiting until %s: %v", what, err)
	}
}

// policy makes one for this namespace; its name ends as the namespace does.
func (r *rig) policy(name, more string) *v1alpha1.ImageClonePolicy {
	p := &v1alpha1.ImageClonePolicy{}
	r.create(p, fmt.Sprintf(`{metadata: {name: %s-%s}, spec: {target: {pullName: reg.example.com/m}, `+
		`match: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}}%s}}`, name, r.ns, r.ns, more))
	return p
}

func (r *rig) named(name string) *clone.Policy {
	for _, p := range r.Policies() {
		if p.Name == name+"-"+r.ns {
			return p
		}
	}
	return nil
}

func TestPoliciesAreFollowed(t *testing.T) {
	r := newRig(t)
	low, high := r.policy("low", ""), r.policy("high", ", priority: 5")
	r.until("both are there", func() bool { return r.named("low") != nil && r.named("high") != nil })
	before := map[string]int{}
	for i, p := range r.Policies() {
		before[p.Name] = i
	}
	if before[high.Name] > before[low.Name] {
		t.Error("the lower comes first")
	}
	low.Spec.Match.PodSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"not a label": "x"}}
	if err := r.client.Update(t.Context(), low); err != nil {
		t.Fatal(err)
	}
	r.until("what cannot be followed is not", func() bool { return r.named("low") == nil })
	if r.named("high") == nil {
		t.Error("a mistake in one policy took another away")
	}
}

func TestWhoMadeAPod(t *testing.T) {
	r := newRig(t)
	r.policy("p", "")
	r.until("there is a policy", func() bool { return r.named("p") != nil })
	const spec = `{containers: [{name: a, image: a}], restartPolicy: %s}`
	template := func(restart string) string {
		return `template: {metadata: {labels: {a: b}}, spec: ` + fmt.Sprintf(spec, restart) + `}`
	}
	of := func(group, kind, name string) string {
		return fmt.Sprintf(`ownerReferences: [{apiVersion: %s/v1, kind: %s, name: %s, uid: u, controller: true}]`, group, kind, name)
	}
	owned := func(kind, name string) string { return of("example.com", kind, name) }
	apps := map[string]client.Object{}
	for kind, text := range map[string]string{
		"Deployment":  `{metadata: {name: web, namespace: %s}, spec: {replicas: 0, selector: {matchLabels: {a: b}}, ` + template("Always") + `}}`,
		"StatefulSet": `{metadata: {name: db, namespace: %s, ` + owned("Cluster", "pg") + `}, spec: {replicas: 0, serviceName: db, selector: {matchLabels: {a: b}}, ` + template("Always") + `}}`,
		"CronJob":     `{metadata: {name: nightly, namespace: %s}, spec: {schedule: "0 0 1 1 *", jobTemplate: {spec: {` + template("Never") + `}}}}`,
	} {
		apps[kind] = made[kind]()
		r.create(apps[kind], fmt.Sprintf(text, r.ns))
	}
	// The garbage collector ends what names an owner that is another.
	r.create(made["Job"](), fmt.Sprintf(`{metadata: {name: nightly-1, namespace: %s, ownerReferences: [`+
		`{apiVersion: batch/v1, kind: CronJob, name: nightly, uid: %s, controller: true}]}, spec: {suspend: true, %s}}`,
		r.ns, apps["CronJob"].GetUID(), template("Never")))
	for name, c := range map[string]struct {
		why, owner, labels string
		want               clone.Subject
	}{
		"Bare":        {"nobody made it", "", "", clone.Subject{Kind: "Pod", Name: "pod"}},
		"Deployment":  {"through its ReplicaSet", of("apps", "ReplicaSet", "web-5d4f"), `pod-template-hash: 5d4f`, clone.Subject{Kind: "Deployment", Name: "web"}},
		"ReplicaSet":  {"one that no Deployment made", of("apps", "ReplicaSet", "web-5d4f"), ``, clone.Subject{Kind: "Pod", Name: "pod", Owner: "ReplicaSet/web-5d4f"}},
		"StatefulSet": {"which an operator made", of("apps", "StatefulSet", "db"), ``, clone.Subject{Kind: "StatefulSet", Name: "db", Owner: "Cluster/pg"}},
		"CronJob":     {"through a Job", of("batch", "Job", "nightly-1"), ``, clone.Subject{Kind: "CronJob", Name: "nightly"}},
		"Operator":    {"which makes pods itself", owned("Cluster", "pg"), ``, clone.Subject{Kind: "Pod", Name: "pod", Owner: "Cluster/pg"}},
		"OtherGroup":  {"the Deployment of that name is none of its", owned("Deployment", "web"), ``, clone.Subject{Kind: "Pod", Name: "pod", Owner: "Deployment/web"}},
		"OtherSet":    {"nor is it through a ReplicaSet of that group", owned("ReplicaSet", "web-5d4f"), `pod-template-hash: 5d4f`, clone.Subject{Kind: "Pod", Name: "pod", Owner: "ReplicaSet/web-5d4f"}},
		"Gone":        {"whoever made it is not there", of("apps", "DaemonSet", "gone"), ``, clone.Subject{Kind: "DaemonSet", Name: "gone"}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{}
			if err := yaml.Unmarshal([]byte(`{metadata: {name: pod, labels: {`+c.labels+`}, `+c.owner+`}, spec: `+fmt.Sprintf(spec, "Always")+`}`), pod); err != nil {
				t.Fatal(err)
			}
			var got clone.Subject
			sub := *r
			sub.t = t
			sub.until("memory has what was made: "+c.why, func() bool {
				_, in := r.Incoming(t.Context(), r.ns, pod, nil)
				got = in.Subject
				return got.Kind == c.want.Kind && got.Name == c.want.Name && got.Owner == c.want.Owner
			})
			if got.NamespaceLabels["kubernetes.io/metadata.name"] != r.ns {
				t.Errorf("the namespace has labels %v", got.NamespaceLabels)
			}
		})
	}
}

// record writes how a copy is.
func (r *rig) record(c clone.Choice, policy string, s v1alpha1.ClonedImageStatus) {
	r.t.Helper()
	o := &v1alpha1.ClonedImage{}
	r.create(o, fmt.Sprintf(`{metadata: {generateName: %s-}, spec: {origin: %q, target: %q, policy: %q}}`,
		r.ns, clone.FullName(c.Origin), clone.FullName(c.Copy), policy))
	o.Status = s
	if err := r.client.Status().Update(r.t.Context(), o); err != nil {
		r.t.Fatal(err)
	}
	r.until("memory has it", func() bool {
		got := r.Inventory.record(r.t.Context(), c)
		return got != nil && got.Status.State == s.State
	})
}

func TestHowCopiesAre(t *testing.T) {
	r := newRig(t)
	lately := metav1.Now()
	ready := v1alpha1.ClonedImageStatus{State: v1alpha1.StateReady, Digest: digest, LastVerified: &lately}
	gone := &image.Failure{Reason: image.ReasonNotFound, Detail: "404"}
	of := func(s v1alpha1.CloneState, reason string) v1alpha1.ClonedImageStatus {
		out := ready
		if out.State, out.Reason, out.Message = s, reason, "words"; s == v1alpha1.StatePending || s == v1alpha1.StateFailed {
			out.Digest = ""
		}
		return out
	}
	stale, lost := ready, ready
	stale.LastVerified = nil
	lost.Conditions = []metav1.Condition{{Type: v1alpha1.SourceAvailableCondition, Status: metav1.ConditionFalse, Reason: v1alpha1.SourceNotFoundReason, LastTransitionTime: lately}}
	for name, c := range map[string]struct {
		why            string
		status         v1alpha1.ClonedImageStatus
		order          clone.Order
		other          bool // the record is of another policy
		copies, origin error
		want           clone.Known
		reason         string
		asked, begged  int64
	}{
		"Ready":      {"verified lately: nobody is asked", ready, clone.TargetFirst, false, gone, gone, clone.Known{There: true, Digest: digest}, "", 0, 0},
		"Stale":      {"long ago: the target is asked", stale, clone.TargetFirst, false, nil, gone, clone.Known{There: true, Digest: digest}, "", 1, 0},
		"LostCopy":   {"and has lost it", stale, clone.TargetFirst, false, gone, nil, clone.Known{Digest: digest}, image.ReasonNotFound, 1, 0},
		"Pending":    {"on its way", of(v1alpha1.StatePending, ""), clone.TargetFirst, false, nil, nil, clone.Known{}, "", 0, 0},
		"Failed":     {"it could not be copied", of(v1alpha1.StateFailed, v1alpha1.UnauthorizedReason), clone.TargetFirst, false, nil, nil, clone.Known{}, v1alpha1.UnauthorizedReason, 0, 0},
		"Drifted":    {"what somebody else put there is not ours", of(v1alpha1.StateDrifted, v1alpha1.DriftedReason), clone.TargetFirst, false, nil, nil, clone.Known{}, v1alpha1.DriftedReason, 0, 0},
		"Unused":     {"until this pod uses it", of(v1alpha1.StateUnused, ""), clone.TargetFirst, false, nil, nil, clone.Known{There: true, Digest: digest}, "", 0, 0},
		"Other":      {"another policy has other credentials", ready, clone.TargetFirst, true, nil, nil, clone.Known{}, "", 0, 0},
		"Origin":     {"the original is there", ready, clone.OriginFirst, false, nil, nil, clone.Known{There: true, Digest: digest}, "", 0, 1},
		"OriginDown": {"the original's registry is down", ready, clone.OriginFirst, false, nil, gone, clone.Known{There: true, Digest: digest, OriginLost: true}, "", 0, 1},
		"OriginLost": {"and is known to have lost it", lost, clone.OriginFirst, false, nil, nil, clone.Known{There: true, Digest: digest, OriginLost: true}, "", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			sub := *r
			sub.t = t
			ch := choice(t, "docker.io/"+r.ns+"/x:"+name)
			ch.Policy.Order = c.order
			policy := "mirror"
			if c.other {
				policy = "other"
			}
			sub.record(ch, policy, c.status)
			looks := &registries{copies: c.copies, origins: c.origin}
			r.seen.looks = looks
			got := r.Known(t.Context(), []clone.Choice{ch})(ch)
			if reason := reasonOf(got.Failure); reason != c.reason {
				t.Errorf("%s: the failure is %q, want %q", c.why, reason, c.reason)
			}
			if got.Failure = nil; got != c.want {
				t.Errorf("%s: %+v, want %+v", c.why, got, c.want)
			}
			if looks.asked.Load() != c.asked || looks.begged.Load() != c.begged {
				t.Errorf("%s: asked the target %d times, the origin %d", c.why, looks.asked.Load(), looks.begged.Load())
			}
		})
	}
	if got := r.Known(t.Context(), []clone.Choice{choice(t, "never/seen")})(choice(t, "never/seen")); got != (clone.Known{}) {
		t.Errorf("an image that nobody copied is %+v", got)
	}
}

func reasonOf(f *image.Failure) string {
	if f == nil {
		return ""
	}
	return f.Reason
}
