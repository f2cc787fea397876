// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"rhumb.run/rhumb/lab/internal/password"
	"rhumb.run/rhumb/lab/internal/program"
)

// Options says where the server keeps its repositories, where it listens, who
// may push and whom it tells of it.
type Options struct {
	Root     string
	Listen   []string
	Notify   []string
	Bases    []string // addresses that the server is known by
	Password string   // a file; made if it is not there
	Secret   string   // a file that says what notifications are signed with; none if empty
}

// Main runs the server until it is told to stop and returns its exit code.
func Main(args []string) int {
	var o Options
	flags := pflag.NewFlagSet("git", pflag.ContinueOnError)
	flags.StringVar(&o.Root, "root", "", "directory of the repositories")
	flags.StringArrayVar(&o.Listen, "listen", nil, "address to listen on; may be repeated")
	flags.StringArrayVar(&o.Notify, "notify", nil, "URL that each push is posted to; may be repeated")
	flags.StringArrayVar(&o.Bases, "base", nil, "address that the server is known by, for notifications; may be repeated")
	flags.StringVar(&o.Secret, "notify-secret-file", "", "what notifications are signed with")
	flags.StringVar(&o.Password, "password-file", "", "password of user "+User+"; made if it is not there")
	return program.Main(flags, args, func(ctx context.Context) error { return serve(ctx, o) })
}

func serve(ctx context.Context, o Options) error {
	backend, err := Backend()
	if err != nil {
		return err
	}
	known, err := password.Keep(o.Password)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.Root, 0o700); err != nil {
		return fmt.Errorf("making the directory of the repositories: %w", err)
	}
	s := &Server{Root: o.Root, Backend: backend, Password: known}
	var secret []byte
	if o.Secret != "" {
		raw, err := os.ReadFile(o.Secret)
		if err != nil {
			return fmt.Errorf("reading the secret of notifications: %w", err)
		}
		secret = bytes.TrimSpace(raw)
	}
	var tell []*Notifier
	for _, url := range o.Notify {
		tell = append(tell, NewNotifier(ctx, Hook{URL: url, Bases: o.Bases, Secret: secret, Every: 3 * time.Second}))
	}
	s.Pushed = func(pushes []Push) {
		for _, n := range tell {
			n.Tell(pushes)
		}
	}
	return program.Serve(ctx, "the git server", &http.Server{Handler: s}, o.Listen...)
}

// Backend finds git-http-backend, which is part of git.
func Backend() (string, error) {
	cmd := exec.Command("git", "--exec-path")
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("asking git where its programs are: %w", err)
	}
	path := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("finding git-http-backend, which should be part of git: %w", err)
	}
	return path, nil
}
