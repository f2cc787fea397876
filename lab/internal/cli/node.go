// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/lab/internal/box"
	"rhumb.run/rhumb/lab/internal/lab"
)

// initCommand is process 1 of a box.
func initCommand() *cobra.Command {
	w := &where{}
	cmd := &cobra.Command{
		Use: "init", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			l, err := w.layout()
			if err != nil {
				return err
			}
			if os.Getpid() != 1 {
				return errors.New("init is process 1 of a lab's own namespaces; 'rhumb-lab up' starts it there")
			}
			if err := box.Init(l.Root); err != nil {
				lab.Wire(os.NewFile(3, "progress"))(lab.Event{Error: err.Error()})
				return err
			}
			return nil
		},
	}
	w.flags(cmd)
	return cmd
}

// insideCommand is the lab within its box. It reports on descriptor 3.
func insideCommand() *cobra.Command {
	return &cobra.Command{
		Use: "inside", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if os.Getenv("HOME") != box.DataDir {
				return errors.New("inside is the lab in its box; 'rhumb-lab up' starts it there")
			}
			return reporting(func(emit lab.Emit) error { return lab.Inside(cmd.Context(), emit) })
		},
	}
}

// reporting runs f with its events going to descriptor 3, until it is ready.
func reporting(f func(lab.Emit) error) error {
	pipe := os.NewFile(3, "progress")
	tell := lab.Wire(pipe)
	err := f(func(e lab.Event) {
		tell(e)
		if e.Ready {
			_ = pipe.Close()
		}
	})
	if err != nil {
		tell(lab.Event{Error: err.Error()})
	}
	return err
}

func shellCommand() *cobra.Command {
	w := &where{}
	cmd := &cobra.Command{
		Use:   "shell [-- COMMAND ARG...]",
		Short: "Enter a lab's network, mounts and processes",
		RunE: func(_ *cobra.Command, args []string) error {
			l, err := w.layout()
			if err != nil {
				return err
			}
			pid, err := lab.BoxPID(l)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				args = []string{"bash"}
			}
			env := append(os.Environ(), "KUBECONFIG="+box.DataDir+"/etc/admin.kubeconfig",
				"PATH="+box.BinDir+":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				"SSL_CERT_FILE="+box.DataDir+"/pki/authorities.crt", "CURL_CA_BUNDLE="+box.DataDir+"/pki/authorities.crt",
				"CONTAINERD_ADDRESS=/run/containerd/containerd.sock", "CONTAINERD_NAMESPACE=k8s.io", `PS1=(lab) \w # `)
			status, err := box.Enter(pid, args, env)
			if err != nil {
				return fmt.Errorf("entering the lab: %w", err)
			}
			if status != 0 {
				return exit{status}
			}
			return nil
		},
	}
	w.flags(cmd)
	return cmd
}
