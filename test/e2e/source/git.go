// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// gitPort is where the lab's git server is on the machine.
const gitPort = "5001"

// Clone is a developer's copy of a repository.
type Clone struct {
	s       *Story
	Dir     string
	address string // with the password
	branch  string
}

// PushApp pushes an application to the repository that its Workload names,
// unless that is there already, and returns the developer's copy of it. The
// same files make the same commit, always.
func (s *Story) PushApp(ctx context.Context, a App) (*Clone, error) {
	c, err := s.clone(ctx, a.Name, a.Repository, a.Branch)
	if err != nil {
		return nil, err
	}
	if _, err := c.git(ctx, "fetch", "--quiet", "origin", a.Branch); err == nil {
		_, err = c.git(ctx, "reset", "--quiet", "--hard", "FETCH_HEAD")
		return c, err
	}
	if err := os.CopyFS(c.Dir, os.DirFS(s.Lab.Repo.Path("examples", "apps", a.Name))); err != nil {
		return nil, fmt.Errorf("copying %s: %w", a.Name, err)
	}
	return c, c.commit(ctx, "Say hello", "2021-10-06T00:00:00Z")
}

// clone makes an empty copy that knows where the repository is.
func (s *Story) clone(ctx context.Context, name, repository, branch string) (*Clone, error) {
	password, err := s.password("git")
	if err != nil {
		return nil, err
	}
	at := url.URL{Scheme: "http", User: url.UserPassword(user, password), Host: "localhost:" + gitPort, Path: "/" + repository + ".git"}
	c := &Clone{s: s, Dir: filepath.Join(s.Lab.Dir, "clones", s.Namespace, name), address: at.String(), branch: branch}
	if err := os.RemoveAll(c.Dir); err != nil {
		return nil, fmt.Errorf("making room for %s: %w", name, err)
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making room for %s: %w", name, err)
	}
	if _, err := c.git(ctx, "init", "--quiet", "--initial-branch="+branch); err != nil {
		return nil, err
	}
	_, err = c.git(ctx, "remote", "add", "origin", c.address)
	return c, err
}

// Edit replaces a text in a file of the copy, once, and pushes that. It returns
// the commit, and when the push was done.
func (c *Clone) Edit(ctx context.Context, file, old, text string) (commit string, pushed time.Time, err error) {
	path := filepath.Join(c.Dir, file)
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("editing: %w", err)
	}
	if !strings.Contains(string(raw), old) {
		return "", time.Time{}, fmt.Errorf("editing %s: it has no %q", path, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(raw), old, text, 1)), 0o600); err != nil {
		return "", time.Time{}, fmt.Errorf("editing: %w", err)
	}
	if err := c.commit(ctx, "Say "+text, ""); err != nil {
		return "", time.Time{}, err
	}
	pushed = time.Now()
	commit, err = c.Head(ctx)
	return commit, pushed, err
}

// Back moves the branch to an older commit, by force.
func (c *Clone) Back(ctx context.Context, commit string) error {
	if _, err := c.git(ctx, "reset", "--quiet", "--hard", commit); err != nil {
		return err
	}
	_, err := c.git(ctx, "push", "--quiet", "--force", "origin", "HEAD:"+c.branch)
	return err
}

// Head is the newest commit.
func (c *Clone) Head(ctx context.Context) (string, error) { return c.git(ctx, "rev-parse", "HEAD") }

// Has says whether a file has a text.
func (c *Clone) Has(file, text string) bool {
	raw, err := os.ReadFile(filepath.Join(c.Dir, file))
	return err == nil && strings.Contains(string(raw), text)
}

// commit commits everything and pushes it; with a date, the same again is the
// same commit.
func (c *Clone) commit(ctx context.Context, message, date string) error {
	if _, err := c.git(ctx, "add", "--all", "."); err != nil {
		return err
	}
	var dated []string
	if date != "" {
		dated = []string{"GIT_AUTHOR_DATE=" + date, "GIT_COMMITTER_DATE=" + date}
	}
	if _, err := c.run(ctx, dated, "commit", "--quiet", "--message", message); err != nil {
		return err
	}
	_, err := c.git(ctx, "push", "--quiet", "origin", "HEAD:"+c.branch)
	return err
}

func (c *Clone) git(ctx context.Context, args ...string) (string, error) {
	return c.run(ctx, nil, args...)
}

// run runs git as a developer whom no configuration of this machine disturbs;
// an error does not tell the password.
func (c *Clone) run(ctx context.Context, env []string, args ...string) (string, error) {
	env = append([]string{"GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0"}, env...)
	args = append([]string{"-C", c.Dir, "-c", "user.name=dev", "-c", "user.email=dev@example.com", "-c", "commit.gpgsign=false"}, args...)
	out, err := c.s.Lab.Repo.Run(ctx, env, "git", args...)
	if err != nil {
		return "", errors.New(strings.ReplaceAll(err.Error(), c.address, "the git server"))
	}
	return strings.TrimSpace(out), nil
}
