// SPDX-License-Identifier: Apache-2.0

package realize_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/fault"
)

// built is a chain of a commit, its image, what runs it, and a note of which commit runs as which image. Its objects have
// the statuses of Flux and kpack.
func built(t *testing.T) *run {
	r := follow(t)
	load(t, `
metadata: {name: web}
spec:
  selector: {type: web}
  resources:
    - {name: source, templateRef: {kind: ClusterSourceTemplate, name: source}}
    - {name: image, templateRef: {kind: ClusterImageTemplate, name: image}, sources: [{name: code, resource: source}]}
    - {name: deploy, templateRef: {kind: ClusterTemplate, name: deploy}, images: [{name: app, resource: image}]}
    - name: note
      templateRef: {kind: ClusterConfigTemplate, name: note}
      sources: [{name: code, resource: source}]
      images: [{name: app, resource: image}]
    - {name: label, templateRef: {kind: ClusterTemplate, name: label}, configs: [{name: note, resource: note}], images: [{name: app, resource: image}]}
`, r.chain)
	r.template(&v1alpha1.ClusterSourceTemplate{}, `
metadata: {name: source}
spec:
  urlPath: .status.artifact.url
  revisionPath: .status.artifact.revision
  template: {apiVersion: test.run/v1, kind: GitRepository, metadata: {name: app}, spec: {interval: 1m}}`)
	r.template(&v1alpha1.ClusterImageTemplate{}, `
metadata: {name: image}
spec:
  imagePath: .status.latestImage
  healthRule: {singleConditionType: Ready}
  template: {apiVersion: test.run/v1, kind: Image, metadata: {name: app}, spec: {source: $(source.url)$}}`)
	r.template(&v1alpha1.ClusterConfigTemplate{}, `
metadata: {name: note}
spec:
  configPath: .spec.note
  template: {apiVersion: test.run/v1, kind: Note, metadata: {name: app}, spec: {note: "$(source.revision)$ as $(image)$"}}`)
	r.template(&v1alpha1.ClusterTemplate{}, `
metadata: {name: label}
spec: {template: {apiVersion: test.run/v1, kind: Label, metadata: {name: app}, spec: {label: "$(config)$, $(image)$"}}}`)
	return r
}

// shows gives an object a status.
func (r *run) shows(kind, text string) {
	r.t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		r.t.Fatal(err)
	}
	var status map[string]any
	if err := json.Unmarshal(raw, &status); err != nil { // whole numbers stay whole
		r.t.Fatal(err)
	}
	if !r.w.Edit(kind, "app", func(u *unstructured.Unstructured) { u.Object["status"] = status }) {
		r.t.Fatalf("no %s", kind)
	}
}

func (r *run) spec(kind, field string) string {
	u := r.w.Find(kind, "app")
	if u == nil {
		return ""
	}
	text, _, _ := unstructured.NestedString(u.Object, "spec", field)
	return text
}

// madeOf is of which commit the image is, by the record of its step: "now" if of the newest, "?" if that cannot be told.
func (r *run) madeOf(step string, commits ...string) string {
	for _, s := range r.workload.Status.Resources {
		if s.Name != step || s.Record == nil || s.Record.MadeOf == nil {
			continue
		}
		for _, o := range s.Record.MadeOf.Inputs {
			if o.Name == "source" && o.Digest == "" {
				return "?"
			}
			for _, c := range commits {
				if o.Name == "source" && o.Digest == (output.Output{output.Revision: "main@sha1:" + c}).Digest() {
					return c
				}
			}
		}
		return fmt.Sprint(s.Record.MadeOf)
	}
	return "now"
}

