// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/lab/internal/git"
	"rhumb.run/rhumb/lab/internal/lab"
	"rhumb.run/rhumb/lab/internal/layout"
	"rhumb.run/rhumb/lab/internal/neighbour"
)

type upFlags struct {
	where
	noNode, scheduler, foreground, untilEOF, ephemeral bool
	apiPort, registryPort                              int
	gitPort, ingressPort                               int
	notify, gitNotify, forwards, with, outside         []string
	gitSecret                                          string
}

func upCommand() *cobra.Command {
	f := &upFlags{}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a lab and wait until it is ready",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.define(cmd)
	return cmd
}

func (f *upFlags) define(cmd *cobra.Command) {
	f.flags(cmd)
	cmd.Flags().BoolVar(&f.noNode, "no-node", false, "the control plane alone: no root needed, ready in seconds, any number side by side")
	cmd.Flags().BoolVar(&f.scheduler, "scheduler", false, "with --no-node: run the scheduler too")
	cmd.Flags().IntVar(&f.apiPort, "api-port", 6443, "port of the API server on 127.0.0.1; 0 is any free one (the default with --no-node)")
	cmd.Flags().IntVar(&f.registryPort, "registry-port", 5000, "port of the registry on 127.0.0.1; 0 is none (the default with --no-node)")
	cmd.Flags().StringArrayVar(&f.notify, "notify", nil, "URL told of each push to the registry; may be repeated (default with a node: Rhumb's own hook)")
	cmd.Flags().StringSliceVar(&f.with, "with", nil, "neighbours to run as well: "+strings.Join(neighbour.Names(), ", "))
	cmd.Flags().IntVar(&f.gitPort, "git-port", 5001, "with --with git: port of the git server on 127.0.0.1")
	cmd.Flags().IntVar(&f.ingressPort, "ingress-port", 8080, "with --with ingress: port of the ingress controller on 127.0.0.1")
	cmd.Flags().StringArrayVar(&f.gitNotify, "git-notify", nil, "URL told of each push to the git server; may be repeated (default with a node: Rhumb's own hook)")
	cmd.Flags().StringVar(&f.gitSecret, "git-notify-secret-file", "", "file that says what notifications of the git server are signed with (X-Hub-Signature-256)")
	cmd.Flags().StringArrayVar(&f.outside, "outside", nil, "NAME=git, NAME=registry or docker.io=hub, a name of the outside world that the lab answers for, in pods; may be repeated")
	cmd.Flags().StringArrayVar(&f.forwards, "forward", nil, "LISTEN=TARGET, a port of the machine's loopback that leads into the lab; may be repeated")
	cmd.Flags().BoolVar(&f.foreground, "foreground", false, "stay, and end the lab when interrupted")
	cmd.Flags().BoolVar(&f.untilEOF, "until-eof", false, "with --foreground: end the lab when standard input ends")
	cmd.Flags().BoolVar(&f.ephemeral, "ephemeral", false, "delete the data directory when the lab ends")
}

