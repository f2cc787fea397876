// SPDX-License-Identifier: Apache-2.0

package paper_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rhumb.run/rhumb/internal/paper"
)

const file = `# a comment
apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {"a.b/c": d}}
---
# nothing but a comment
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata:
      name: b
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}
--- {apiVersion: v1, kind: ConfigMap, metadata: {name: d}}
---
not: an object
`

func TestPlaces(t *testing.T) {
	docs, err := paper.Parse("f.yaml", []byte(file))
	if err != nil || len(docs) != 5 {
		t.Fatalf("%d documents, %v", len(docs), err)
	}
	for _, c := range []struct {
		why  string
		doc  int
		path string
		want string
	}{
		{"a key", 0, "metadata.name", "f.yaml:4:12"},
		{"a key with dots", 0, `metadata.labels["a.b/c"]`, "f.yaml:4:30"},
		{"what is not there is where it would be", 0, "metadata.annotations.x", "f.yaml:4:1"},
		{"an item of a list", 1, "metadata.name", "f.yaml:14:7"},
		{"the next one", 2, "kind", "f.yaml:15:22"},
		{"on the line of the dashes", 3, "metadata.name", "f.yaml:16:50"},
		{"no object", 4, "not", "f.yaml:18:1"},
	} {
		if got := docs[c.doc].Place(c.path).String(); got != c.want {
			t.Errorf("%s: %s at %s, want %s", c.why, c.path, got, c.want)
		}
	}
	if docs[4].Object != nil || docs[2].Object.GetName() != "c" {
		t.Error("which document is an object?")
	}
}

func TestReadFolders(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.yaml": "a: 1", "deep/b.yml": "b: 1", "c.json": `{"c": 1}`, "README.md": "# no", ".hidden/d.yaml": "d: 1", "e.txt": "e: 1",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	docs, err := (&paper.Reader{}).Read(dir)
	var got []string
	for _, d := range docs {
		got = append(got, strings.TrimPrefix(d.File, dir+"/"))
	}
	if want := "a.yaml c.json deep/b.yml"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("read %v, %v, want %s", got, err, want)
	}
}

func TestRefused(t *testing.T) {
	for why, c := range map[string]struct{ text, want string }{
		"no text":                          {"\x00\x01", "f.yaml: not text"},
		"no UTF-8":                         {"a: \xff", "f.yaml: not text"},
		"a key twice":                      {"b: 1\n---\na: 1\na: s3cret", "f.yaml:4: "},
		"no YAML":                          {"a: [", "f.yaml:"},
		"a value that is not what it says": {"a: !!int s3cret", "f.yaml:1: "},
		"too deep":                         {strings.Repeat("[", 20000), "f.yaml:"},
	} {
		_, err := paper.Parse("f.yaml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %s and no value", why, err, c.want)
		}
	}
	if _, err := (&paper.Reader{In: strings.NewReader(strings.Repeat("a", 9<<20))}).Read("-"); err == nil || !strings.Contains(err.Error(), "MiB") {
		t.Errorf("a file without end: %v", err)
	}
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{"sorce": "source", "soucre": "source", "x": "", "imagse": "images", "template": ""} {
		if got := paper.Nearest(word, []string{"source", "images", "params"}); got != want {
			t.Errorf("Nearest(%s) = %s, want %s", word, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(file))
	f.Add([]byte("---\n--- a\n...\n%x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		docs, err := paper.Parse("f", text)
		if err != nil {
			return
		}
		for _, d := range docs {
			_ = d.Place("a.b[0]").String()
		}
		_, _ = paper.Sort(docs)
	})
}
