// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Lab is one cluster of bin/rhumb-lab.
type Lab struct {
	Repo Repo
	// Dir holds everything of the lab.
	Dir string
}

// Lab names a lab whose data lie in .rhumb/<name>.
func (r Repo) Lab(name string) Lab { return Lab{Repo: r, Dir: r.Path(".rhumb", name)} }

func (l Lab) run(ctx context.Context, command string, args ...string) (string, error) {
	return l.Repo.Run(ctx, nil, l.Repo.Path("bin", "rhumb-lab"), append([]string{command, "--data-dir", l.Dir}, args...)...)
}

// Up starts the lab, or does nothing if it runs.
func (l Lab) Up(ctx context.Context, args ...string) error {
	_, err := l.run(ctx, "up", args...)
	return err
}

// Down stops the lab and keeps its state.
func (l Lab) Down(ctx context.Context) error {
	_, err := l.run(ctx, "down")
	return err
}

// Remove stops the lab and removes its state. A folder without settings holds a
// lab that never came up.
func (l Lab) Remove(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(l.Dir, "settings.json")); errors.Is(err, os.ErrNotExist) {
		return os.RemoveAll(l.Dir)
	}
	_, err := l.run(ctx, "down", "--delete")
	return err
}

// Component stops or starts a part of the lab, or a neighbour.
func (l Lab) Component(ctx context.Context, verb, name string) error {
	_, err := l.run(ctx, "component", verb, name)
	return err
}

// Push makes an image of one binary, pushes it and returns its digest.
func (l Lab) Push(ctx context.Context, ref, binary string) (string, error) {
	return l.PushWith(ctx, ref, "--binary", binary)
}

// PushWith makes an image of what flags of `rhumb-lab push` say.
func (l Lab) PushWith(ctx context.Context, ref string, flags ...string) (string, error) {
	out, err := l.run(ctx, "push", append([]string{"--ref", ref}, flags...)...)
	if err != nil {
		return "", err
	}
	at := strings.LastIndex(out, "sha256:")
	if at < 0 || len(out) < at+71 {
		return "", fmt.Errorf("pushing %s: no digest in %q", ref, out)
	}
	return out[at : at+71], nil
}

// Kubeconfig is the path of the lab's kubeconfig.
func (l Lab) Kubeconfig(ctx context.Context) (string, error) {
	out, err := l.run(ctx, "kubeconfig", "--path")
	return strings.TrimSpace(out), err
}

// Kubectl runs kubectl against the lab and returns what it printed.
func (l Lab) Kubectl(ctx context.Context, args ...string) (string, error) {
	k, err := l.Kubeconfig(ctx)
	if err != nil {
		return "", err
	}
	return l.Repo.Run(ctx, []string{"KUBECONFIG=" + k, "KUBECACHEDIR=" + filepath.Join(filepath.Dir(k), "kubectl-cache")}, l.Repo.Path("bin", "kubectl"), args...)
}

// Lines runs bin/rhumb against the lab and hands on each line that it prints, as
// it comes, until it ends or ctx does.
func (l Lab) Lines(ctx context.Context, line func(string), args ...string) error {
	k, err := l.Kubeconfig(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, l.Repo.Path("bin", "rhumb"), append(args, "--kubeconfig", k)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 5 * time.Second
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("running rhumb: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("running rhumb: %w", err)
	}
	for s := bufio.NewScanner(out); s.Scan(); {
		line(s.Text())
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("running rhumb %s: %w\n%s", strings.Join(args, " "), err, tail(errs.String(), 20))
	}
	return nil
}

// Logs are the last lines of every part of the lab, for whoever reads a failure.
func (l Lab) Logs(ctx context.Context) string {
	out, err := l.run(ctx, "logs")
	if err != nil {
		return out + "\n" + err.Error()
	}
	return out
}
