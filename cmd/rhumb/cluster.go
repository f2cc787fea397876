// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rhumb.run/rhumb/internal/cluster"
	"rhumb.run/rhumb/internal/core/view"
)

// sight is which cluster a command is about, and how it shows what it sees.
type sight struct {
	kubeconfig, context, namespace string
	noColor, quiet                 bool
	// called is how this program was called: rhumb, or kubectl rhumb.
	called string
}

func (s *sight) flags(cmd *cobra.Command, namespaced bool) {
	flags := cmd.Flags()
	flags.StringVar(&s.kubeconfig, "kubeconfig", "", "the kubeconfig; KUBECONFIG or the one at home otherwise")
	flags.StringVar(&s.context, "context", "", "the context of the kubeconfig; the current one otherwise")
	flags.BoolVar(&s.noColor, "no-color", false, "neither colours nor emoji, as with NO_COLOR")
	flags.BoolVarP(&s.quiet, "quiet", "q", false, "without the last line, which says what to type next")
	complete(cmd, "context", func(context.Context, *cluster.Cluster) ([]string, error) { return cluster.Contexts(s.kubeconfig), nil }, nil)
	if namespaced {
		flags.StringVarP(&s.namespace, "namespace", "n", "", "the namespace; that of the context otherwise")
		complete(cmd, "namespace", func(ctx context.Context, c *cluster.Cluster) ([]string, error) { return c.Namespaces(ctx) }, s)
	}
}

func (s *sight) open(cmd *cobra.Command) (*cluster.Cluster, error) {
	s.called = cmd.Root().DisplayName()
	return cluster.Open(cluster.Options{Kubeconfig: s.kubeconfig, Context: s.context, Namespace: s.namespace})
}

// plain says whether emoji and colours are unwanted.
func (s *sight) plain() bool { return s.noColor || os.Getenv("NO_COLOR") != "" }

func (s *sight) paint(io *streams) paint { return painter(io.out) && paint(!s.noColor) }

// emoji is a sign before words, for those who like it.
func (s *sight) emoji(sign string) string {
	if s.plain() {
		return ""
	}
	return sign + " "
}

func (s *sight) style(io *streams, hint string) view.Style {
	out := view.Style{Plain: s.plain(), Hint: hint}
	if s.paint(io) {
		out.Bold = func(words string) string { return "\x1b[1m" + words + "\x1b[0m" }
	}
	if s.quiet {
		out.Hint = ""
	}
	return out
}

// next is a command to type, with what it takes to reach the same namespace.
func (s *sight) next(c *cluster.Cluster, verb, name string, flags ...string) string {
	words := []string{s.called, "workload", verb, name}
	if c.Namespace != c.Home {
		words = append(words, "--namespace", c.Namespace)
	}
	return `"` + strings.Join(append(words, flags...), " ") + `"`
}

func (s *sight) logsHint(c *cluster.Cluster, name string) string {
	return s.next(c, "tail", name, "--timestamp", "--since", "1h")
}

// complete offers what a cluster has for a flag. One that cannot be reached offers nothing.
func complete(cmd *cobra.Command, flag string, find func(context.Context, *cluster.Cluster) ([]string, error), s *sight) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return offer(cmd, s, typed, find)
	})
	if err != nil {
		panic(err) // the flag is not there: a mistake in this program
	}
}

func offer(cmd *cobra.Command, s *sight, typed string, find func(context.Context, *cluster.Cluster) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	var c *cluster.Cluster
	if s != nil {
		var err error
		if c, err = s.open(cmd); err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	all, err := find(cmd.Context(), c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	slices.Sort(all)
	return slices.DeleteFunc(all, func(o string) bool { return !strings.HasPrefix(o, typed) }), cobra.ShellCompDirectiveNoFileComp
}

// names offers workloads that are not on the line yet.
func (s *sight) names(several bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 && !several {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return offer(cmd, s, typed, func(ctx context.Context, c *cluster.Cluster) ([]string, error) {
			all, err := c.List(ctx, false, "")
			var out []string
			for i := range all {
				if !slices.Contains(args, all[i].Name) {
					out = append(out, all[i].Name)
				}
			}
			return out, err
		})
	}
}

// onTerminal says whether a stream is one that a person sits at.
func onTerminal(stream any) bool {
	if s, ok := stream.(*sink); ok {
		stream = s.w
	}
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
