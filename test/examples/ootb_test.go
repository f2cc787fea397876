// SPDX-License-Identifier: Apache-2.0

package examples

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/test/e2e/rig"
)

var update = flag.Bool("update", false, "write what is rendered to testdata")

// variants are the folders that an operator applies.
var variants = []struct{ name, folder string }{{"plain", "config/ootb"}, {"knative", "config/ootb/knative"}, {"settings", "examples/ootb"}}

// kustomized is what kubectl would apply of a folder.
func kustomized(t *testing.T, repo rig.Repo, folder string) string {
	t.Helper()
	kubectl := repo.Path("bin", "kubectl")
	if lab := os.Getenv("RHUMB_LAB_BIN"); lab != "" {
		kubectl = filepath.Join(filepath.Dir(lab), "kubectl")
	}
	out, err := repo.Run(t.Context(), nil, kubectl, "kustomize", repo.Path(folder))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func command(t *testing.T, repo rig.Repo) func(ctx context.Context, args ...string) (string, error) {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "rhumb")
	if _, err := repo.Run(t.Context(), []string{"CGO_ENABLED=0"}, "go", "build", "-o", bin, "./cmd/rhumb"); err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, args ...string) (string, error) { return repo.Run(ctx, nil, bin, args...) }
}

// What comes out of the box is accepted by the API server and has nothing that lint would mend; what it stamps for a
// Workload of each type is accepted by the real kinds of Flux and kpack, and is what testdata/ootb shows.
func TestOutOfTheBox(t *testing.T) {
	repo, err := rig.Find()
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t)
	c.defineNeighbours(t)
	rhumb := command(t, repo)
	workloads, err := filepath.Glob(repo.Path("examples", "ootb", "*.yaml"))
	if err != nil || len(workloads) < 4 {
		t.Fatalf("%d Workloads: %v", len(workloads), err)
	}
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			text := kustomized(t, repo, v.folder)
			if err := c.try(t, strings.NewReader(text)); err != nil {
				t.Error(err)
			}
			chains := filepath.Join(t.TempDir(), "chains.yaml")
			if err := os.WriteFile(chains, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if said, err := rhumb(t.Context(), "lint", "--complete", filepath.Dir(chains)); err != nil || strings.TrimSpace(said) != "" {
				t.Errorf("lint: %v %s", err, said)
			}
			for _, w := range workloads {
				if filepath.Base(w) != "kustomization.yaml" {
					c.rendered(t, rhumb, chains, w, v.name)
				}
			}
		})
	}
}

func (c *cluster) rendered(t *testing.T, rhumb func(context.Context, ...string) (string, error), chains, workload, variant string) {
	t.Helper()
	name := strings.TrimSuffix(filepath.Base(workload), ".yaml")
	args := []string{
		"render", "--strict", "-f", chains, "-f", workload, "--namespace", "dev",
		"--output=image-provider.image=registry.example.com/app@sha256:1234", "--output=app.config=the-app", "--output=service.config=the-service",
	}
	if name != "prebuilt" {
		args = append(args, "--output=source-provider.url=http://source/a.tar.gz", "--output=source-provider.revision=main@sha1:1234")
	}
	out, err := rhumb(t.Context(), args...)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	// An operator's registry is all that the settings change.
	compare(t, name, variant, strings.ReplaceAll(out, "registry.kube-system.svc.cluster.local:5000", "registry.example.com"))
	var known []string
	for doc := range strings.SplitSeq(out, "\n---\n") {
		if !strings.Contains(doc, "apiVersion: serving.knative.dev/") { // Knative's kinds are not here to ask
			known = append(known, doc)
		}
	}
	here := strings.NewReplacer("namespace: dev", "namespace: "+c.namespace, `uid: ""`, `uid: "0"`).Replace(strings.Join(known, "\n---\n"))
	if err := c.try(t, bytes.NewReader([]byte(here))); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// compare looks at what is wanted: of a variant that differs from the plain one in a file of its own.
func compare(t *testing.T, name, variant, got string) {
	t.Helper()
	plain, own := filepath.Join("testdata", "ootb", name+".yaml"), filepath.Join("testdata", "ootb", name+"-"+variant+".yaml")
	if *update && variant == "plain" {
		if err := os.WriteFile(plain, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(own)
	if err != nil {
		want, err = os.ReadFile(plain)
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" && *update {
		if err := os.WriteFile(own, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if diff != "" {
		t.Errorf("%s:\n%s", name, diff)
	}
}
