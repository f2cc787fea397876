// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"bufio"
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// helperName is what a helper is called: its first argument, which no one who
// types a command sets.
const helperName = "rhumb-ytt-helper"

// Main must be the first thing that a program does which makes a Pool, and
// that its tests do in TestMain. In a helper it serves, and never returns.
func Main() {
	if len(os.Args) == 1 && os.Args[0] == helperName {
		os.Exit(serve(os.Stdin, os.Stdout, DefaultLimits))
	}
}

// exits of a helper by its own decision, told apart from those of the runtime.
const (
	exitOver    = 0  // its parent is gone, or wants no more
	exitLate    = 60 // its parent should have ended it long ago
	exitBroken  = 61 // the pipe holds nonsense
	exitLimited = 62 // it could not limit itself
)

// serve answers one message after the other.
func serve(in io.Reader, out io.Writer, limits Limits) int {
	if err := confine(limits); err != nil {
		return exitLimited
	}
	if err := silence(); err != nil {
		return exitLimited
	}
	e := newEvaluator(limits)
	if _, err := e.render("", warmUp, []byte(`{"name":"x"}`)); err != nil {
		return exitBroken
	}
	if err := send(out, msgReady); err != nil {
		return exitOver
	}
	for m := range requests(in, limits) {
		// The parent ends a helper in time, unless it was stopped itself.
		late := time.AfterFunc(2*limits.Time+time.Second, func() { os.Exit(exitLate) })
		err := answer(out, e, m)
		late.Stop()
		if err != nil {
			return exitOver
		}
	}
	return exitOver
}

// requests reads ahead, so that the end of the parent is noticed in the midst
// of an evaluation too.
func requests(in io.Reader, limits Limits) <-chan message {
	requests := make(chan message)
	go func() {
		r := bufio.NewReaderSize(in, 64<<10)
		for {
			m, err := receive(r, max(limits.Text, limits.Input))
			switch {
			case errors.Is(err, io.EOF):
				os.Exit(exitOver)
			case err != nil || m.kind != msgRender:
				os.Exit(exitBroken)
			}
			requests <- m
		}
	}()
	return requests
}

func answer(out io.Writer, e *evaluator, m message) error {
	object, err := e.render(string(m.fields[0]), string(m.fields[1]), m.fields[2])
	switch {
	case errors.Is(err, errUnknown):
		return send(out, msgUnknown)
	case err != nil:
		return send(out, msgFailed, []byte(cut(err.Error(), e.limits.Message)))
	}
	return send(out, msgDone, object)
}

// cut bounds a message, at the end of a rune.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + " …"
}

// confine makes a helper end itself when a template wants too much of it.
func confine(limits Limits) error {
	runtime.GOMAXPROCS(2) // one evaluates, one listens and collects garbage
	debug.SetMaxStack(limits.Stack)
	debug.SetTraceback("none") // a trace tells nothing to anybody: the template is known
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(int64(limits.Memory) * 3 / 4)
	return limitMemory(limits.Memory)
}

// silence drops what a template prints: standard error is for the runtime's
// last words, and standard output is the pipe.
func silence() error {
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	os.Stdout, os.Stderr = nowhere, nowhere
	return err
}

// warmUp makes a helper load what every template needs, before anyone waits for it.
const warmUp = `#@ load("@ytt:data", "data")
#@ load("@ytt:yaml", "yaml")
---
name: #@ data.values.name
`