// What kpack writes into an Image, stage by stage.
const (
	flux     = `{observedGeneration: 1, artifact: {url: "http://flux/%[1]s.tar.gz", revision: "main@sha1:%[1]s"}, conditions: [{type: Ready, status: "True", reason: Succeeded, observedGeneration: 1}]}`
	building = `{observedGeneration: %d, latestImage: %s, latestBuildRef: app-build-9, latestBuildReason: CONFIG, conditions: [
		{type: Ready, status: Unknown, reason: BuildRunning, message: "Build 'app-build-9' is executing"}, {type: BuilderReady, status: "True", reason: BuilderReady}, {type: BuilderUpToDate, status: "True", reason: BuilderUpToDate}]}`
	done   = `{observedGeneration: %d, latestImage: %s, latestBuildRef: app-build-9, latestBuildReason: CONFIG, conditions: [{type: Ready, status: "True", reason: UpToDate, message: Last build succeeded}]}`
	failed = `{observedGeneration: %d, latestImage: %s, latestBuildRef: app-build-9, conditions: [{type: Ready, status: "False", reason: BuildFailed, message: "Error: Build 'app-build-9' in namespace 'dev' failed: "}]}`
	// resolving is the moment after a new source, before kpack knows that it has to build.
	resolving = `{observedGeneration: %d, latestImage: %s, conditions: [{type: Ready, status: Unknown, reason: ResolverNotReady, message: "Error: SourceResolver 'app-source' is not ready"}]}`
)

// stage is something that happens, and what is to come of it.
type stage struct {
	why string
	// commit is fetched, if it is set; image is what kpack says then, of its newest spec, naming the image.
	commit, image, latest string
	// writes are the kinds that are written; madeOf is the commit of the image on record.
	writes, madeOf string
	// deployed is the image that runs, noted what is said of commit and image.
	deployed, noted string
}

func TestImagesOfCommits(t *testing.T) {
	first := []stage{
		{why: "the first commit", commit: "a", writes: "images", madeOf: "now"},
		{why: "its build", image: `{observedGeneration: 1, buildCounter: 1, conditions: [{type: Ready, status: Unknown, reason: BuildRunning}]}`, madeOf: "now"},
		{why: "is done", image: done, latest: "img-a", writes: "deployments notes labels", madeOf: "now", deployed: "img-a", noted: "a as img-a"},
	}
	cases := map[string][]stage{
		"Next": {
			{"another commit is not yet seen by kpack: its image is the old one's", "b", "", "", "images", "a", "img-a", "a as img-a"},
			{"kpack has seen it and shows the old image: it runs on, and is not said to be the commit's", "", resolving, "img-a", "", "a", "img-a", "a as img-a"},
			{"nor during the build", "", building, "img-a", "", "a", "img-a", "a as img-a"},
			{"the build is done: all follow, together", "", done, "img-b", "deployments notes labels", "now", "img-b", "b as img-b"},
			{"and rest", "", "", "", "", "now", "img-b", "b as img-b"},
		},
		"Superseded": {
			{"a commit", "b", building, "img-a", "images", "a", "img-a", "a as img-a"},
			{"another one during its build, which kpack has seen but not begun to build", "c", building, "img-a", "images", "a", "img-a", "a as img-a"},
			{"the first build is done, the next begins: its image is an older commit's, and nobody can tell which", "", building, "img-b", "deployments", "?", "img-b", "a as img-a"},
			{"this goes on", "", building, "img-b", "", "?", "img-b", "a as img-a"},
			{"and ends", "", done, "img-c", "deployments notes labels", "now", "img-c", "c as img-c"},
		},
		"Failed": {
			{"a commit that cannot be built", "b", building, "img-a", "images", "a", "img-a", "a as img-a"},
			{"leaves the old one running, and named so", "", failed, "img-a", "", "a", "img-a", "a as img-a"},
			{"the next one is built", "c", building, "img-a", "images", "a", "img-a", "a as img-a"},
			{"and runs", "", done, "img-c", "deployments notes labels", "now", "img-c", "c as img-c"},
		},
		"Back": {
			{"a commit", "b", building, "img-a", "images", "a", "img-a", "a as img-a"},
			{"is taken back by force: the image that is there is this commit's", "a", building, "img-a", "images", "now", "img-a", "a as img-a"},
			{"and built again", "", done, "img-a", "", "now", "img-a", "a as img-a"},
		},
		"BackLater": {
			{"a commit", "b", building, "img-a", "images", "a", "img-a", "a as img-a"},
			{"that is built", "", done, "img-b", "deployments notes labels", "now", "img-b", "b as img-b"},
			{"and taken back by force", "a", building, "img-b", "images", "b", "img-b", "b as img-b"},
			{"is rebuilt as what it was", "", done, "img-a", "deployments notes labels", "now", "img-a", "a as img-a"},
		},
		"Stack": {
			{"a new stack: the source is the same", "", building, "img-a", "", "now", "img-a", "a as img-a"},
			{"the image moves, and who follows it", "", done, "img-a2", "deployments notes labels", "now", "img-a2", "a as img-a2"},
		},
		"SameImage": {
			{"a commit that changes no file of the image", "b", building, "img-a", "images", "a", "img-a", "a as img-a"},
			{"yields the same digest: what reads the image alone stays", "", done, "img-a", "notes labels", "now", "img-a", "b as img-a"},
		},
		"Builder": {
			{"a builder that is gone says nothing about the image", "", `{observedGeneration: %d, latestImage: %s, conditions: [{type: Ready, status: "False", reason: BuilderNotFound}]}`, "img-a", "", "now", "img-a", "a as img-a"},
		},
	}
	for name, then := range cases {
		t.Run(name, func(t *testing.T) {
			r := built(t)
			r.walk()
			for _, s := range append(append([]stage{}, first...), then...) {
				r.at(s)
			}
		})
	}
}

