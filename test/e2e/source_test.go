// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/test/e2e/rig"
	"rhumb.run/rhumb/test/e2e/source"
	"rhumb.run/rhumb/test/e2e/story"
)

const (
	hello = "Hello World!"
	again = "Hello again, World!"
)

// TestSourceToURL goes from git to a URL with the real Flux and kpack, in the
// YAML of Cartographer's time; then whatever can go wrong does.
func TestSourceToURL(t *testing.T) {
	lab := checkout(t).Lab("source")
	before := look(t, lab)
	t.Run("Lab", func(t *testing.T) {
		up(t, lab, source.LabArgs()...)
		j := &sourceJourney{lab: lab, builds: map[string]int{}}
		for _, part := range []struct {
			name string
			walk func(*testing.T)
		}{
			{"FourAtOnce", j.fourAtOnce},
			{"Change", j.change},
			{"Overtaken", j.overtaken},
			{"EnvironmentIsNoReasonToBuild", j.environment},
			{"DoesNotCompileAndForcedBack", j.doesNotCompile},
			{"KilledInTheMiddle", j.killed},
			{"StackUpdated", j.stackUpdated},
			{"NodeRestarted", j.nodeRestarted},
			{"LabRestarted", j.labRestarted},
			{"BadInput", j.badInput},
			{"Deleted", j.deleted},
		} {
			if !t.Run(part.name, func(t *testing.T) { j.open(t); part.walk(t) }) {
				j.tell(t)
				return // each goes on where the one before it ended
			}
		}
	})
	unchanged(t, lab, before)
	if _, err := os.Stat(lab.Dir); err == nil {
		t.Errorf("%s is still there", lab.Dir)
	}
}

// sourceJourney is what the parts of the journey hand on.
type sourceJourney struct {
	lab    rig.Lab
	ctx    context.Context //nolint:containedctx // it is the part's.
	s      *source.Story
	golang *source.Clone
	first  string         // the first commit of the Go application
	builds map[string]int // how many there have to be of each application
}

// open follows the cluster for one part of the journey.
func (j *sourceJourney) open(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	t.Cleanup(cancel)
	s, err := source.Open(ctx, j.lab, "default", log(t))
	must(t, err)
	j.ctx, j.s = ctx, s
}

func (j *sourceJourney) tell(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, args := range [][]string{
		{"get", "workload,deploy,pod,image,build,gitrepo,service,ingress", "-A"},
		{"get", "workload", "-A", "-o", `jsonpath={range .items[*]}{.metadata.name} {.status}{"\n"}{end}`},
	} {
		out, err := j.lab.Kubectl(ctx, args...)
		t.Log(out, err)
	}
}

// built checks that nothing was built that need not be, and nothing failed but
// what had to.
func (j *sourceJourney) built(t *testing.T) {
	t.Helper()
	for _, a := range source.Apps {
		if got := j.s.BuildsOf(a.Name); len(got) != j.builds[a.Name] {
			t.Errorf("%s: builds %v, want %d", a.Name, got, j.builds[a.Name])
		}
	}
}

// golangAnswers waits for a text of the Go application, and for its Workload to be at rest.
func (j *sourceJourney) golangAnswers(t *testing.T, text string) {
	t.Helper()
	must(t, j.s.Answers(j.ctx, source.Apps[0], text))
	commit, err := j.golang.Head(j.ctx)
	must(t, err)
	must(t, j.s.Rests(j.ctx, source.Apps[0], commit))
}

func (j *sourceJourney) fourAtOnce(t *testing.T) {
	for _, a := range source.Apps {
		c, err := j.s.PushApp(j.ctx, a)
		must(t, err)
		if a.Language == "Go" {
			j.golang = c
		}
		j.builds[a.Name] = 1
	}
	var err error
	j.first, err = j.golang.Head(j.ctx)
	must(t, err)
	must(t, j.s.ApplyAdmin(j.ctx))
	for _, a := range source.Apps {
		must(t, j.s.ApplyWorkload(j.ctx, a))
	}
	for _, a := range source.Apps {
		must(t, j.s.Answers(j.ctx, a, hello))
		for name, succeeded := range j.s.BuildsOf(a.Name) {
			if succeeded != "True" {
				t.Errorf("build %s did not succeed", name)
			}
		}
	}
	j.built(t)
}

