// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxDepth is how far down folders are looked into.
const maxDepth = 64

// Found is what there is to run, in the order of the folders' names.
type Found struct {
	Cases []*Case
	// Stories are files that end in .txtar.
	Stories []string
}

// Find looks for cases and stories below a folder. Settings are inherited
// downwards; a folder without folders, and without stories, is a case if there
// is anything to test.
func Find(root string) (*Found, error) {
	info, err := os.Stat(root)
	switch {
	case err != nil:
		return nil, fmt.Errorf("looking for tests in %s: there is no such file or folder", root)
	case !info.IsDir() && filepath.Ext(root) == ".txtar":
		return &Found{Stories: []string{root}}, nil
	case !info.IsDir():
		return nil, fmt.Errorf("looking for tests in %s: neither a folder nor a story (.txtar)", root)
	}
	out := &Found{}
	if err := out.below(root, Case{}, 0); err != nil {
		return nil, err
	}
	if len(out.Cases)+len(out.Stories) == 0 {
		return nil, fmt.Errorf("looking for tests in %s: there are none; a test is a folder with template.yaml, workload.yaml and expected.yaml, or a .txtar", root)
	}
	return out, nil
}

func (f *Found) below(dir string, c Case, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("looking for tests in %s: folders are nested too deep", dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking for tests in %s: %w", dir, err)
	}
	var files, folders []string
	stories := 0
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			folders = append(folders, e.Name())
		case filepath.Ext(e.Name()) == ".txtar":
			f.Stories = append(f.Stories, filepath.Join(dir, e.Name()))
			stories++
		default:
			files = append(files, e.Name())
		}
	}
	c.Dir, c.Name, c.Description = dir, "", ""
	c.settle(dir, files)
	for _, name := range folders {
		if err := f.below(filepath.Join(dir, name), c, depth+1); err != nil {
			return err
		}
	}
	if len(folders) == 0 && stories == 0 && len(files) > 0 && c.isTest() {
		f.Cases = append(f.Cases, &c)
	}
	return nil
}

// isTest: something is under test, or expected. A folder of anything else, as
// beside stories, is none.
func (c *Case) isTest() bool {
	return c.err != nil || c.told || c.template.Path != "" || len(c.templates) > 0 || c.Expected != ""
}

// settle takes what a folder says. What is wrong with it fails the cases that it is for.
func (c *Case) settle(dir string, files []string) {
	has := func(name string) bool { return slices.Contains(files, name) }
	before := *c
	c.defaults(dir, has)
	c.chainFiles(dir, files)
	if has("info.yaml") {
		c.told = true
		if err := c.read(dir); err != nil && c.err == nil {
			c.err = err
		}
	}
	c.oneParts(&before)
}

// oneParts: a file that is named as the template or as what is expected is
// nothing else by its name. Cartotest knew no deliverable.yaml, so that folders
// made for it may use the name for either.
func (c *Case) oneParts(before *Case) {
	named := []string{c.template.Path, c.Expected}
	taken := func(path string) bool { return path != "" && slices.Contains(named, path) }
	for _, part := range []struct {
		at     *string
		before string
	}{{&c.owner, before.owner}, {&c.runnable, before.runnable}, {&c.selected, before.selected}, {&c.observed, before.observed}} {
		if taken(*part.at) {
			*part.at = part.before
		}
	}
	if c.chain != nil && slices.ContainsFunc(c.chain.Paths, taken) {
		next := *c.chain
		next.Paths = slices.DeleteFunc(slices.Clone(next.Paths), taken)
		if c.chain = &next; len(next.Paths) == 0 {
			c.chain, c.mock = before.chain, or(c.mock, before.mock)
		}
	}
}

// chainPath finds a chain's file. Cartotest looked for it from where it was
// started, unlike for all others; here the folder of the info.yaml will do.
func chainPath(dir, path string) string {
	if _, err := os.Stat(path); err == nil || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
