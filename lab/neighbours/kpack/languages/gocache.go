// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/buildpacks/libcnb/v2"
)

// buildCache is Go's, in the build image: it holds the library compiled, and a
// build adds to it. Only what was added, or was restored and used, is worth
// keeping: restoring the library would take longer than building.
type buildCache struct {
	dir   string
	began time.Time       // what is newer was made or used by this build
	had   map[string]bool // what the image has
}

// restored is how old Go is told that entries of the last build are: it marks
// what it uses as new, unless that was marked within the hour.
const restored = -48 * time.Hour

// restore adds what the last build kept.
func (c *buildCache) restore(from string) error {
	c.had, c.began = map[string]bool{}, time.Now().Add(-time.Second)
	err := each(c.dir, func(name string, _ fs.FileInfo) error {
		c.had[name] = true
		return nil
	})
	if err != nil {
		return err
	}
	err = each(from, func(name string, _ fs.FileInfo) error {
		to := filepath.Join(c.dir, name)
		if c.had[name] {
			return nil
		}
		if err := copyFile(filepath.Join(from, name), to); err != nil {
			return err
		}
		then := c.began.Add(restored)
		return os.Chtimes(to, then, then)
	})
	if err != nil {
		return err
	}
	// Else Go would look through all of it once, and drop what nobody used for days: all of it.
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, "trim.txt"), []byte(strconv.FormatInt(time.Now().Unix(), 10)), 0o644)
}

// save copies what this build made or used, and the image does not have.
func (c *buildCache) save(to string) (files int, err error) {
	err = each(c.dir, func(name string, info fs.FileInfo) error {
		if c.had[name] || info.ModTime().Before(c.began) || filepath.Dir(name) == "." {
			return nil
		}
		files++
		return copyFile(filepath.Join(c.dir, name), filepath.Join(to, name))
	})
	return files, err
}

// saveCache makes the layer that the next build restores.
func (s *site) saveCache(c buildCache) error {
	l, err := s.layer("gocache", libcnb.LayerTypes{Cache: true})
	if err != nil {
		return err
	}
	files, err := c.save(l.Path)
	if err != nil {
		return err
	}
	s.say("    Keeping %d entries of the build cache for the next build", files)
	s.add(l)
	return nil
}

// each visits the files below a folder, which need not be there.
func each(dir string, visit func(name string, info fs.FileInfo) error) error {
	if !has(dir) {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return visit(name, info)
	})
}

func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return fmt.Errorf("copying %s: %w", from, err)
	}
	return out.Close()
}
