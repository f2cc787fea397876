// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/zip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// jar writes one with a manifest.
func jar(t *testing.T, path, manifest string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	w, err := z.Create("META-INF/MANIFEST.MF")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(manifest)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFindJar(t *testing.T) {
	const starts, library = "Manifest-Version: 1.0\r\nMain-Class: a.B\r\n", "Manifest-Version: 1.0\r\n"
	for name, tc := range map[string]struct {
		why  string
		jars map[string]string
		want string
	}{
		"One":     {"what most projects make", map[string]string{"a.jar": starts}, "a.jar"},
		"Beside":  {"sources and libraries lie beside it", map[string]string{"a.jar": starts, "a-sources.jar": library}, "a.jar"},
		"None":    {"a library can't be started", map[string]string{"a.jar": library}, ""},
		"Several": {"which of them is not ours to say", map[string]string{"a.jar": starts, "b.jar": starts}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, manifest := range tc.jars {
				jar(t, filepath.Join(dir, file), manifest)
			}
			got, err := findJar(dir)
			if (err == nil) != (tc.want != "") || (err == nil && filepath.Base(got) != tc.want) {
				t.Errorf("%s: got %q, %v, want %q", tc.why, got, err, tc.want)
			}
		})
	}
}

// jdk is a build image whose Java tools note what they were asked.
func jdk(t *testing.T, made, version, modules string) string {
	t.Helper()
	image := scripted(t, map[string]string{
		"usr/share/maven/bin/mvn":              `mkdir -p target && cp "` + made + `" target/app.jar && echo "$@" >target/asked`,
		"usr/lib/jvm/default-java/bin/jdeps":   "echo " + modules,
		"usr/lib/jvm/default-java/bin/jlink":   `for last; do :; done; mkdir "$last" && echo "$@" | sed "s|$last||" >"$last/release"`,
		"usr/lib/jvm/default-java/bin/unasked": "exit 1",
	})
	fill(t, image, map[string]string{"usr/lib/jvm/default-java/release": "IMPLEMENTOR=\"D\"\nJAVA_VERSION=\"" + version + "\"\n"})
	return image
}

func TestJava(t *testing.T) {
	made := filepath.Join(t.TempDir(), "made.jar")
	jar(t, made, "Main-Class: a.B\n")
	project := map[string]string{"pom.xml": "<project/>", "src/main/java/A.java": "", "target/lib/x.jar": ""}

	s, out := at(t, source(t, project), jdk(t, made, "17.0.1", "java.base"))
	if err := buildJava(s); err != nil {
		t.Fatal(err)
	}
	if got, want := files(t, s.app), []string{"target/app.jar", "target/lib/x.jar"}; !slices.Equal(got, want) {
		t.Errorf("the image gets %v, want %v", got, want)
	}
	if got, want := web(t, s), "-jar "+filepath.Join(s.app, "target", "app.jar"); !strings.HasSuffix(got, want) || !strings.HasPrefix(got, "java ") {
		t.Errorf("starts %q, want java … %q", got, want)
	}
	if !strings.Contains(out.String(), "--offline") {
		t.Errorf("Maven may ask the network:\n%s", out)
	}
	asked, err := os.ReadFile(filepath.Join(s.layers.Path, "jre", "release"))
	if err != nil || !strings.Contains(string(asked), "-XX:hashCode=2") {
		t.Errorf("jlink was asked %s (%v): its classes would come in another order now and then", asked, err)
	}

	for name, tc := range map[string]struct {
		why, version, modules string
		reused                bool
	}{
		"Same":    {"only the application changed: its Java is named, not made", "17.0.1", "java.base", true},
		"Update":  {"security updates of the JDK reach applications", "17.0.2", "java.base", false},
		"Modules": {"the application asks for more of Java than it did", "17.0.1", "java.base,java.sql", false},
	} {
		t.Run(name, func(t *testing.T) {
			again, out := at(t, source(t, project), jdk(t, made, tc.version, tc.modules))
			fill(t, again.layers.Path, map[string]string{"jre.toml": "[metadata]\njava = \"17.0.1\"\nmodules = \"java.base,jdk.crypto.ec\"\n"})
			if err := buildJava(again); err != nil {
				t.Fatal(err)
			}
			if got := !has(again.layers.Path, "jre"); got != tc.reused {
				t.Errorf("%s: reused %t, want %t:\n%s", tc.why, got, tc.reused, out)
			}
			for _, l := range again.result.Layers {
				if l.Name == "jre" && !l.Launch {
					t.Errorf("%s: the layer is not launched", tc.why)
				}
			}
		})
	}
}
