// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"bufio"
	"cmp"
	"container/list"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	makeTimeout = 15 * time.Minute
	makeAtOnce  = 2
	partial     = "partial-"
	suffix      = ".tar.gz"
)

var kept = regexp.MustCompile(`^[0-9a-f]{64}\.tar\.gz$`)

// Make writes one tarball.
type Make func(ctx context.Context, w io.Writer) error

// Cache keeps tarballs on disk by digest, up to a size; those that were not asked for longest go first. One that is being
// read stays readable.
type Cache struct {
	dir    *os.Root
	max    int64
	flight singleflight.Group
	slots  chan struct{}

	mu   sync.Mutex
	byID map[string]*list.Element
	lru  *list.List // of entry; the front was used last
	size int64
}

type entry struct {
	id   string
	size int64
	used time.Time
}

// OpenCache opens a folder, which is the cache's alone, and takes over what an earlier process left in it.
func OpenCache(dir string, max int64) (*Cache, error) {
	registerMetrics()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening artifact cache: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening artifact cache: %w", err)
	}
	c := &Cache{dir: root, max: max, slots: make(chan struct{}, makeAtOnce), byID: map[string]*list.Element{}, lru: list.New()}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("opening artifact cache: %w", err)
	}
	var found []entry
	for _, f := range files {
		info, err := f.Info()
		if err != nil || !kept.MatchString(f.Name()) || !info.Mode().IsRegular() {
			if err := root.RemoveAll(f.Name()); err != nil {
				return nil, fmt.Errorf("opening artifact cache: %w", err)
			}
			continue
		}
		found = append(found, entry{f.Name()[:64], info.Size(), info.ModTime()})
	}
	slices.SortFunc(found, func(a, b entry) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.id, b.id)) })
	for _, e := range found {
		c.add(e)
	}
	return c, nil
}

// Open returns a tarball that is there; the caller closes it.
func (c *Cache) Open(id string) (*os.File, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.byID[id]
	if !ok {
		return nil, false
	}
	f, err := c.dir.Open(id + suffix)
	if err != nil {
		c.drop(el)
		return nil, false
	}
	c.lru.MoveToFront(el)
	now := time.Now()
	_ = c.dir.Chtimes(id+suffix, now, now) // for the order after a restart
	return f, true
}

// Get returns a tarball, made first if it is not there. All who ask for it meanwhile wait for the same; it is made to the end
// even if they go.
func (c *Cache) Get(ctx context.Context, id string, m Make) (*os.File, error) {
	if !kept.MatchString(id + suffix) {
		return nil, fmt.Errorf("making tarball: %q is no digest", id)
	}
	for {
		if f, ok := c.Open(id); ok {
			return f, nil
		}
		done := c.flight.DoChan(id, func() (any, error) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), makeTimeout)
			defer cancel()
			return nil, c.fill(ctx, id, m)
		})
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for tarball: %w", ctx.Err())
		case r := <-done:
			if r.Err != nil {
				return nil, r.Err
			}
		}
	}
}

func (c *Cache) fill(ctx context.Context, id string, m Make) error {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return fmt.Errorf("waiting to make tarball: %w", ctx.Err())
	}
	if f, ok := c.Open(id); ok {
		return f.Close()
	}
	temp := partial + strconv.FormatUint(rand.Uint64(), 36)
	size, err := c.write(ctx, temp, m)
	countMade(err)
	if err != nil {
		_ = c.dir.Remove(temp)
		return err
	}
	if err := c.dir.Rename(temp, id+suffix); err != nil {
		_ = c.dir.Remove(temp)
		return fmt.Errorf("keeping tarball: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(entry{id, size, time.Now()})
	return nil
}

func (c *Cache) write(ctx context.Context, temp string, m Make) (size int64, err error) {
	f, err := c.dir.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("keeping tarball: %w", err)
	}
	defer func() {
		if e := f.Close(); e != nil && err == nil {
			err = fmt.Errorf("keeping tarball: %w", e)
		}
	}()
	b := bufio.NewWriterSize(f, 256<<10)
	if err := guarded(ctx, m, b); err != nil {
		return 0, err
	}
	if err := b.Flush(); err != nil {
		return 0, fmt.Errorf("keeping tarball: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("keeping tarball: %w", err)
	}
	return info.Size(), nil
}

// guarded turns a panic, which some image might bring about, into an error: one poison image ends one download.
func guarded(ctx context.Context, m Make, w io.Writer) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("making tarball: panic: %v\n%s", v, debug.Stack())
		}
	}()
	return m(ctx, w)
}

// add takes a file into the books and makes room; the newest stays even if it is larger than the cache, since somebody waits
// for it. The lock is held, or nobody else knows the cache yet.
func (c *Cache) add(e entry) {
	if old, ok := c.byID[e.id]; ok {
		c.size -= old.Value.(entry).size
		c.lru.Remove(old)
	}
	c.byID[e.id] = c.lru.PushFront(e)
	c.size += e.size
	for c.size > c.max && c.lru.Len() > 1 {
		c.drop(c.lru.Back())
	}
	cacheBytes.Set(float64(c.size))
}

func (c *Cache) drop(el *list.Element) {
	e := c.lru.Remove(el).(entry)
	delete(c.byID, e.id)
	c.size -= e.size
	_ = c.dir.Remove(e.id + suffix)
	cacheBytes.Set(float64(c.size))
}