func (f *upFlags) run(cmd *cobra.Command) error {
	began, out := time.Now(), cmd.OutOrStdout()
	l, err := f.layout()
	if err != nil {
		return err
	}
	holder, err := lab.Look(l)
	if err != nil {
		return err
	}
	if holder.Alive {
		return f.onRunning(cmd, l, holder.PID)
	}
	s, err := f.settings(cmd, l)
	if err != nil {
		return err
	}
	if err := lab.Preflight(s); err != nil {
		return err
	}
	if err := os.MkdirAll(l.Root, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	if s, err = lab.Settle(l, s); err != nil {
		return err
	}
	if err := f.keepSecret(l); err != nil {
		return err
	}
	if err := l.Save(s); err != nil {
		return err
	}
	emit := lab.Print(out, began)
	if holder.PID != 0 {
		emit.Say("the last lab here (pid %d) ended uncleanly; cleaning up after it", holder.PID)
		if _, err := lab.Down(cmd.Context(), l); err != nil {
			return err
		}
	}
	if f.foreground {
		return f.stay(cmd, l, func(e lab.Event) {
			if e.Ready {
				_ = nextSteps(out, l)
			}
			emit(e)
		})
	}
	if err := lab.Up(cmd.Context(), l, emit); err != nil {
		return err
	}
	return nextSteps(out, l)
}

// keepSecret copies what the git server signs with to where it can read it: the
// user's files may be elsewhere in a box.
func (f *upFlags) keepSecret(l layout.Layout) error {
	if f.gitSecret == "" {
		return nil
	}
	raw, err := os.ReadFile(f.gitSecret)
	if err == nil && len(bytes.TrimSpace(raw)) == 0 {
		err = errors.New("it is empty")
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(l.GitSecret()), 0o700)
	}
	if err == nil {
		err = os.WriteFile(l.GitSecret(), raw, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keeping what --git-notify-secret-file says: %w", err)
	}
	return nil
}

// stay runs the lab in this process.
func (f *upFlags) stay(cmd *cobra.Command, l layout.Layout, emit lab.Emit) error {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	if f.untilEOF {
		go func() {
			_, _ = io.Copy(io.Discard, cmd.InOrStdin())
			cancel()
		}()
	}
	err := lab.Supervise(ctx, l, emit)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// settings are the flags', with the defaults of the mode.
func (f *upFlags) settings(cmd *cobra.Command, l layout.Layout) (layout.Settings, error) {
	s := layout.Settings{
		Name: f.name, Node: !f.noNode, Scheduler: f.scheduler, APIPort: f.apiPort, RegistryPort: f.registryPort,
		Notify: f.notify, Ephemeral: f.ephemeral, With: f.with, GitNotify: f.gitNotify, GitSecret: f.gitSecret != "",
	}
	if slices.Contains(f.with, neighbour.Git) {
		s.GitPort = f.gitPort
		if s.Node && !cmd.Flags().Changed("git-notify") {
			s.GitNotify = []string{layout.GitHookURL}
		}
	}
	if slices.Contains(f.with, neighbour.Ingress) {
		s.IngressPort = f.ingressPort
	}
	if s.Name == "" {
		s.Name = layout.Name(l.Root)
	}
	if f.noNode && !cmd.Flags().Changed("api-port") {
		s.APIPort = 0
	}
	if f.noNode && !cmd.Flags().Changed("registry-port") {
		s.RegistryPort = 0
	}
	if s.Node && !cmd.Flags().Changed("notify") {
		s.Notify = []string{layout.HookURL}
	}
	for _, text := range f.outside {
		name, err := layout.ParseOutside(text)
		if err != nil {
			return s, err
		}
		s.Outside = append(s.Outside, name)
	}
	if err := s.CheckOutside(); err != nil {
		return s, err
	}
	for _, text := range f.forwards {
		if f.noNode {
			return s, errors.New("--forward leads into a node's network: there is none with --no-node")
		}
		forward, err := layout.ParseForward(text)
		if err != nil {
			return s, err
		}
		s.Forwards = append(s.Forwards, forward)
	}
	return s, nil
}

func nextSteps(out io.Writer, l layout.Layout) error {
	s, err := l.Load()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n  export KUBECONFIG=%s\n  kubectl get namespaces\n", l.Kubeconfig())
	if s.RegistryPort > 0 {
		fmt.Fprintf(out, "  registry: localhost:%d\n", s.RegistryPort)
	}
	if s.GitPort > 0 {
		fmt.Fprintf(out, "  git:      http://localhost:%d (user %s, password in %s)\n", s.GitPort, git.User, l.GitPassword())
	}
	if s.IngressPort > 0 {
		fmt.Fprintf(out, "  ingress:  http://127.0.0.1:%d, by Host: curl -H 'Host: …'\n", s.IngressPort)
	}
	fmt.Fprintf(out, "  rhumb-lab status --data-dir %s\n  rhumb-lab down --data-dir %s\n", l.Root, l.Root)
	return nil
}

// superviseCommand is what "up" leaves running. It reports on descriptor 3.
func superviseCommand() *cobra.Command {
	w := &where{}
	cmd := &cobra.Command{
		Use: "supervise", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := w.layout()
			if err != nil {
				return err
			}
			return reporting(func(emit lab.Emit) error { return lab.Supervise(cmd.Context(), l, emit) })
		},
	}
	w.flags(cmd)
	return cmd
}
