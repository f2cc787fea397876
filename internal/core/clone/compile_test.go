// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
)

// object is a policy as a file has it, with nothing filled in.
func object(t *testing.T, name, spec string) *v1alpha1.ImageClonePolicy {
	t.Helper()
	out := &v1alpha1.ImageClonePolicy{}
	if err := yaml.UnmarshalStrict([]byte("spec: "+spec), out); err != nil {
		t.Fatal(err)
	}
	out.Name = name
	return out
}

func TestCompileFillsIn(t *testing.T) {
	p, problems := Compile(object(t, "p", `{target: {pullName: registry.example.com/mirror}}`))
	if problems != nil {
		t.Fatal(problems)
	}
	want := &Policy{
		Name: "p", Match: Match{Except: notByDefault}, Target: Target{Host: "registry.example.com", Path: "mirror", Naming: HostPath},
		Strategy: Auto, Order: TargetFirst, Rollouts: 3, Refresh: RefreshAuto, Every: 6 * time.Hour,
		Copy:    Copying{Platforms: []string{}, Referrers: true, CosignTags: true, Timeout: 30 * time.Minute},
		Cleanup: Cleanup{Retention: 168 * time.Hour},
		Push:    Access{Host: "registry.example.com", Path: []string{"spec", "target", "push", "auth"}},
	}
	if diff := cmp.Diff(want, p, cmp.AllowUnexported(Globs{}), cmp.Transformer("text", func(g Globs) int { return len(g.include) + len(g.exclude) })); diff != "" {
		t.Errorf("a file has what the API server would fill in (-want +got):\n%s", diff)
	}
}

func TestCompileTakesAll(t *testing.T) {
	p, problems := Compile(object(t, "p", `
  priority: -3
  match: {namespaceSelector: {}, podSelector: {matchLabels: {a: b}}, kinds: [Job], ownedWorkloads: Include, images: {include: ["quay.io/**"], exclude: ["**:dev"]}}
  target:
    {pullName: "Registry.example.com:5000/m", pushEndpoint: "inside:80", naming: Template, template: "{path}", insecure: true, caSecretRef: {name: ca},
     push: {auth: {secretRef: {name: push}}}, pull: {auth: {secretRef: {name: pull}}, inject: true}}
  sources: [{host: "*", usePodPullSecrets: true}, {host: index.docker.io, auth: {provider: aws}, minRemaining: 20, requestsPerSecond: 2, caSecretRef: {name: ca, key: k}}]
  copy: {platforms: [linux/arm64], sparse: true, referrers: false, cosignTags: false, nonDistributable: Copy, timeoutPerImage: 1m, maxSize: 1Ki, overwrite: true}
  rewrite: {strategy: Both, order: OriginFirst, pin: Digest, maxConcurrentRollouts: 7}
  refresh: {mode: Interval, interval: 2m}
  cleanup: {enabled: true}
  dryRun: true`))
	if problems != nil {
		t.Fatal(problems)
	}
	globs := p.Match.Images
	p.Match.Images = Globs{}
	want := &Policy{
		Name: "p", Priority: -3, Match: Match{Pods: labels.SelectorFromSet(labels.Set{"a": "b"}), Kinds: []string{"Job"}, Owned: true},
		Target:   Target{Host: "registry.example.com:5000", Path: "m", Push: "inside:80", Naming: Template, Template: "{path}"},
		Strategy: Both, Order: OriginFirst, Pin: true, Rollouts: 7, PullSecret: "pull", Inject: true,
		Push: Access{
			Host: "inside:80", Secret: "push", CASecret: "ca", CAKey: "ca.crt", Insecure: true, Path: []string{"spec", "target", "push", "auth"},
			CAPath: []string{"spec", "target", "caSecretRef"},
		},
		Sources: []Access{
			{Host: "*", PodSecrets: true, Path: []string{"spec", "sources", "0", "auth"}},
			{
				Host: "docker.io", Provider: "aws", CASecret: "ca", CAKey: "k", MinRemaining: 20, PerSecond: 2,
				Path: []string{"spec", "sources", "1", "auth"}, CAPath: []string{"spec", "sources", "1", "caSecretRef"},
			},
		},
		Overwrite: true, DryRun: true, Refresh: Interval, Every: 2 * time.Minute, Cleanup: Cleanup{Enabled: true},
		Copy: Copying{Platforms: []string{"linux/arm64"}, Sparse: true, NonDistributable: true, Timeout: time.Minute, MaxSize: 1024},
	}
	if diff := cmp.Diff(want, p, cmp.AllowUnexported(Globs{}), cmp.Comparer(func(a, b labels.Selector) bool { return fmt.Sprint(a) == fmt.Sprint(b) })); diff != "" {
		t.Errorf("each field counts (-want +got):\n%s", diff)
	}
	if !globs.Take(ref(t, "quay.io/a:1")) || globs.Take(ref(t, "quay.io/a:dev")) || globs.Take(ref(t, "nginx")) {
		t.Error("the globs are not those of the policy")
	}
	if a, ok := p.Source(ref(t, "nginx")); !ok || a.Provider != "aws" {
		t.Errorf("Docker Hub by another of its names is %+v", a)
	}
	if a, ok := p.Source(ref(t, "quay.io/a")); !ok || !a.PodSecrets {
		t.Errorf("a host without an entry is %+v", a)
	}
}