func (r *run) at(s stage) {
	r.t.Helper()
	wrote := ""
	if s.commit != "" {
		r.shows("GitRepository", fmt.Sprintf(flux, s.commit))
		r.walk()
		wrote = r.kinds()
	}
	if s.image != "" {
		text := s.image
		if s.latest != "" {
			text = fmt.Sprintf(text, r.w.Find("Image", "app").GetGeneration(), s.latest)
		}
		r.shows("Image", text)
	}
	r.walk()
	wrote = strings.TrimSpace(wrote + " " + r.kinds())
	noted := strings.ReplaceAll(r.spec("Note", "note"), "main@sha1:", "")
	got := []string{wrote, r.madeOf("image", "a", "b", "c"), r.spec("Deployment", "image"), noted}
	if diff := cmp.Diff([]string{s.writes, s.madeOf, s.deployed, s.noted}, got); diff != "" {
		r.t.Errorf("%s: writes, commit of the image on record, deployed, noted:\n%s", s.why, diff)
	}
	if label := strings.ReplaceAll(r.spec("Label", "label"), "main@sha1:", ""); label != "" && label != noted+", "+strings.Fields(noted)[2] {
		r.t.Errorf("%s: the label says %q while the note says %q", s.why, label, noted)
	}
	r.walk()
	if again := r.kinds(); again != "" {
		r.t.Errorf("%s: wrote %s again", s.why, again)
	}
}

// kinds are what the last walk wrote.
func (r *run) kinds() string {
	var out []string
	for _, w := range r.w.Writes {
		out = append(out, strings.TrimSuffix(w.Resource, ".test.run"))
	}
	return strings.Join(out, " ")
}

