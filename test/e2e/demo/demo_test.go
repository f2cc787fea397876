// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/test/e2e/story"
)

// workload is a Workload with one resource, which has stamped an object that
// yields an image.
func workload(image string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"kind": "Workload", "status": map[string]any{"resources": []any{
		map[string]any{
			"name": "r", "stampedRef": map[string]any{"resource": "things.test", "name": "demo"},
			"outputs": []any{map[string]any{"name": "image", "preview": image + "\n"}},
		},
	}}}}
}

func TestLedger(t *testing.T) {
	began := time.Unix(100, 0)
	l := newLedger(began)
	at := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	l.Change(story.Change{At: at(1), Live: workload("a")})
	l.Change(story.Change{At: at(2), Live: workload("a")}) // the same again is no row
	l.Change(story.Change{At: at(3), Live: workload("b@sha256:" + strings.Repeat("c", 64))})
	l.Change(story.Change{At: at(4)}) // an object that is gone
	l.Add(at(5), "answer", "pod/x", "")
	l.Bar("fast", 9*time.Second, 10*time.Second)
	l.Bar("slow", 11*time.Second, 10*time.Second)

	var out bytes.Buffer
	l.Show(&teller{w: &out, began: began})
	var got []string
	for line := range strings.SplitSeq(out.String(), "\n") {
		if line != "" {
			got = append(got, strings.Join(strings.Fields(line), " "))
		}
	}
	want := []string{
		"STEP OBJECT OUTPUT AT",
		"resource r things.test/demo image a 1.0 s",
		"resource r things.test/demo image b@sha256:cccccccccccc… 3.0 s",
		"answer pod/x - 5.0 s",
		"DURATION TOOK BAR (warm build cache)",
		"fast 9.0 s ≤ 10 s met",
		"slow 11.0 s ≤ 10 s MISSED",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTellerColour(t *testing.T) {
	for why, colour := range map[string]bool{"colours on a terminal": true, "plain lines in a pipe": false} {
		var out bytes.Buffer
		tell := &teller{w: &out, began: time.Now(), colour: colour}
		tell.Step("x")
		tell.Log("\x1b[31mred\x1b[0m")
		if got := strings.Contains(out.String(), "\x1b["); got != colour {
			t.Errorf("%s: %q", why, out.String())
		}
	}
}

func TestWanted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "packages.txt")
	if err := os.WriteFile(path, []byte("# for a node\ncontainerd # runs pods\n\n  runc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"containerd", "runc"}, wanted(path)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestShort(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	if got := short(digest); got != "sha256:aaaaaaaaaaaa…" {
		t.Error(got)
	}
}

func TestBrief(t *testing.T) {
	const at, of = "2026-11-21T23:55:55Z\tDEBUG\tcontroller.image-cloner\t", `	{"name": "nginx", "namespace": "demo-system"}`
	var b brief
	var got []string
	for _, line := range []string{
		"2026-11-21T23:55:53Z\tINFO\tStarting workers\t{\"controller\": \"image-cloner\", \"worker count\": 4}",
		at + "inspecting deployment" + of,
		"2026-11-21T23:55:56Z\tINFO\timage-copies\tcopying image\t{\"bytes\": \"1/2\"}",
		at + "image already cloned" + of,
		at + "inspecting deployment" + of, // the same again
		at + "inspecting deployment\t{\"name\": \"coredns\", \"namespace\": \"kube-system\"}",
		"2026-11-21T23:55:53Z\tERROR\tReconciler error\t{\"error\": \"refused\"}",
		"2026-11-22T00:03:29Z\tINFO\tStopping and waiting for caches",
		"panic: something",
	} {
		if words, ok := b.of(line); ok {
			got = append(got, words)
		}
	}
	want := []string{
		`inspecting deployment  {"name": "nginx", "namespace": "demo-system"}`, `copying image  {"bytes": "1/2"}`, `image already cloned  {"name": "nginx", "namespace": "demo-system"}`,
		`ERROR Reconciler error  {"error": "refused"}`, "panic: something",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
