// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/lab/internal/layout"
)

func logsCommand() *cobra.Command {
	w, follow, lines := &where{}, false, 0
	cmd := &cobra.Command{
		Use:   "logs [COMPONENT]",
		Short: "Print the log of a component, or the end of each",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := w.layout()
			if err != nil {
				return err
			}
			names, err := logNames(l)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if _, err := os.Stat(l.Log(args[0])); err != nil {
					return fmt.Errorf("no log of %q; there are %s", args[0], strings.Join(names, ", "))
				}
				names = args
			} else if !cmd.Flags().Changed("tail") {
				lines = 10
			}
			return printLogs(cmd.Context(), cmd.OutOrStdout(), l, names, lines, follow)
		},
	}
	w.flags(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is written from now on")
	cmd.Flags().IntVar(&lines, "tail", 0, "only the last lines; 0 is all of one component, 10 of each of many")
	return cmd
}

func logNames(l layout.Layout) ([]string, error) {
	files, err := filepath.Glob(l.Log("*"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no lab was started in %s ('rhumb-lab up' does)", l.Root)
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".log"))
	}
	return names, nil
}

// printLogs prints each file from the wanted line on, and, when following,
// looks for more until ctx ends. Lines of several are marked with their name.
func printLogs(ctx context.Context, out io.Writer, l layout.Layout, names []string, lines int, follow bool) error {
	readers := map[string]*bufio.Reader{}
	for _, n := range names {
		f, err := os.Open(l.Log(n))
		if err != nil {
			return fmt.Errorf("opening a log: %w", err)
		}
		defer f.Close()
		if lines > 0 {
			if err := seekLines(f, lines); err != nil {
				return err
			}
		}
		readers[n] = bufio.NewReader(f)
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, n := range names {
			prefix := ""
			if len(names) > 1 {
				prefix = fmt.Sprintf("%-24s| ", n)
			}
			if err := drain(out, readers[n], prefix); err != nil {
				return err
			}
		}
		if !follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func drain(out io.Writer, r *bufio.Reader, prefix string) error {
	for {
		line, err := r.ReadString('\n')
		if line != "" {
			if _, err := io.WriteString(out, prefix+strings.TrimSuffix(line, "\n")+"\n"); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a log: %w", err)
		}
	}
}

// seekLines sets f to where its last n lines begin, looking at its end only.
func seekLines(f *os.File, n int) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("reading a log: %w", err)
	}
	const window = 1 << 20
	start := max(0, info.Size()-window)
	buf := make([]byte, info.Size()-start)
	if _, err := f.ReadAt(buf, start); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading a log: %w", err)
	}
	at := len(buf)
	for i := len(buf) - 2; i >= 0 && n > 0; i-- {
		if buf[i] == '\n' {
			n--
		}
		at = i + 1
		if i == 0 && n > 0 {
			at = 0
		}
	}
	_, err = f.Seek(start+int64(at), io.SeekStart)
	return err
}
