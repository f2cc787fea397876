// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The most that a page shows of anything.
const (
	mostCommits = 20
	mostFiles   = 2000
	mostBytes   = 256 << 10
)

// browsed is a path of the page: a repository, with or without ".git". What of
// it is shown is said by a query, so that no part of a path is ever a file's.
var browsed = regexp.MustCompile(`^/((?:[a-zA-Z0-9][a-zA-Z0-9._-]*/)?[a-zA-Z0-9][a-zA-Z0-9._-]*?)(?:\.git)?/?$`)

// branch is a ref and the commit that it points to.
type branch struct {
	Name   string // without refs/heads/ or refs/
	Commit commit
}

type commit struct {
	Digest, Author, When, Subject string
}

// Short is as much of a digest as people read.
func (c commit) Short() string { return c.Digest[:min(12, len(c.Digest))] }

type file struct {
	Path   string
	Size   int64
	object string
}

// format gives a commit's fields on one line, none of which has a NUL in it.
const format = "%H%x00%an%x00%cI%x00%s"

func readCommit(line string) (commit, bool) {
	f := strings.Split(line, "\x00")
	if len(f) != 4 {
		return commit{}, false
	}
	return commit{f[0], f[1], f[2], f[3]}, true
}

// branches are a repository's, with what they point to; those that people work
// on come first.
func (s *Server) branches(ctx context.Context, name string) []branch {
	var out []branch
	for ref, digest := range s.refs(ctx, name) {
		commits := s.commits(ctx, name, digest, 1)
		if len(commits) == 1 {
			out = append(out, branch{strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "refs/"), commits[0]})
		}
	}
	slices.SortFunc(out, func(a, b branch) int {
		if tag := strings.HasPrefix(a.Name, "tags/"); tag != strings.HasPrefix(b.Name, "tags/") {
			return map[bool]int{true: 1, false: -1}[tag]
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// commits are the newest of those that lead to a commit.
func (s *Server) commits(ctx context.Context, name, digest string, most int) []commit {
	out, err := s.git(ctx, "--git-dir", s.dir(name), "log", "-n", strconv.Itoa(most), "--format="+format, digest)
	if err != nil {
		return nil // a tag of something else than a commit
	}
	var all []commit
	for line := range strings.Lines(out) {
		if c, ok := readCommit(strings.TrimSuffix(line, "\n")); ok {
			all = append(all, c)
		}
	}
	return all
}

// files are what a commit holds.
func (s *Server) files(ctx context.Context, name, digest string) ([]file, error) {
	out, err := s.git(ctx, "--git-dir", s.dir(name), "ls-tree", "-r", "-z", "-l", digest)
	if err != nil {
		return nil, err
	}
	var all []file
	for entry := range strings.SplitSeq(out, "\x00") {
		about, path, ok := strings.Cut(entry, "\t")
		f := strings.Fields(about) // mode, type, object, size
		if !ok || len(f) != 4 || f[1] != "blob" || len(all) == mostFiles {
			continue
		}
		size, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("reading the size of %s: %w", path, err)
		}
		all = append(all, file{path, size, f[2]})
	}
	return all, nil
}

// text is what a file says, or why it is not shown.
func (s *Server) text(ctx context.Context, name string, f file) (string, error) {
	if f.Size > mostBytes {
		return fmt.Sprintf("(%d bytes: clone the repository to see them)", f.Size), nil
	}
	out, err := s.git(ctx, "--git-dir", s.dir(name), "cat-file", "blob", f.object)
	if err != nil {
		return "", err
	}
	if !utf8.ValidString(out) || strings.Contains(out, "\x00") {
		return fmt.Sprintf("(%d bytes that are no text)", f.Size), nil
	}
	return out, nil
}

// shown is what the page of a repository says.
type shown struct {
	Base, Name string
	Branches   []branch
	Branch     branch // the one that is looked at; without a name if there is none
	Commits    []commit
	Files      []file
	Path, Text string // of the file that is looked at
}

// show is the page of a repository: its branches, and of one of them the newest
// commits and the files, or one file. Git is asked for nothing but what it named
// itself.
func (s *Server) show(w http.ResponseWriter, r *http.Request, name string) {
	ctx, query := r.Context(), r.URL.Query()
	v := shown{Base: base(r), Name: name, Branches: s.branches(ctx, name), Path: query.Get("path")}
	for _, b := range v.Branches {
		if b.Name == query.Get("ref") || v.Branch.Name == "" && query.Get("ref") == "" {
			v.Branch = b
		}
	}
	if v.Branch.Name == "" && (query.Get("ref") != "" || v.Path != "") {
		http.NotFound(w, r)
		return
	}
	if v.Branch.Name != "" {
		v.Commits = s.commits(ctx, name, v.Branch.Commit.Digest, mostCommits)
		all, err := s.files(ctx, name, v.Branch.Commit.Digest)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		v.Files = all
	}
	if v.Path != "" {
		i := slices.IndexFunc(v.Files, func(f file) bool { return f.Path == v.Path })
		if i < 0 {
			http.NotFound(w, r)
			return
		}
		text, err := s.text(ctx, name, v.Files[i])
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		v.Text = text
	}
	render(w, "repository", v)
}
