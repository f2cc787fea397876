// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"rhumb.run/rhumb/internal/core/image"
)

// envPolicy is the image cloner as most people have it.
func envPolicy(t *testing.T, more ...string) *Policy {
	t.Helper()
	vars := map[string]string{EnvRegistry: "localhost:5000"}
	for i := 0; i < len(more); i += 2 {
		vars[more[i]] = more[i+1]
	}
	p, err := FromEnv(func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// deployment has a container for each image, named a, b, ….
func deployment(images ...string) Object {
	o := Object{
		Subject: Subject{Kind: "Deployment", Namespace: "demo", Name: "web"}, UID: "u", Version: "7",
		Own: map[string]string{}, Spec: &corev1.PodSpec{}, Ready: true,
	}
	for i, img := range images {
		o.Spec.Containers = append(o.Spec.Containers, corev1.Container{Name: string(rune('a' + i)), Image: img})
	}
	return o
}

func there(Choice) Known   { return Known{There: true, Digest: digest} }
func nowhere(Choice) Known { return Known{} }

func failed(Choice) Known {
	return Known{Failure: &image.Failure{Reason: image.ReasonNotFound, Detail: "404"}}
}

func TestDecide(t *testing.T) {
	quay := func(p *Policy) *Policy {
		p.Name, p.Target.Naming, p.ReadyFirst = "quay", HostPath, false
		p.Match.Images, _ = ParseGlobs([]string{"quay.io/**"}, nil)
		return p
	}
	strategy := func(s Strategy) *Policy { p := envPolicy(t); p.Strategy = s; return p }
	pinned := envPolicy(t)
	pinned.Pin, pinned.Refresh = true, Interval
	origins := envPolicy(t)
	origins.Order = OriginFirst
	except := func(change func(*Object)) Object { o := deployment("nginx"); change(&o); return o }
	cases := map[string]struct {
		why    string
		policy []*Policy
		object Object
		known  func(Choice) Known
		want   map[string]string // slot → why, or "→ image"
	}{
		"There":      {"a copy that is there is used", []*Policy{envPolicy(t)}, deployment("nginx:1"), there, map[string]string{"a": "→ localhost:5000/nginx:1"}},
		"Nowhere":    {"and not before", []*Policy{envPolicy(t)}, deployment("nginx:1"), nowhere, map[string]string{"a": ReasonCopying}},
		"Failed":     {"a failure keeps the original", []*Policy{envPolicy(t)}, deployment("nginx:1"), failed, map[string]string{"a": ReasonOriginKept}},
		"NotReady":   {"the image cloner of old waits for the object", []*Policy{envPolicy(t)}, except(func(o *Object) { o.Ready = false }), there, map[string]string{"a": ReasonNotReady}},
		"Copied":     {"a copy is not copied", []*Policy{envPolicy(t)}, deployment("localhost:5000/nginx:1"), there, map[string]string{"a": ReasonCopied}},
		"Alike":      {"what only begins like one is", []*Policy{envPolicy(t)}, deployment("localhost:50001/x:1"), there, map[string]string{"a": "→ localhost:5000/localhost_50001/x:1"}},
		"Except":     {"the cluster's own namespaces", []*Policy{envPolicy(t)}, except(func(o *Object) { o.Namespace = "kube-system" }), there, map[string]string{"a": ReasonNoPolicy}},
		"Storage":    {"and that one", []*Policy{envPolicy(t)}, except(func(o *Object) { o.Namespace = "local-path-storage" }), there, map[string]string{"a": ReasonNoPolicy}},
		"Skip":       {"and those that are named", []*Policy{envPolicy(t, EnvSkip, "x, demo")}, deployment("nginx"), there, map[string]string{"a": ReasonNoPolicy}},
		"Kind":       {"only Deployments", []*Policy{envPolicy(t)}, except(func(o *Object) { o.Kind = "DaemonSet" }), there, map[string]string{"a": ReasonNoPolicy}},
		"KindNamed":  {"unless more is asked for", []*Policy{envPolicy(t, EnvKinds, "Deployment,DaemonSet")}, except(func(o *Object) { o.Kind = "DaemonSet" }), there, map[string]string{"a": "→ localhost:5000/nginx:latest"}},
		"Owned":      {"an operator would put it back", []*Policy{envPolicy(t)}, except(func(o *Object) { o.Owner = "Cluster/pg" }), there, map[string]string{"a": ReasonOwned}},
		"CopyOnly":   {"a policy that only copies", []*Policy{strategy(None)}, deployment("nginx"), there, map[string]string{"a": ReasonCopyOnly}},
		"Admission":  {"or leaves it to the pods", []*Policy{strategy(Admission)}, deployment("nginx"), there, map[string]string{"a": ReasonAdmission}},
		"Auto":       {"what nobody owns is patched", []*Policy{strategy(Auto)}, deployment("nginx"), there, map[string]string{"a": "→ localhost:5000/nginx:latest"}},
		"AutoOwned":  {"what somebody owns is not", []*Policy{strategy(Auto)}, except(func(o *Object) { o.Owner = "App/x" }), there, map[string]string{"a": ReasonOwned}},
		"Never":      {"an image that is never pulled is on the node", []*Policy{envPolicy(t)}, except(func(o *Object) { o.Spec.Containers[0].ImagePullPolicy = corev1.PullNever }), there, map[string]string{"a": ReasonNeverPulled}},
		"Invalid":    {"nothing is known of what is no image, and its sibling goes on", []*Policy{envPolicy(t)}, deployment("Not An Image", "nginx"), there, map[string]string{"a": ReasonInvalid, "b": "→ localhost:5000/nginx:latest"}},
		"First":      {"of two policies the higher", []*Policy{envPolicy(t), quay(envPolicy(t, EnvRegistry, "reg.example.com"))}, deployment("quay.io/a/b", "nginx"), there, map[string]string{"a": "→ reg.example.com/quay.io/a/b:latest", "b": "→ localhost:5000/nginx:latest"}},
		"OthersCopy": {"what lies under another's target is a copy as well", []*Policy{envPolicy(t), quay(envPolicy(t, EnvRegistry, "reg.example.com"))}, deployment("reg.example.com/quay.io/a/b"), there, map[string]string{"a": ReasonCopied}},
		"Pinned":     {"a digest holds", []*Policy{pinned}, deployment("nginx:1"), there, map[string]string{"a": "→ localhost:5000/nginx:1@" + digest}},
		"PinnedWas":  {"one that was written stays", []*Policy{envPolicy(t)}, deployment("nginx:1@" + digest), there, map[string]string{"a": "→ localhost:5000/nginx:1@" + digest}},
		"Origin":     {"a policy may prefer originals", []*Policy{origins}, deployment("nginx"), there, map[string]string{"a": ReasonOriginKept}},
		"OriginLost": {"as long as they can be had", []*Policy{origins}, deployment("nginx"), func(Choice) Known { return Known{There: true, OriginLost: true} }, map[string]string{"a": "→ localhost:5000/nginx:latest"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			verdicts, change := InOrder(tc.policy).Decide(tc.object, tc.known)
			got := map[string]string{}
			for _, v := range verdicts {
				got[v.Key] = v.Why
				if v.To != "" {
					got[v.Key] = "→ " + v.To
					if change == nil || change.Images[v.Key] != v.To {
						t.Errorf("%s is not in the change %+v", v.Key, change)
					}
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s:\n%s", tc.why, diff)
			}
		})
	}
}

func TestOneChange(t *testing.T) {
	p := InOrder([]*Policy{envPolicy(t)})
	o := deployment("nginx:1", "redis:7")
	_, change := p.Decide(o, func(c Choice) Known { return Known{There: c.Key == "a"} })
	if change != nil {
		t.Errorf("one of two is on its way, and the object would roll out twice: %+v", change)
	}
	verdicts, change := p.Decide(o, func(c Choice) Known {
		if c.Key == "a" {
			return Known{There: true}
		}
		return failed(c)
	})
	if change == nil || len(change.Images) != 1 || verdicts[1].Why != ReasonOriginKept {
		t.Errorf("one failed, and held up the other: %+v %+v", change, verdicts)
	}
	if _, change := p.Decide(deployment("localhost:5000/nginx:1"), there); change != nil {
		t.Errorf("there was nothing to do: %+v", change)
	}
}

func TestPatch(t *testing.T) {
	o := deployment("nginx:1", "redis:7")
	o.Spec.InitContainers = []corev1.Container{{Name: "setup", Image: "busybox"}}
	o.Spec.Volumes = []corev1.Volume{{Name: "model", VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "quay.io/m/m:1"}}}}
	o.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "team"}}
	o.Own[ReasonAnnotation] = "OriginKept: x"
	_, change := InOrder([]*Policy{envPolicy(t)}).Decide(o, there)
	item := func(name, image string) any { return map[string]any{"name": name, "image": image} }
	want := map[string]any{
		"metadata": map[string]any{"uid": "u", "resourceVersion": "7", "annotations": map[string]any{
			OriginalsAnnotation: `{"a":"nginx:1","b":"redis:7","init:setup":"busybox","volume:model":"quay.io/m/m:1"}`,
			PolicyAnnotation:    "env", SecretAnnotation: "cr-token", ReasonAnnotation: nil, TargetAnnotation: "localhost:5000",
		}},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers":                        []any{item("a", "localhost:5000/nginx:1"), item("b", "localhost:5000/redis:7")},
			"initContainers":                    []any{item("setup", "localhost:5000/busybox:latest")},
			"volumes":                           []any{map[string]any{"name": "model", "image": map[string]any{"reference": "localhost:5000/quay.io/m/m:1"}}},
			"imagePullSecrets":                  []any{map[string]any{"name": "cr-token"}},
			"$setElementOrder/imagePullSecrets": []any{map[string]any{"name": "team"}, map[string]any{"name": "cr-token"}},
		}}},
	}
	if diff := cmp.Diff(want, change.Patch(o)); diff != "" {
		t.Error(diff)
	}
}