// change pushes a commit, which nobody has to poll for: Flux was asked to look.
func (j *sourceJourney) change(t *testing.T) {
	const asked = "jsonpath={.status.lastHandledReconcileAt}"
	before := kubectl(t, j.lab, "get", "gitrepository", "hello-golang", "-o", asked)
	commit, pushed, err := j.golang.Edit(j.ctx, "main.go", "Hello", "Hello again,")
	must(t, err)
	j.golangAnswers(t, again)
	j.builds["hello-golang"]++
	j.built(t)
	times, err := j.s.Trace.Of("hello-golang", commit, pushed)
	must(t, err)
	t.Logf("%+v", times)
	if now := kubectl(t, j.lab, "get", "gitrepository", "hello-golang", "-o", asked); now == before {
		t.Errorf("Flux was not asked to look when something was pushed: %q", now)
	}
}

// overtaken pushes a commit while the one before it is being built: that one's
// text may be seen, and the last one's stays.
func (j *sourceJourney) overtaken(t *testing.T) {
	_, _, err := j.golang.Edit(j.ctx, "main.go", "Hello again,", "Hello for a moment,")
	must(t, err)
	j.builds["hello-golang"]++
	must(t, rig.Until(j.ctx, "it to be built", 100*time.Millisecond, func() (bool, string) {
		steps := j.s.Steps("hello-golang", j.builds["hello-golang"])
		return slices.Contains(steps, "prepare"), fmt.Sprint(steps)
	}))
	_, _, err = j.golang.Edit(j.ctx, "main.go", "Hello for a moment,", "Hello again,")
	must(t, err)
	j.builds["hello-golang"]++
	must(t, rig.Until(j.ctx, "both to be built", 100*time.Millisecond, func() (bool, string) {
		builds := j.s.BuildsOf("hello-golang")
		ok := len(builds) == j.builds["hello-golang"] && !slices.ContainsFunc(slices.Collect(maps.Values(builds)), func(s string) bool { return s != "True" })
		return ok, fmt.Sprint(builds)
	}))
	j.golangAnswers(t, again)
	j.built(t)
}

func (j *sourceJourney) environment(t *testing.T) {
	_, err := j.s.Kubectl(j.ctx, "patch", "workload", "hello-golang", "--type", "merge", "-p", `{"spec":{"env":[{"name":"TARGET","value":"Rhumb"}]}}`)
	must(t, err)
	j.golangAnswers(t, "Hello again, Rhumb!")
	must(t, j.s.ApplyWorkload(j.ctx, source.Apps[0]))
	j.golangAnswers(t, again)
	j.built(t)
}

// doesNotCompile pushes what no compiler takes, sees what runs stay and the
// cause tell the line; then the branch is forced back to the first commit.
func (j *sourceJourney) doesNotCompile(t *testing.T) {
	_, _, err := j.golang.Edit(j.ctx, "main.go", "func main() {", "var broken = nobodyKnowsThis\n\nfunc main() {")
	must(t, err)
	must(t, j.s.Causes(j.ctx, "hello-golang", "main.go:", "undefined: nobodyKnowsThis"))
	must(t, j.s.Answers(j.ctx, source.Apps[0], again))
	j.builds["hello-golang"]++

	must(t, j.golang.Back(j.ctx, j.first))
	j.golangAnswers(t, hello)
	j.builds["hello-golang"]++
	j.built(t)
}

// killed kills the controllers of all parts while a commit is on its way: Rhumb
// when it was pushed, all when it is being built. Flux goes when its archive was
// fetched: kpack asks for that once, and a build that finds the door closed fails.
func (j *sourceJourney) killed(t *testing.T) {
	_, _, err := j.golang.Edit(j.ctx, "main.go", "Hello", "Hello again,")
	must(t, err)
	j.kill(t, story.SystemNamespace)
	j.builds["hello-golang"]++
	must(t, rig.Until(j.ctx, "the source to be fetched", 100*time.Millisecond, func() (bool, string) {
		steps := j.s.Steps("hello-golang", j.builds["hello-golang"])
		return slices.Contains(steps, "prepare"), fmt.Sprint(steps)
	}))
	j.kill(t, story.SystemNamespace, "flux-system", "kpack")
	j.golangAnswers(t, again)
	j.built(t)
}