// A run is not made of what does not belong together, and what the last one yielded is handed on meanwhile.
func TestRunsOfCommits(t *testing.T) {
	r := built(t)
	r.template(&v1alpha1.ClusterConfigTemplate{}, `
metadata: {name: note}
spec:
  lifecycle: tekton
  configPath: .spec.note
  template: {apiVersion: test.run/v1, kind: Note, metadata: {generateName: app-}, spec: {note: "$(source.revision)$ as $(image)$"}}`)
	r.walk()
	notes := func() (out []string) {
		for _, u := range r.w.Objects() {
			if u.GetKind() == "Note" {
				note, _, _ := unstructured.NestedString(u.Object, "spec", "note")
				out = append(out, strings.ReplaceAll(note, "main@sha1:", ""))
				r.w.Edit("Note", u.GetName(), func(u *unstructured.Unstructured) {
					u.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Succeeded", "status": "True"}}}
				})
			}
		}
		slices.Sort(out)
		return out
	}
	step := func(why, commit, image, latest string, want []string, label string) {
		t.Helper()
		if commit != "" {
			r.shows("GitRepository", fmt.Sprintf(flux, commit))
			r.walk()
		}
		r.shows("Image", fmt.Sprintf(image, r.w.Find("Image", "app").GetGeneration(), latest))
		r.walk()
		notes()
		r.walk()
		if diff := cmp.Diff(want, notes()); diff != "" {
			t.Errorf("%s:\n%s", why, diff)
		}
		if got := strings.ReplaceAll(r.spec("Label", "label"), "main@sha1:", ""); got != label {
			t.Errorf("%s: the label says %q, want %q", why, got, label)
		}
	}
	step("the first", "a", done, "img-a", []string{"a as img-a"}, "a as img-a, img-a")
	step("a commit that is being built", "b", building, "img-a", []string{"a as img-a"}, "a as img-a, img-a")
	step("is built", "", done, "img-b", []string{"a as img-a", "b as img-b"}, "b as img-b, img-b")
}

// A step is held from the first moment on, in which kpack has not seen the commit and shows nothing that is read.
func TestHeldAtOnce(t *testing.T) {
	r := built(t)
	r.walk()
	r.shows("GitRepository", fmt.Sprintf(flux, "a"))
	r.walk()
	r.shows("Image", fmt.Sprintf(done, 1, "img-a"))
	r.walk()
	r.shows("GitRepository", fmt.Sprintf(flux, "b"))
	r.walk()
	if _, reason := fault.Of(r.did["note"].Err); reason != v1alpha1.InputsApartReason {
		t.Errorf("%q: %v", reason, r.did["note"].Err)
	}
}

// An object that has passed to somebody else meanwhile is not held, nor read.
func TestHeldObjectThatIsAnothers(t *testing.T) {
	r := built(t)
	r.walk()
	r.shows("GitRepository", fmt.Sprintf(flux, "a"))
	r.walk()
	r.shows("Image", fmt.Sprintf(done, 1, "img-a"))
	r.walk()
	r.w.Edit("Note", "app", func(u *unstructured.Unstructured) {
		yes := true
		u.SetOwnerReferences([]metav1.OwnerReference{{Kind: "Workload", Name: "other", UID: "u-2", Controller: &yes}})
	})
	r.shows("GitRepository", fmt.Sprintf(flux, "b"))
	r.walk()
	r.shows("Image", fmt.Sprintf(building, 2, "img-a"))
	r.walk()
	if note := r.did["note"]; note.Live.Object != nil || note.Output != nil || note.Err == nil {
		t.Errorf("held another's object: %v, %v", note.Live.Object, note.Err)
	}
}

// What goes round in circles, in a blueprint that slipped in or in a status that somebody wrote, ends all the same.
func TestDescentOfACycleEnds(t *testing.T) {
	r := built(t)
	r.walk()
	r.shows("GitRepository", fmt.Sprintf(flux, "a"))
	r.walk()
	r.shows("Image", fmt.Sprintf(building, 1, "img-a"))
	r.walk()
	for i := range r.workload.Status.Resources {
		s := &r.workload.Status.Resources[i]
		s.Inputs = []v1alpha1.Input{{Name: "image"}, {Name: "note"}, {Name: s.Name}}
	}
	r.shows("GitRepository", fmt.Sprintf(flux, "b"))
	r.walk()
	r.shows("Image", fmt.Sprintf(building, 2, "img-a"))
	r.walk()
	if got := r.spec("Deployment", "image"); got != "img-a" {
		t.Errorf("deployed %q", got)
	}
}
