// SPDX-License-Identifier: Apache-2.0

//go:build linux

package box

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Where things are in the box, whatever their paths on the machine.
const (
	DataDir = "/run/rhumb-lab"
	BinDir  = "/run/rhumb-bin"
)

const namespaces = syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC

// Box is a running set of namespaces.
type Box struct {
	PID  int           // of its process 1, as the machine counts
	Done chan struct{} // closed when every process in it is gone
	Err  error         // why, once Done is closed
}

// Start makes the namespaces and runs this program's "init" command in them,
// with progress as its descriptor 3. All of it dies with us.
func Start(dataDir string, progress *os.File, log *os.File) (*Box, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding our own program: %w", err)
	}
	cmd := exec.Command(self, "init", "--data-dir", dataDir)
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH")}
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{progress}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL, Setsid: true}
	b := &Box{Done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the box dies with the thread that made it
		err := cmd.Start()
		started <- err
		if err == nil {
			b.Err = cmd.Wait()
			close(b.Done)
		}
	}()
	if err := <-started; err != nil {
		if errors.Is(err, syscall.EPERM) {
			return nil, fmt.Errorf("making namespaces: %w: a node needs root with CAP_SYS_ADMIN (in a container: --privileged); "+
				"--no-node needs neither", err)
		}
		return nil, fmt.Errorf("making namespaces: %w", err)
	}
	b.PID = cmd.Process.Pid
	return b, nil
}

// Stop asks process 1 to end everything in order.
func (b *Box) Stop() error { return syscall.Kill(b.PID, syscall.SIGTERM) }

// Kill ends everything at once.
func (b *Box) Kill() error { return syscall.Kill(b.PID, syscall.SIGKILL) }