func (j *sourceJourney) kill(t *testing.T, namespaces ...string) {
	t.Helper()
	for _, n := range namespaces {
		_, err := j.lab.Kubectl(j.ctx, "delete", "pods", "--all", "-n", n, "--force", "--grace-period=0")
		must(t, err)
	}
}

// stackUpdated gives the builder another image to run on: what was built moves
// onto it, and the Deployments follow; no source is looked at for it.
func (j *sourceJourney) stackUpdated(t *testing.T) {
	before := map[string]string{}
	for _, a := range source.Apps {
		before[a.Name] = j.latest(a)
	}
	sources := kubectl(t, j.lab, "get", "gitrepositories", "-o", "jsonpath={.items[*].metadata.generation} {.items[*].status.artifact.lastUpdateTime}")
	newer := filepath.Join(t.TempDir(), "newer")
	must(t, os.WriteFile(newer, []byte("a security update\n"), 0o600))
	_, err := j.lab.Repo.Run(j.ctx, nil, j.lab.Repo.Path("bin", "rhumb-lab"), "push", "--data-dir", j.lab.Dir, "--ref", "localhost:5000/newer/run:1",
		"--base", "localhost:5000/rhumb-lab/kpack-run:lab", "--file", newer+":/etc/newer", "--user", "1000:1000")
	must(t, err)
	_, err = j.s.Kubectl(j.ctx, "patch", "clusterstack", "base", "--type", "merge", "-p", `{"spec":{"runImage":{"image":"ghcr.io/newer/run:1"}}}`)
	must(t, err)
	for _, a := range source.Apps {
		j.builds[a.Name]++
		must(t, rig.Until(j.ctx, a.Name+" to run on the new stack", 300*time.Millisecond, func() (bool, string) {
			d := j.s.Watch.Get(story.Deployments, a.Name)
			now := strings.Join(story.Images(d), " ")
			return now == j.latest(a) && now != before[a.Name], now
		}))
	}
	j.golangAnswers(t, again)
	j.built(t)
	if now := kubectl(t, j.lab, "get", "gitrepositories", "-o", "jsonpath={.items[*].metadata.generation} {.items[*].status.artifact.lastUpdateTime}"); now != sources {
		t.Errorf("the sources were %s and are %s", sources, now)
	}
}

// latest is the image that kpack built last.
func (j *sourceJourney) latest(a source.App) string {
	image := j.s.Watch.Get(source.Images, a.Name)
	latest, _, _ := unstructured.NestedString(image.Object, "status", "latestImage")
	return latest
}

// nodeRestarted takes the kubelet and its containers away, and gives them back.
func (j *sourceJourney) nodeRestarted(t *testing.T) {
	for _, verb := range []string{"stop", "start"} {
		for _, name := range []string{"kubelet", "containerd"} {
			must(t, j.lab.Component(j.ctx, verb, name))
		}
	}
	_, _, err := j.golang.Edit(j.ctx, "main.go", "Hello again,", "Hello once more,")
	must(t, err)
	j.golangAnswers(t, "Hello once more, World!")
	j.builds["hello-golang"]++
	j.built(t)
}

// labRestarted turns everything off and on: nothing is built for it, and the
// next commit is.
func (j *sourceJourney) labRestarted(t *testing.T) {
	must(t, j.lab.Down(j.ctx))
	must(t, j.lab.Up(j.ctx, append([]string{"--api-port", "0"}, source.LabArgs()...)...))
	j.open(t)
	for i, want := range []string{"Hello once more, World!", hello, hello, hello} {
		must(t, j.s.Answers(j.ctx, source.Apps[i], want))
	}
	_, _, err := j.golang.Edit(j.ctx, "main.go", "Hello once more,", "Hello anew,")
	must(t, err)
	j.golangAnswers(t, "Hello anew, World!")
	j.builds["hello-golang"]++
	j.built(t)
}

