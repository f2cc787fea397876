// SPDX-License-Identifier: Apache-2.0

// Command demo is `make demo`: the main job of Rhumb, on a real Kubernetes in a
// folder of the repository, told step by step while it happens.
//
//	lab up ─▶ install Rhumb ─▶ push an image ─▶ apply the chain and a Workload ─▶ it answers
//	                           push another  ─▶ ................................. it answers anew
//
// Where no node can run it says what is missing, and shows the chain up to the
// Deployment object. It keeps the lab when it ends; `make clean-demo` removes it.
//
// With --source it is `make demo-source`, in a lab of its own:
//
//	lab up with git, Flux, kpack ─▶ push four applications ─▶ apply chain and Workloads ─▶ four URLs answer
//	                                a commit to one        ─▶ .......................... ─▶ it answers anew
//	                                delete a Workload      ─▶ nothing of it is left
//
// With --cloner it is `make demo-cloner`, again in a lab of its own:
//
//	lab up with a Docker Hub ─▶ run the image cloner ─▶ apply nginx ─▶ copied, rewritten, it answers
//	                            the Hub is taken away ─▶ scale up    ─▶ it answers
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rhumb.run/rhumb/test/e2e/rig"
)

func main() {
	started := flag.String("started", "", "when the user pressed return, in Unix seconds")
	noNode := flag.Bool("no-node", false, "show only what a control plane without a node can show")
	fromGit := flag.Bool("source", false, "tell the story from git to a URL, for which a node is needed")
	cloner := flag.Bool("cloner", false, "tell the story of the image cloner, for which a node is needed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	which := mainJob
	switch {
	case *fromGit:
		which = fromSource
	case *cloner:
		which = imageCloner
	}
	if err := run(ctx, beginning(*started), *noNode, which); err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

// tale is which story is told.
type tale int

const (
	mainJob tale = iota
	fromSource
	imageCloner
)

// beginning is the time that all others are told from.
func beginning(s string) time.Time {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(n, 0)
	}
	return time.Now()
}

func run(ctx context.Context, began time.Time, noNode bool, which tale) error {
	repo, err := rig.Find()
	if err != nil {
		return err
	}
	if which != mainJob {
		if lacks := nodeLacks(repo); len(lacks) > 0 {
			return fmt.Errorf("this story is of pods, and no node can run here. What is missing:\n  - %s", strings.Join(lacks, "\n  - "))
		}
		if which == fromSource {
			return tellSources(ctx, newTeller(os.Stdout, began), repo.Lab("demo-source"))
		}
		return tellCloning(ctx, newTeller(os.Stdout, began), repo.Lab("demo-cloner"))
	}
	d := &demo{out: newTeller(os.Stdout, began), lab: repo.Lab("demo"), ledger: newLedger(began)}
	if !noNode {
		if lacks := nodeLacks(repo); len(lacks) > 0 {
			d.out.Note("No node can run here, so no pod either; the chain is shown up to the Deployment object. What is missing:")
			for _, l := range lacks {
				d.out.Note("  - " + l)
			}
			noNode = true
		}
	}
	if noNode {
		return d.withoutNode(ctx)
	}
	return d.onNode(ctx)
}
