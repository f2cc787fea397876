// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"rhumb.run/rhumb/internal/core/render"
)

// startTime is how long a helper may take until it is ready.
const startTime = 30 * time.Second

// maxKnown is how many templates a helper is expected to remember; more than it does.
const maxKnown = 4 * maxParsed

// helper is a process that evaluates templates, as seen from outside. It
// belongs to one caller at a time.
type helper struct {
	limits Limits
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	last   lastWords
	known  map[string]bool
	ended  sync.Once
	exit   error
	// spent is true if it was ended as it answered.
	spent bool
	idle  *time.Timer
}

// start makes a helper and waits until it is ready. It must be called on a
// thread that outlives the helper: that thread's end would be the helper's.
func start(limits Limits) (*helper, error) {
	if err := refuse(); err != nil {
		return nil, err
	}
	path, err := self()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	h := &helper{limits: limits, known: map[string]bool{}}
	h.cmd = &exec.Cmd{Path: path, Args: []string{helperName}, Env: []string{}, Dir: "/", Stderr: &h.last}
	attach(h.cmd)
	in, err := h.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	h.in, h.out = in, bufio.NewReaderSize(out, 64<<10)
	if err := h.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a process to evaluate ytt: %w", err)
	}
	late := time.AfterFunc(startTime, h.kill)
	defer late.Stop()
	if m, err := receive(h.out, 0); err != nil || m.kind != msgReady {
		return nil, fmt.Errorf("starting a process to evaluate ytt: it is not ready: %w", h.end())
	}
	return h, nil
}

// ask has a template evaluated. A *death says that the helper is no more; any
// other error is the template's own.
func (h *helper) ask(ctx context.Context, p render.Program, values []byte) ([]byte, error) {
	var late atomic.Bool
	deadline := time.AfterFunc(h.limits.Time, func() { late.Store(true); h.kill() })
	given := context.AfterFunc(ctx, h.kill)
	m, err := h.exchange(p, values)
	inTime, wanted := deadline.Stop(), given()
	h.spent = !inTime || !wanted
	if err == nil {
		return h.understand(m)
	}
	exit := h.end()
	switch {
	case ctx.Err() != nil:
		return nil, &death{cause: abandoned, err: ctx.Err()}
	case late.Load():
		return nil, &death{cause: timedOut, err: fmt.Errorf("the template took longer than %s", h.limits.Time)}
	}
	return nil, h.last.death(exit, h.limits)
}

func (h *helper) understand(m message) ([]byte, error) {
	switch m.kind {
	case msgDone:
		return m.fields[0], nil
	case msgFailed:
		return nil, errors.New(string(m.fields[0]))
	}
	h.kill()
	return nil, &death{cause: broken, err: fmt.Errorf("the process that evaluates it answered with nonsense (%w)", h.end())}
}

func (h *helper) exchange(p render.Program, values []byte) (message, error) {
	text := []byte(p.Text)
	if h.known[p.Digest] {
		text = nil
	}
	for {
		if err := send(h.in, msgRender, []byte(p.Digest), text, values); err != nil {
			return message{}, err
		}
		m, err := receive(h.out, max(h.limits.Output*2, h.limits.Message*2))
		if err != nil || m.kind != msgUnknown || text != nil {
			h.remember(p.Digest)
			return m, err
		}
		text = []byte(p.Text) // it forgot
	}
}

func (h *helper) remember(digest string) {
	if len(h.known) >= maxKnown {
		clear(h.known)
	}
	h.known[digest] = true
}

// kill ends the process at once; end then says how it went.
func (h *helper) kill() { _ = h.cmd.Process.Kill() }

// stop ends a helper that is idle.
func (h *helper) stop() {
	h.kill()
	_ = h.end()
}

// end waits for the process and gives back all that it held.
func (h *helper) end() error {
	h.ended.Do(func() {
		h.kill()
		_ = h.in.Close()
		if h.exit = h.cmd.Wait(); h.exit == nil {
			h.exit = errors.New("exit status 0")
		}
	})
	return h.exit
}

// refuse keeps a program that never calls Main from starting itself again and again.
func refuse() error {
	if len(os.Args) > 0 && os.Args[0] == helperName {
		return errors.New("this process evaluates ytt itself: its program does not begin with ytt.Main")
	}
	return nil
}
