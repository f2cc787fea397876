// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rhumb.run/rhumb/internal/core/draft"
)

// applyFlags are what apply and create take.
type applyFlags struct {
	sight
	local localFlags
	asked draft.Flags
	// create refuses a name that is taken.
	create bool

	file, form, strategy           string
	dryRun, export, exitCode       bool
	yes, wait, tail, tailTimestamp bool
	timeout, delay                 time.Duration
}

const applyLong = `The workload is what is there, with what the file has laid over it, and what
flags say over that. A file never takes away what it lacks, unless
--update-strategy is replace; of a flag, "" or KEY- does. The difference is
shown, and nothing is changed before a yes.`

func newApply(io *streams) *cobra.Command {
	return newSubmit(io, &applyFlags{}, &cobra.Command{
		Use:   "apply [NAME] [-f FILE]",
		Short: "Create or change a workload",
		Long:  "apply creates a workload, or changes the one that is there.\n\n" + applyLong,
		Example: `  rhumb workload apply petclinic --git-repo https://git.example.com/petclinic --git-branch main --type web
  rhumb workload apply -f workload.yaml --yes --wait
  rhumb workload apply petclinic --env SPRING_PROFILES_ACTIVE=mysql --env OLD-
  rhumb workload apply petclinic --local-path . --source-image registry.example.com/petclinic-source`,
	})
}

func newCreate(io *streams) *cobra.Command {
	return newSubmit(io, &applyFlags{create: true}, &cobra.Command{
		Use:   "create NAME [-f FILE]",
		Short: "Create a workload; one that is there already is not touched",
		Long:  "create makes a workload, and fails if there is one of that name.\n\n" + applyLong,
		Example: `  rhumb workload create petclinic --image registry.example.com/petclinic:1
  rhumb workload create -f https://example.com/workload.yaml --dry-run`,
	})
}

func newSubmit(io *streams, f *applyFlags, cmd *cobra.Command) *cobra.Command {
	cmd.Args = exactly(cobra.MaximumNArgs(1))
	if !f.create {
		cmd.ValidArgsFunction = f.names(false)
	}
	f.flags(cmd, true)
	flags := cmd.Flags()
	flags.SortFlags = true
	said := f.wishes(flags)
	f.local.flags(flags)
	flags.StringVarP(&f.file, "file", "f", "", "a file with the workload: a path, a URL, or - for standard input, which needs --yes")
	flags.StringVar(&f.strategy, "update-strategy", "merge", "what a file does to fields that it lacks: merge leaves them, replace takes them away")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print the workload, and change nothing")
	flags.BoolVar(&f.exitCode, "exit-code", false, "with --dry-run: leave with 2 if something would change")
	flags.BoolVar(&f.export, "export", false, "print what its developer wrote of the workload once it is applied")
	flags.StringVarP(&f.form, "output", "o", "", "print the workload once it is applied: yaml, json or name; all else goes to standard error")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	flags.BoolVar(&f.wait, "wait", false, "wait until it is ready; leave with 2 and the cause if it is not")
	flags.DurationVar(&f.timeout, "wait-timeout", 10*time.Minute, "how long to wait")
	flags.DurationVar(&f.delay, "delay", 30*time.Second, "how long it may be failing before waiting ends: what fails may mend itself")
	flags.BoolVar(&f.tail, "tail", false, "show logs while waiting")
	flags.BoolVar(&f.tailTimestamp, "tail-timestamp", false, "show logs while waiting, with the time before each line")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for name, take := range said {
			if flags.Changed(name) {
				take()
			}
		}
		return (&submission{applyFlags: f, cmd: cmd, io: io}).run(args)
	}
	return cmd
}

// wishes are the flags that change the workload. What was not said stays nil.
func (f *applyFlags) wishes(flags *pflag.FlagSet) map[string]func() {
	said := map[string]func(){}
	text := func(into **string, name, short, usage string) {
		value := flags.StringP(name, short, "", usage)
		said[name] = func() { *into = value }
	}
	toggle := func(into **bool, name, usage string) {
		value := flags.Bool(name, false, usage)
		said[name] = func() { *into = value }
	}
	a := &f.asked
	text(&a.App, "app", "a", "the application that it is a part of")
	text(&a.Type, "type", "t", "what it is: web, server, worker (default of a new one without a file: TANZU_APPS_TYPE or web)")
	text(&a.GitRepo, "git-repo", "", "the git repository of its source")
	text(&a.GitBranch, "git-branch", "", "the branch to follow")
	text(&a.GitTag, "git-tag", "", "the tag to use")
	text(&a.GitCommit, "git-commit", "", "the commit to use")
	text(&a.SubPath, "sub-path", "", "the folder of the source in which it lives")
	text(&a.Image, "image", "i", "the image, if it is built already")
	text(&a.SourceImage, "source-image", "s", "the image that holds the source; with --local-path, where to put it")
	text(&a.ServiceAccount, "service-account", "", "the service account in whose name all is made")
	text(&a.LimitCPU, "limit-cpu", "", "the most CPU: 500m, 2")
	text(&a.LimitMemory, "limit-memory", "", "the most memory: 512Mi, 1Gi")
	text(&a.RequestCPU, "request-cpu", "", "the CPU it is promised")
	text(&a.RequestMemory, "request-memory", "", "the memory it is promised")
	text(&a.MavenArtifact, "maven-artifact", "", "artifactId of the Maven artifact to use")
	text(&a.MavenGroup, "maven-group", "", "groupId of the Maven artifact")
	text(&a.MavenVersion, "maven-version", "", "version of the Maven artifact")
	text(&a.MavenType, "maven-type", "", "packaging of the Maven artifact: jar, war")
	toggle(&a.Debug, "debug", "param debug is true: templates let a debugger in")
	toggle(&a.LiveUpdate, "live-update", "param live-update is true: templates let files be replaced in place")
	flags.StringArrayVarP(&a.Labels, "label", "l", nil, "a label of the workload: KEY=VALUE, or KEY- to take it away")
	flags.StringArrayVar(&a.Annotations, "annotation", nil, "an annotation for what is made (param annotations): KEY=VALUE or KEY-")
	flags.StringArrayVarP(&a.Env, "env", "e", nil, "environment of the application: KEY=VALUE or KEY-")
	flags.StringArrayVar(&a.BuildEnv, "build-env", nil, "environment of the build: KEY=VALUE or KEY-")
	flags.StringArrayVarP(&a.Params, "param", "p", nil, "a param, as text: KEY=VALUE or KEY-")
	flags.StringArrayVar(&a.ParamsYAML, "param-yaml", nil, "a param, as YAML or JSON: KEY=VALUE or KEY-")
	flags.StringArrayVar(&a.ServiceRefs, "service-ref", nil, "a service to bind: NAME=APIVERSION:KIND:NAME, or NAME- to let it go")
	return said
}

// defaultType is that of a new workload that was not written in a file.
func defaultType() string {
	if t := os.Getenv("TANZU_APPS_TYPE"); t != "" {
		return t
	}
	return "web"
}