// badInput is applied all at once: each Workload says what is wrong with it, and
// does no harm to the others.
func (j *sourceJourney) badInput(t *testing.T) {
	must(t, j.variant("absent", "kind: ClusterBuilder\n        name: base", "kind: ClusterBuilder\n        name: absent"))
	must(t, j.refusing())
	for _, w := range []struct{ name, old, new string }{
		{"no-branch", "branch: master", "branch: nowhere"},
		{"no-password", "url: https://github.com/making/hello-nodejs", "url: https://github.com/private/hello-nodejs"},
		{"no-builder", "workload-type: web", "workload-type: absent"},
	} {
		must(t, j.s.ApplyText(j.ctx, j.workload(t, "name: hello-nodejs", "name: "+w.name, w.old, w.new)))
	}
	for name, words := range map[string][]string{
		"no-branch":   {"GitRepository no-branch", "nowhere"},
		"no-password": {"GitRepository no-password", "not let in", "spec.secretRef"},
		"no-builder":  {"Image no-builder", "ClusterBuilder absent"},
	} {
		if err := j.s.Causes(j.ctx, name, words...); err != nil {
			t.Error(err)
		}
	}
	refused := *j.s
	refused.Namespace = "refused"
	must(t, rig.Until(j.ctx, "a cause with the registry's refusal", 300*time.Millisecond, func() (bool, string) {
		out, err := refused.Kubectl(j.ctx, "get", "workload", "hello-refused", "-o", "jsonpath={.status.cause}")
		return err == nil && strings.Contains(out, "is not let in by ghcr.io/lab/hello-refused"), fmt.Sprint(out, err)
	}))
	for i, want := range []string{"Hello anew, World!", hello, hello, hello} {
		must(t, j.s.Answers(j.ctx, source.Apps[i], want))
	}
	j.built(t)
}

// workload is the Node.js application's, with texts replaced.
func (j *sourceJourney) workload(t *testing.T, oldnew ...string) string {
	t.Helper()
	raw, err := os.ReadFile(j.lab.Repo.Path(source.Examples, "hello-nodejs.yaml"))
	must(t, err)
	return strings.NewReplacer(oldnew...).Replace(string(raw))
}

// variant applies the chain and its templates again under another name, for
// Workloads of that type, with a text replaced.
func (j *sourceJourney) variant(name, old, text string) error {
	for _, file := range []string{"supply-chain-templates", "supply-chain"} {
		raw, err := os.ReadFile(j.lab.Repo.Path(source.Examples, "admin", file+".yaml"))
		if err != nil {
			return err
		}
		filled := strings.NewReplacer(
			"CHANGE_ME", "lab", old, text, "workload-type: web", "workload-type: "+name,
			"name: image\n", "name: image-"+name+"\n", "name: supply-chain\n", "name: supply-chain-"+name+"\n",
		).Replace(string(raw))
		// The input of the step keeps its name.
		filled = strings.ReplaceAll(filled, "component: image-builder\n      name: image-"+name, "component: image-builder\n      name: image")
		if err := j.s.ApplyText(j.ctx, filled); err != nil {
			return err
		}
	}
	return nil
}

// refusing makes a namespace whose registry password is wrong, with a Workload.
func (j *sourceJourney) refusing() error {
	if _, err := j.lab.Kubectl(j.ctx, "create", "namespace", "refused"); err != nil {
		return err
	}
	s := *j.s
	s.Namespace = "refused"
	raw, err := os.ReadFile(j.lab.Repo.Path(source.Examples, "admin", "dockerconfig.yaml"))
	if err != nil {
		return err
	}
	secret := strings.NewReplacer("namespace: default", "namespace: refused", "${GITHUB_USERNAME}", "lab", "${GITHUB_API_TOKEN}", "wrong").Replace(string(raw))
	if err := s.ApplyText(j.ctx, secret); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"patch", "serviceaccount", "default", "-p", `{"secrets":[{"name":"regsecret"}],"imagePullSecrets":[{"name":"regsecret"}]}`},
		{"apply", "-f", j.lab.Repo.Path(source.Examples, "admin", "rights.yaml")},
	} {
		if _, err := s.Kubectl(j.ctx, args...); err != nil {
			return err
		}
	}
	return s.ApplyAs(j.ctx, source.Apps[2], "hello-refused") // two Ingresses of one host would be one too many
}

func (j *sourceJourney) deleted(t *testing.T) {
	for _, a := range source.Apps {
		must(t, j.s.Delete(j.ctx, a.Name))
	}
	for _, name := range []string{"no-branch", "no-password", "no-builder"} {
		must(t, j.s.Delete(j.ctx, name))
	}
}
