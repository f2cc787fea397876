// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Where the toolchain and its compiled library lie in the build image.
const (
	rootInImage  = "usr/local/go"
	cacheInImage = "var/cache/go-build"
)

// toolchain is the Go that builds this program.
type toolchain struct {
	root, version string
}

func findToolchain() (toolchain, error) {
	out, err := exec.Command("go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return toolchain{}, fmt.Errorf("asking for the Go toolchain: %w", err)
	}
	root, version, ok := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if !ok {
		return toolchain{}, fmt.Errorf("go env says %q", out)
	}
	return toolchain{root, version}, nil
}

// compiled are the packages of Go's library that lie ready: what services are
// made of. The others are compiled when they are asked for.
var compiled = []string{
	"archive/...", "bufio", "cmp", "compress/...", "container/...", "context", "crypto/...", "database/sql", "embed", "encoding/...", "errors",
	"expvar", "flag", "hash/...", "html/...", "image/png", "io/...", "iter", "log/...", "maps", "math/...", "mime/...", "net/...", "os/...",
	"path/...", "reflect", "regexp", "runtime/debug", "slices", "sort", "strconv", "strings", "sync/...", "syscall", "text/...", "time", "unicode/...", "unique",
}

// layer packs the toolchain, and the library compiled with the flags that the
// buildpack for Go uses. Files of the cache are root's in folders of the user's:
// a build adds to it, and never copies what is there only to note that it was read.
func (g toolchain) layer(work, out string) error {
	root, cache := filepath.Join(work, rootInImage), filepath.Join(work, cacheInImage)
	if err := duplicate(g.root, root, unneeded); err != nil {
		return fmt.Errorf("copying the Go toolchain: %w", err)
	}
	if err := g.compile(work); err != nil {
		return err
	}
	t, err := newTree(filepath.Dir(work))
	if err != nil {
		return err
	}
	defer t.close()
	all := func(string) bool { return false }
	if err := t.copy(root, rootInImage, all); err != nil {
		return err
	}
	if err := t.copy(cache, cacheInImage, func(name string) bool { return name == "trim.txt" || name == "testexpire.txt" }); err != nil {
		return err
	}
	if err := t.share(cacheInImage); err != nil {
		return err
	}
	return t.pack(out)
}

// compile fills the cache, with the toolchain where it will be in the image: Go
// looks for what it knows of a package by the package's folder, and by the names,
// sizes and times of the files in it.
func (g toolchain) compile(root string) error {
	files := map[string]string{
		"dev/null":      "", // no device is needed: nobody writes there
		"tmp/x":         "",
		"module/go.mod": "module compiled\n", // outside of a module Go keeps no index of the library
	}
	for name, content := range files {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	cmd := exec.Command("/"+rootInImage+"/bin/go", append([]string{"build", "-trimpath"}, compiled...)...)
	cmd.Dir = "/module"
	cmd.Env = []string{
		"GOROOT=/" + rootInImage, "GOCACHE=/" + cacheInImage, "GOPATH=/tmp/go", "HOME=/tmp", "PATH=/" + rootInImage + "/bin", "GOENV=off", "GOPROXY=off",
		"GOFLAGS=-buildvcs=false", "GOTOOLCHAIN=local", "GOTELEMETRY=off", "CGO_ENABLED=0",
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	if id := os.Getuid(); id != 0 { // who is not root may still have a root of his own
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
	}
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling Go's library: %w\n%s", err, output)
	}
	return nil
}

// duplicate copies a folder, but for what is skipped, with the times that files
// have in a layer.
func duplicate(from, to string, skip func(string) bool) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, name)
		switch {
		case d.IsDir() && skip(filepath.ToSlash(name)):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(dst, 0o755)
		case skip(filepath.ToSlash(name)) || !d.Type().IsRegular():
			return nil
		}
		raw, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if err := os.WriteFile(dst, raw, 0o644|info.Mode()&0o111); err != nil {
			return err
		}
		return os.Chtimes(dst, epoch, epoch)
	})
}

// share gives the folders of a build cache to the user, and has its entries say
// that they were made when everything was: each ends with that, in nanoseconds.
func (t *tree) share(cache string) error {
	made := fmt.Sprintf("%20d\n", epoch.UnixNano())
	for name, f := range t.files {
		switch {
		case !strings.HasPrefix(name+"/", cache+"/"):
		case f.kind == tar.TypeDir:
			t.folder(name, 0o755, user)
		case strings.HasSuffix(name, "-a"):
			raw, err := t.read(name)
			if err != nil {
				return err
			}
			if len(raw) < len(made) {
				return fmt.Errorf("%s is no entry of Go's build cache", name)
			}
			if err := t.text(name, string(raw[:len(raw)-len(made)])+made); err != nil {
				return err
			}
		}
	}
	return nil
}

// unneeded says what of a toolchain no build of a program reads.
func unneeded(name string) bool {
	for _, gone := range []string{"api", "doc", "test", "misc", "src/cmd", "bin/gofmt"} {
		if name == gone {
			return true
		}
	}
	if strings.HasPrefix(name, "pkg/tool/") && strings.Count(name, "/") == 3 {
		switch filepath.Base(name) {
		case "asm", "compile", "link":
			return false
		}
		return true
	}
	return filepath.Base(name) == "testdata" || strings.HasSuffix(name, "_test.go")
}

// copy adds a folder of this machine's, but for what is skipped.
func (t *tree) copy(from, to string, skip func(string) bool) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("listing %s: %w", from, err)
		}
		name, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		if skip(filepath.ToSlash(name)) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		return t.take(p, filepath.ToSlash(filepath.Join(to, name)), d)
	})
}

func (t *tree) take(from, to string, d fs.DirEntry) error {
	if d.IsDir() {
		t.folder(to, 0o755, 0)
		return nil
	}
	if d.Type()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		t.link(to, target)
		return nil
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	mode := int64(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return t.put(to, mode, f)
}
