// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/buildpacks/libcnb/v2"
)

// Where Debian's packages put a JDK, Maven, and what Maven builds with.
const (
	javaHome   = "/usr/lib/jvm/default-java"
	mavenHome  = "/usr/share/maven"
	mavenRepo  = "/usr/share/maven-repo"
	madeInPast = "2000-01-01T00:00:00Z" // when everything in a jar was made, for all that anyone can see
)

func detectJava(app string) bool { return has(app, "pom.xml") }

// buildJava has Maven make a jar, and jlink the Java that runs it.
func buildJava(s *site) error {
	home := s.inImage(javaHome)
	env := []string{"JAVA_HOME=" + home, "MAVEN_OPTS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"}
	version, err := javaVersion(home)
	if err != nil {
		return err
	}
	s.say("  Using OpenJDK %s", version)
	s.say("  Executing build process")
	args := []string{
		"mvn", "--offline", "--batch-mode", "--quiet", "-Dstyle.color=never", "-Dmaven.test.skip=true", "-Dmaven.repo.local=" + s.inImage(mavenRepo),
		"-Dproject.build.outputTimestamp=" + madeInPast, "package",
	}
	if err := s.run(command{env: env, args: append([]string{filepath.Join(s.inImage(mavenHome), "bin", "mvn")}, args[1:]...), called: args}); err != nil {
		return err
	}
	jar, err := findJar(filepath.Join(s.app, "target"))
	if err != nil {
		return err
	}
	if err := addRuntime(s, home, version, jar); err != nil {
		return err
	}
	name, err := filepath.Rel(s.app, jar)
	if err != nil {
		return err
	}
	if err := s.keep(name, "target/lib", "target/dependency"); err != nil {
		return err
	}
	return s.starts([]string{"java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", jar}, nil)
}

// javaVersion reads what a JDK says of itself.
func javaVersion(home string) (string, error) {
	f, err := os.Open(filepath.Join(home, "release"))
	if err != nil {
		return "", fmt.Errorf("finding the JDK: %w", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), "JAVA_VERSION="); ok {
			return strings.Trim(v, `"`), nil
		}
	}
	return "", fmt.Errorf("%s names no JAVA_VERSION", f.Name())
}

// findJar is the one that can be started.
func findJar(target string) (string, error) {
	all, err := filepath.Glob(filepath.Join(target, "*.jar"))
	if err != nil {
		return "", err
	}
	var out []string
	for _, jar := range all {
		starts, err := hasMain(jar)
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", jar, err)
		}
		if starts {
			out = append(out, jar)
		}
	}
	if len(out) != 1 {
		return "", fmt.Errorf("want one jar with a Main-Class in target, found %d among %d: see maven-jar-plugin's archive.manifest.mainClass", len(out), len(all))
	}
	return out[0], nil
}

func hasMain(jar string) (bool, error) {
	z, err := zip.OpenReader(jar)
	if err != nil {
		return false, err
	}
	defer z.Close()
	f, err := z.Open("META-INF/MANIFEST.MF")
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	raw, err := io.ReadAll(f)
	return strings.Contains("\n"+string(raw), "\nMain-Class:"), err
}

// addRuntime links a Java of the modules that a jar needs into a layer, unless
// the last image has it: then the layer is neither restored nor made, only named.
func addRuntime(s *site, home, version, jar string) error {
	modules, err := s.ask(command{args: []string{
		filepath.Join(home, "bin", "jdeps"), "--multi-release", "base", "--ignore-missing-deps", "--print-module-deps",
		"--class-path", filepath.Join(s.app, "target", "lib", "*"), jar,
	}})
	if err != nil {
		return err
	}
	modules += ",jdk.crypto.ec" // found by name, at run time: TLS needs it
	l, err := s.layers.Layer("jre")
	if err != nil {
		return err
	}
	made := map[string]any{"java": version, "modules": modules}
	if reflect.DeepEqual(l.Metadata, made) {
		s.say("  Reusing Java %s with %s", version, modules)
		l.LayerTypes = libcnb.LayerTypes{Launch: true}
		s.add(l)
		return nil
	}
	if l, err = l.Reset(); err != nil {
		return err
	}
	if err := os.Remove(l.Path); err != nil { // jlink makes it
		return err
	}
	// It writes the methods of some classes in the order of hashes that differ from run to run: with one hash for all, the
	// order is that in which they came.
	args := []string{
		"jlink", "-J-XX:+UnlockExperimentalVMOptions", "-J-XX:hashCode=2", "--add-modules", modules, "--no-header-files", "--no-man-pages", "--strip-java-debug-attributes", "--output", l.Path,
	}
	if err := s.run(command{args: append([]string{filepath.Join(home, "bin", "jlink")}, args[1:]...), called: args}); err != nil {
		return err
	}
	l.LayerTypes, l.Metadata = libcnb.LayerTypes{Launch: true}, made
	s.add(l)
	return nil
}