func TestBesideTheAccount(t *testing.T) {
	refs := func(names ...string) (out []corev1.LocalObjectReference) {
		for _, name := range names {
			out = append(out, corev1.LocalObjectReference{Name: name})
		}
		return out
	}
	cases := map[string]struct {
		own, account []corev1.LocalObjectReference
		alone        bool
		want         []string
		why          string
	}{
		"none of its own": {
			account: refs("team", "hub", "team"), alone: true, want: []string{"team", "hub", "cr-token"}, why: "pods that name one lose those of their account",
		},
		"some of its own":       {own: refs("mine"), account: refs("team"), want: []string{"cr-token"}, why: "they never had those of their account"},
		"ours is the account's": {account: refs("team", "cr-token"), alone: true, why: "Kubernetes gives it"},
		"an account without":    {alone: true, want: []string{"cr-token"}, why: "there is none to lose"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := deployment("nginx:1")
			o.Spec.ImagePullSecrets = tc.own
			_, change := InOrder([]*Policy{envPolicy(t)}).Decide(o, there)
			if got := change.Alone(o); got != tc.alone {
				t.Fatalf("%s: alone is %v", tc.why, got)
			}
			if tc.alone {
				change.Beside(tc.account)
			}
			if diff := cmp.Diff(tc.want, change.Secrets); diff != "" {
				t.Errorf("%s:\n%s", tc.why, diff)
			}
		})
	}
}

