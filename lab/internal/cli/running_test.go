// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/lab/internal/lab"
	"rhumb.run/rhumb/lab/internal/layout"
)

// A lab that runs is not what somebody asks for who names other flags: that is said, with the way out.
func TestUpOnRunning(t *testing.T) {
	for name, tc := range map[string]struct {
		why           string
		started, asks []string
		want          string // empty if nothing is wrong
	}{
		"Same":        {"a script may say it twice", []string{"--with=git", "--outside=github.com=git"}, []string{"--with=git", "--outside=github.com=git"}, ""},
		"Fewer":       {"what is there is enough", []string{"--with=git,flux"}, []string{"--with=flux"}, ""},
		"Bare":        {"who asks for nothing takes what is there", []string{"--with=git,flux", "--registry-port=7"}, nil, ""},
		"Any port":    {"the one it has is one", nil, []string{"--api-port=0"}, ""},
		"Its port":    {"which it has without asking for its neighbour once more", []string{"--with=git"}, []string{"--git-port=5001"}, ""},
		"Its name":    {"likewise", []string{"--with=git", "--outside=github.com=git"}, []string{"--outside=github.com=git"}, ""},
		"Neighbours":  {"it would be waited for in vain", []string{"--with=git"}, []string{"--with=git,flux"}, "--with=git,flux"},
		"Outside":     {"images would come from nowhere", nil, []string{"--outside=docker.io=hub"}, "--outside=docker.io=hub"},
		"Port":        {"nobody listens there", nil, []string{"--registry-port=5500"}, "--registry-port=5500"},
		"No node":     {"that is another lab", nil, []string{"--no-node"}, "--no-node=true"},
		"Two of them": {"both are named", nil, []string{"--api-port=1", "--forward=1=10.250.0.1:80"}, "--api-port=1 --forward=1=10.250.0.1:80"},
	} {
		t.Run(name, func(t *testing.T) {
			runs, err := parse(t, tc.started...)
			if err != nil {
				t.Fatal(err)
			}
			if runs.APIPort == 0 {
				runs.APIPort = 40000
			}
			cmd, f := &cobra.Command{Use: "up"}, &upFlags{}
			f.define(cmd)
			if err := cmd.ParseFlags(tc.asks); err != nil {
				t.Fatal(err)
			}
			asked, err := f.beside(runs.With).settings(cmd, layout.Layout{Root: "/data/lab"})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(unlike(cmd, asked, runs), " "); got != tc.want {
				t.Errorf("%s: unlike are %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}

// The message names the next step, and the command fails before it waits for anything.
func TestUpSaysWhatRuns(t *testing.T) {
	l := layout.Layout{Root: t.TempDir()}
	if err := l.Save(layout.Settings{Node: true, Name: layout.Name(l.Root)}); err != nil {
		t.Fatal(err)
	}
	lock, err := lab.Acquire(l)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Release() }()
	cmd := upCommand()
	cmd.SetArgs([]string{"--data-dir", l.Root, "--with", "git"})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(t.Context())
	if err == nil {
		t.Fatal("it says nothing")
	}
	for _, want := range []string{"--with=git", "rhumb-lab down --data-dir " + l.Root, "another --data-dir"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q: %v", want, err)
		}
	}
}
