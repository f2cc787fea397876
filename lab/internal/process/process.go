// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// State of a process as "status" shows it.
type State string

// The states; Failed is one that is about to be started again.
const (
	Running State = "running"
	Failed  State = "failed"
	Stopped State = "stopped"
)

// Spec is a program to keep running.
type Spec struct {
	Name  string
	Path  string
	Args  []string
	Env   []string
	Dir   string
	Log   string
	Grace time.Duration // between SIGTERM and SIGKILL
}

// Status is a moment of a process's life.
type Status struct {
	Name     string    `json:"name"`
	State    State     `json:"state"`
	PID      int       `json:"pid,omitempty"`
	Since    time.Time `json:"since"`
	Restarts int       `json:"restarts"`
	Last     string    `json:"last,omitempty"`
}

// Process is a Spec being kept running.
type Process struct {
	spec Spec

	mu      sync.Mutex
	cond    *sync.Cond
	status  Status
	wanted  bool
	running *os.Process
	wake    chan struct{}
}

// Start begins to keep spec running; it returns before the program is useful.
func Start(spec Spec) *Process {
	p := &Process{spec: spec, wanted: true, wake: make(chan struct{}, 1)}
	p.cond = sync.NewCond(&p.mu)
	p.status = Status{Name: spec.Name, State: Stopped, Since: time.Now()}
	go p.keep()
	return p
}

// Status of the process now.
func (p *Process) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Kill ends the program without warning; it is started again at once.
func (p *Process) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == nil {
		return fmt.Errorf("%s is not running", p.spec.Name)
	}
	return p.running.Kill()
}

// Resume starts the program again after a Stop.
func (p *Process) Resume() {
	p.mu.Lock()
	p.wanted = true
	p.mu.Unlock()
	p.poke()
}

// Stop ends the program and returns when it is gone. Resume brings it back.
func (p *Process) Stop() {
	p.mu.Lock()
	p.wanted = false
	if p.running != nil {
		_ = p.running.Signal(syscall.SIGTERM)
		hard := time.AfterFunc(p.spec.Grace, func() { _ = p.Kill() })
		defer hard.Stop()
	}
	p.mu.Unlock()
	p.poke()
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.running != nil && !p.wanted {
		p.cond.Wait()
	}
}

func (p *Process) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// keep lives on one OS thread, because the kernel kills a child when the
// thread that started it ends, not when the process does.
func (p *Process) keep() {
	runtime.LockOSThread()
	pause := time.Duration(0)
	for {
		p.mu.Lock()
		wanted := p.wanted
		p.mu.Unlock()
		if !wanted {
			<-p.wake
			pause = 0
			continue
		}
		select {
		case <-p.wake:
			continue
		case <-time.After(pause):
		}
		began := time.Now()
		p.once()
		if time.Since(began) > 30*time.Second {
			pause = 0
		}
		pause = min(max(2*pause, 500*time.Millisecond), 10*time.Second)
	}
}

// once runs the program a single time.
func (p *Process) once() {
	log, err := os.OpenFile(p.spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		p.set(Failed, nil, fmt.Errorf("opening its log: %w", err))
		return
	}
	defer log.Close()
	cmd := exec.Command(p.spec.Path, p.spec.Args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = p.spec.Env, p.spec.Dir, log, log
	cmd.SysProcAttr = attributes()
	p.mu.Lock()
	if !p.wanted {
		p.mu.Unlock()
		return
	}
	if err := cmd.Start(); err != nil {
		p.mu.Unlock()
		p.set(Failed, nil, fmt.Errorf("starting it: %w", err))
		return
	}
	p.running = cmd.Process
	p.status.State, p.status.PID, p.status.Since = Running, cmd.Process.Pid, time.Now()
	p.mu.Unlock()
	err = cmd.Wait()
	if err == nil {
		err = errors.New("exit status 0")
	}
	fmt.Fprintf(log, "rhumb-lab: %s (pid %d) ended: %v\n", p.spec.Name, cmd.Process.Pid, err)
	p.set(Failed, nil, err)
}

// set records an end, and wakes whoever waits for it.
func (p *Process) set(s State, running *os.Process, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wanted {
		s = Stopped
	} else {
		p.status.Restarts++
	}
	p.running = running
	p.status.State, p.status.PID, p.status.Since, p.status.Last = s, 0, time.Now(), err.Error()
	p.cond.Broadcast()
}