func TestRestore(t *testing.T) {
	o := deployment("localhost:5000/nginx:1", "redis:8", "localhost:5000/own:1")
	o.Own = map[string]string{OriginalsAnnotation: `{"a":"nginx:1","b":"redis:7"}`, SecretAnnotation: "cr-token"}
	got, err := Restore(o)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"metadata": map[string]any{"uid": "u", "resourceVersion": "7", "annotations": map[string]any{
			OriginalsAnnotation: nil, PolicyAnnotation: nil, ReasonAnnotation: nil, SecretAnnotation: nil, TargetAnnotation: nil,
		}},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers":       []any{map[string]any{"name": "a", "image": "nginx:1"}},
			"imagePullSecrets": []any{map[string]any{"name": "cr-token", "$patch": "delete"}},
		}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what the user changed since, and what was never ours, stays:\n%s", diff)
	}
	if got, err := Restore(deployment("localhost:5000/x")); got != nil || err != nil {
		t.Errorf("an object that we never touched: %v %v", got, err)
	}
	o.Own[OriginalsAnnotation] = "{"
	if _, err := Restore(o); err == nil {
		t.Error("an annotation that cannot be read was taken for none")
	}
}

func TestOriginalOfACopy(t *testing.T) {
	p := InOrder([]*Policy{envPolicy(t)})
	o := deployment("localhost:5000/nginx:1")
	o.Own[OriginalsAnnotation] = `{"a":"docker.io/nginx:1"}`
	verdicts, _ := p.Decide(o, there)
	if v := verdicts[0]; !v.Copied || v.Origin.Written != "docker.io/nginx:1" || v.Copy.Written != "localhost:5000/nginx:1" {
		t.Errorf("the annotation knows: %+v", v)
	}
	o.Own[OriginalsAnnotation] = `{"a":"redis:7"}`
	if verdicts, _ := p.Decide(o, there); verdicts[0].Copy.Written != "" {
		t.Errorf("the annotation is of another image: %+v", verdicts[0])
	}
}