func TestCompileNames(t *testing.T) {
	for name, c := range map[string]struct{ why, called, spec, at, want string }{
		"Env":       {"that name is taken", "env", `{target: {pullName: a.example}}`, "metadata.name", "cannot be called"},
		"Hub":       {"copies there could not be told from originals", "p", `{target: {pullName: docker.io/me}}`, "spec.target.pullName", "Docker Hub"},
		"Tag":       {"what the definition refuses is refused here", "p", `{target: {pullName: "a.example/b:1"}}`, "spec.target.pullName", "takes no tag"},
		"Glob":      {"and so are globs", "p", `{target: {pullName: a.example}, match: {images: {exclude: ["[a"]}}}`, "spec.match.images.exclude[0]", "an image glob has"},
		"Condition": {"as early as a misspelt field", "p", `{target: {pullName: a.example}, match: {expression: "pod.lables.a == 'b'"}}`, "spec.match.expression", "undefined field 'lables'"},
		"Selectors": {"what no definition can say", "p", `{target: {pullName: a.example}, match: {podSelector: {matchLabels: {"?": a}}}}`, "spec.match.podSelector", "podSelector is not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			p, problems := Compile(object(t, c.called, c.spec))
			if p != nil || len(problems) != 1 || problems[0].Path.String() != c.at || !strings.Contains(problems[0].Message, c.want) {
				t.Errorf("%s: %v %v, want %s: %s", c.why, p, problems, c.at, c.want)
			}
		})
	}
}

func TestExpression(t *testing.T) {
	p, problems := Compile(object(t, "p", `
  match: {namespaceSelector: {}, expression: "!('example.com/skip' in pod.annotations) && pod.namespaceLabels.team == 'a' && pod.kind == 'Deployment' && pod.labels.tier == 'front'"}
  target: {pullName: a.example}`))
	if problems != nil {
		t.Fatal(problems)
	}
	meant := func(change func(*Subject)) Subject {
		s := Subject{
			Kind: "Deployment", Namespace: "shop", Name: "web", NamespaceLabels: labels.Set{"team": "a"},
			Labels: labels.Set{"tier": "front"}, Annotations: labels.Set{},
		}
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		why  string
		s    Subject
		want string
	}{
		"Meant":      {"all of it is true", meant(func(*Subject) {}), ""},
		"Annotation": {"that of the pod is read", meant(func(s *Subject) { s.Annotations["example.com/skip"] = "" }), "its expression is false"},
		"Namespace":  {"so are the labels of its namespace", meant(func(s *Subject) { s.NamespaceLabels = labels.Set{"team": "b"} }), "its expression is false"},
		"Kind":       {"and what makes it", meant(func(s *Subject) { s.Kind = "CronJob" }), "its expression is false"},
		"Doubt":      {"what cannot be told leaves the pod alone", meant(func(s *Subject) { s.Labels = nil }), "its expression could not be evaluated: no such key: tier"},
	} {
		t.Run(name, func(t *testing.T) {
			if ok, why := p.Match.takes(c.s); ok != (c.want == "") || why != c.want {
				t.Errorf("%s: %v %q, want %q", c.why, ok, why, c.want)
			}
		})
	}
	if !Only(p).AskNamespaces() {
		t.Error("an expression may ask for labels of the namespace: they have to be there")
	}
}

func TestNotByDefault(t *testing.T) {
	p, _ := Compile(object(t, "p", `{target: {pullName: a.example}}`))
	all, _ := Compile(object(t, "p", `{target: {pullName: a.example}, match: {namespaceSelector: {}}}`))
	s := Subject{Kind: "Pod", Namespace: "kube-system"}
	if ok, _ := p.Match.takes(s); ok {
		t.Error("what a registry needs to start must not wait for it")
	}
	if ok, why := all.Match.takes(s); !ok {
		t.Errorf("who writes {} means every namespace: %s", why)
	}
}
