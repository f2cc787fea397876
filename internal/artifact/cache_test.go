// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func id(c string) string { return strings.Repeat(c, 64) }

// says makes a tarball of a text.
func says(text string) Make {
	return func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func open(t *testing.T, dir string, limit int64) *Cache {
	t.Helper()
	c, err := OpenCache(dir, limit)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t *testing.T, c *Cache, id string, m Make) string {
	t.Helper()
	f, err := c.Get(t.Context(), id, m)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), suffix)[:1])
	}
	slices.Sort(out)
	return out
}

func TestMadeOnce(t *testing.T) {
	c := open(t, t.TempDir(), 1000)
	var made atomic.Int32
	begun, end := make(chan struct{}), make(chan struct{})
	m := func(_ context.Context, w io.Writer) error {
		if made.Add(1) == 1 {
			close(begun)
		}
		<-end
		_, err := io.WriteString(w, "tree")
		return err
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if got := get(t, c, id("a"), m); got != "tree" {
				t.Errorf("got %q", got)
			}
		})
	}
	<-begun
	close(end)
	wg.Wait()
	if n := made.Load(); n != 1 {
		t.Errorf("20 asked, %d were made", n)
	}
}

// Who gives up waiting does not take it from the others, nor from the next.
func TestMadeToTheEnd(t *testing.T) {
	c := open(t, t.TempDir(), 1000)
	ctx, cancel := context.WithCancel(t.Context())
	end := make(chan struct{})
	m := func(ctx context.Context, w io.Writer) error {
		cancel()
		<-end
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return says("tree")(ctx, w)
	}
	if _, err := c.Get(ctx, id("a"), m); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	close(end)
	if got := get(t, c, id("a"), says("made again")); got != "tree" {
		t.Errorf("the next got %q", got)
	}
}

func TestLeastUsedGoes(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, 20)
	for _, s := range []string{"a", "b"} {
		get(t, c, id(s), says("12345678"))
	}
	held, ok := c.Open(id("a")) // used last now
	if !ok {
		t.Fatal("not kept")
	}
	defer func() { _ = held.Close() }()
	get(t, c, id("c"), says("12345678"))
	if diff := cmp.Diff([]string{"a", "c"}, files(t, dir)); diff != "" {
		t.Error(diff)
	}
	get(t, c, id("d"), says(strings.Repeat("x", 100)))
	if diff := cmp.Diff([]string{"d"}, files(t, dir)); diff != "" {
		t.Errorf("one that is too large is kept while nothing else comes, since somebody waits for it:\n%s", diff)
	}
	if data, err := io.ReadAll(held); err != nil || string(data) != "12345678" {
		t.Errorf("what is being read is taken away: %q %v", data, err)
	}
}

func TestFailureLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, 100)
	broken := errors.New("broken")
	_, err := c.Get(t.Context(), id("a"), func(_ context.Context, w io.Writer) error {
		_, _ = io.WriteString(w, "half of")
		return broken
	})
	if !errors.Is(err, broken) || len(files(t, dir)) > 0 {
		t.Errorf("%v, and %v left", err, files(t, dir))
	}
	_, err = c.Get(t.Context(), id("a"), func(context.Context, io.Writer) error { panic("poison") })
	if err == nil || !strings.Contains(err.Error(), "poison") || len(files(t, dir)) > 0 {
		t.Errorf("a poison image: %v, and %v left", err, files(t, dir))
	}
	if got := get(t, c, id("a"), says("whole")); got != "whole" {
		t.Errorf("after it %q", got)
	}
	if _, err := c.Get(t.Context(), "../../etc/passwd", says("x")); err == nil {
		t.Error("a path was taken for a digest")
	}
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, 100)
	for i, s := range []string{"a", "b", "c"} {
		get(t, c, id(s), says("12345678"))
		used := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, id(s)+suffix), used, used); err != nil {
			t.Fatal(err)
		}
	}
	for _, stray := range []string{partial + "x", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, stray), []byte("stray"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c = open(t, dir, 20)
	if diff := cmp.Diff([]string{"b", "c"}, files(t, dir)); diff != "" {
		t.Errorf("kept by when it was used last, within the new size:\n%s", diff)
	}
	if got := get(t, c, id("c"), says("made again")); got != "12345678" {
		t.Errorf("made again after a restart: %q", got)
	}
}

func TestFewAtOnce(t *testing.T) {
	c := open(t, t.TempDir(), 1<<20)
	var now, most atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			get(t, c, fmt.Sprintf("%064x", i), func(ctx context.Context, w io.Writer) error {
				n := now.Add(1)
				defer now.Add(-1)
				for {
					if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
						break
					}
				}
				return says("x")(ctx, w)
			})
		})
	}
	wg.Wait()
	if most.Load() > makeAtOnce {
		t.Errorf("%d were made at once", most.Load())
	}
}