func TestFromEnv(t *testing.T) {
	none, err := FromEnv(func(string) (string, bool) { return "", false })
	if err != nil || none.Target.String() != "localhost:5000" || none.PullSecret != "cr-token" {
		t.Errorf("without variables: %+v, %v", none, err)
	}
	if p := envPolicy(t, EnvPullSecret, ""); p.PullSecret != "" {
		t.Errorf("an empty name is no secret: %q", p.PullSecret)
	}
	for name, value := range map[string]string{EnvRegistry: "https://x", EnvPush: "a.b/c", EnvKinds: "Pod", EnvDryRun: "maybe"} {
		_, err := FromEnv(func(n string) (string, bool) { return value, n == name })
		if err == nil {
			t.Errorf("%s=%s was taken", name, value)
		}
	}
}

func TestGlobs(t *testing.T) {
	for name, tc := range map[string]struct {
		why              string
		include, exclude []string
		image            string
		want             bool
	}{
		"All":     {"no pattern is every image", nil, nil, "nginx", true},
		"Host":    {"the full name counts", []string{"docker.io/**"}, nil, "nginx", true},
		"One":     {"one star ends at a slash", []string{"docker.io/*"}, nil, "nginx", false},
		"Tag":     {"a tag can be left out", nil, []string{"**:dev-*"}, "ghcr.io/a/b:dev-1", false},
		"Exclude": {"exclude goes before include", []string{"**"}, []string{"ghcr.io/huge/**"}, "ghcr.io/huge/x", false},
		"AnyTag":  {"whoever names no tag means all of them", []string{"docker.io/library/nginx"}, nil, "nginx:1.2", true},
		"Pinned":  {"and every digest", []string{"docker.io/library/nginx"}, nil, "nginx@" + digest, true},
		"Longer":  {"and no longer name", []string{"docker.io/library/nginx"}, nil, "nginx-unprivileged", false},
		"Other":   {"a tag that is named is that one", []string{"docker.io/library/nginx:1"}, nil, "nginx:1.2", false},
		"Dot":     {"a dot is a dot", []string{"ghcr.io/**"}, nil, "ghcrxio.example.com/a", false},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := ParseGlobs(tc.include, tc.exclude)
			if err != nil {
				t.Fatal(err)
			}
			if got := g.Take(ref(t, tc.image)); got != tc.want {
				t.Errorf("%s: %v", tc.why, got)
			}
		})
	}
	for _, bad := range []string{"", "a b", "{a,b}", "***"} {
		if _, err := ParseGlobs([]string{bad}, nil); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestLosers(t *testing.T) {
	high, low := envPolicy(t), envPolicy(t)
	high.Name, high.Priority, low.Name, low.Priority = "b", 5, "a", 1
	p := InOrder([]*Policy{low, envPolicy(t), high})
	if p[0].Name != "b" || p[2].Name != EnvName {
		t.Errorf("the order is %s, %s, %s", p[0].Name, p[1].Name, p[2].Name)
	}
	losers := p.Losers(deployment("nginx").Subject, ref(t, "nginx"))
	if len(losers) != 2 || losers[0].Name != "a" {
		t.Errorf("losers: %+v", losers)
	}
}

// A policy that only says what it would do has no part in what another one does.
func TestDryRunBesideReal(t *testing.T) {
	dry := envPolicy(t, EnvRegistry, "reg.example.com", EnvDryRun, "true")
	dry.Name = "dry"
	dry.Match.Images, _ = ParseGlobs([]string{"quay.io/**"}, nil)
	_, change := InOrder([]*Policy{dry, envPolicy(t)}).Decide(deployment("quay.io/x/y:1", "nginx:1"), there)
	if change == nil || len(change.Images) != 1 || change.Images["b"] == "" || change.Policy.Name != EnvName {
		t.Errorf("the change is %+v", change)
	}
}

// A policy whose target moved has the original copied anew, and not the copy.
func TestTargetMoves(t *testing.T) {
	p := envPolicy(t, EnvRegistry, "reg.example.com/new")
	o := deployment("reg.example.com/old/nginx:1", "reg.example.com/old/redis:7")
	o.Own = map[string]string{OriginalsAnnotation: `{"a":"nginx:1","b":"redis:7"}`}
	o.Under = []string{"reg.example.com/old"}
	_, change := InOrder([]*Policy{p}).Decide(o, there)
	if change == nil || change.Images["a"] != "reg.example.com/new/nginx:1" || change.Keep["a"] != "nginx:1" || len(change.Under) != 2 {
		t.Fatalf("the change is %+v", change)
	}
	p.Match.Images, _ = ParseGlobs([]string{"docker.io/library/redis"}, nil)
	_, change = InOrder([]*Policy{p}).Decide(o, there)
	if change == nil || len(change.Images) != 1 || change.Keep["a"] != "nginx:1" {
		t.Errorf("what no policy is for any more stays, and so does its original: %+v", change)
	}
	if _, change := InOrder(nil).Decide(o, there); change != nil {
		t.Errorf("without a policy nothing is done: %+v", change)
	}
}

// Of two policies with one target the one that is for the image has its copy.
func TestOneTargetOfTwo(t *testing.T) {
	first, second := envPolicy(t), envPolicy(t)
	first.Name, second.Name = "a", "b"
	first.Pin, first.Refresh = true, Interval
	first.Match.Except = append(first.Match.Except, "demo")
	o := deployment("localhost:5000/nginx:1")
	o.Own = map[string]string{OriginalsAnnotation: `{"a":"nginx:1"}`}
	verdicts, change := InOrder([]*Policy{first, second}).Decide(o, there)
	if verdicts[0].Policy.Name != "b" || change != nil {
		t.Errorf("it is %s's, with change %+v", verdicts[0].Policy.Name, change)
	}
}

func TestIsCopyOf(t *testing.T) {
	for name, tc := range map[string]struct {
		why, now, origin string
		want             bool
	}{
		"Elsewhere": {"another registry", "localhost:5000/nginx:1", "nginx:1", true},
		"OtherTag":  {"a tag that somebody moved on", "localhost:5000/nginx:2", "nginx:1", false},
		"SameHost":  {"a folder of the same registry", "r.corp/m/r.corp/team/x:1", "r.corp/team/x:1", true},
		"Edited":    {"another image of the same registry", "redis:1", "nginx:1", false},
		"Itself":    {"the original", "r.corp/team/x:1", "r.corp/team/x:1", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := IsCopyOf(tc.now, tc.origin); got != tc.want {
				t.Errorf("%s: %v", tc.why, got)
			}
		})
	}
}
