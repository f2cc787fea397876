// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// none is what git calls a commit that is not there.
const none = "0000000000000000000000000000000000000000"

// Push is a ref that moved.
type Push struct {
	Repository, Ref, Before, After string
}

// environment keeps the settings of whoever started the lab away from git.
func environment(root string) []string {
	return []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + root, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0"}
}

// detached outlives the request.
func detached(r *http.Request) context.Context { return context.WithoutCancel(r.Context()) }

func (s *Server) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Env = s.Root, environment(s.Root)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("running git %s: %w: %s", args[0], err, out)
	}
	return string(out), nil
}

// ensure makes the repository of a name that nobody has pushed to before.
func (s *Server) ensure(ctx context.Context, name string) error {
	dir := s.dir(name)
	_, err := os.Stat(filepath.Join(dir, "HEAD"))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := s.git(ctx, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", dir); err != nil {
		return fmt.Errorf("making repository %s: %w", name, err)
	}
	// kpack, and others who know which commit they want, ask for it by its digest.
	for _, setting := range []string{"uploadpack.allowAnySHA1InWant", "uploadpack.allowReachableSHA1InWant", "uploadpack.allowFilter"} {
		if _, err := s.git(ctx, "--git-dir", dir, "config", setting, "true"); err != nil {
			return fmt.Errorf("making repository %s: %w", name, err)
		}
	}
	return nil
}

// refs are what a repository's branches and tags point to.
func (s *Server) refs(ctx context.Context, name string) map[string]string {
	out, err := s.git(ctx, "--git-dir", s.dir(name), "for-each-ref", "--format=%(objectname) %(refname)")
	if err != nil {
		return nil
	}
	refs := map[string]string{}
	for line := range strings.Lines(out) {
		if digest, ref, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			refs[ref] = digest
		}
	}
	return refs
}

// settle makes a repository's first branch the one that a clone gets, whatever
// it is called.
func (s *Server) settle(ctx context.Context, name string, refs map[string]string) {
	head, err := s.git(ctx, "--git-dir", s.dir(name), "symbolic-ref", "HEAD")
	if err != nil || refs[strings.TrimSpace(head)] != "" {
		return
	}
	var branches []string
	for ref := range refs {
		if strings.HasPrefix(ref, "refs/heads/") {
			branches = append(branches, ref)
		}
	}
	if len(branches) > 0 {
		// It is a convenience: whoever names a branch does without.
		_, _ = s.git(ctx, "--git-dir", s.dir(name), "symbolic-ref", "HEAD", slices.Min(branches))
	}
}

// moves are the differences between two sights of a repository's refs.
func moves(name string, before, after map[string]string) []Push {
	var out []Push
	for ref, digest := range after {
		if before[ref] != digest {
			was := before[ref]
			if was == "" {
				was = none
			}
			out = append(out, Push{name, ref, was, digest})
		}
	}
	for ref, digest := range before {
		if after[ref] == "" {
			out = append(out, Push{name, ref, digest, none})
		}
	}
	slices.SortFunc(out, func(a, b Push) int { return strings.Compare(a.Ref, b.Ref) })
	return out
}

// names lists the repositories.
func (s *Server) names() []string {
	var out []string
	for _, pattern := range []string{"*.git", "*/*.git"} {
		dirs, _ := filepath.Glob(filepath.Join(s.Root, pattern)) // only a bad pattern fails
		for _, d := range dirs {
			rel, err := filepath.Rel(s.Root, d)
			if err == nil {
				out = append(out, strings.TrimSuffix(rel, ".git"))
			}
		}
	}
	slices.Sort(out)
	return out
}
