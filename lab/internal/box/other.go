// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package box

import (
	"errors"
	"os"
)

// Where things are in the box, whatever their paths on the machine.
const (
	DataDir      = "/run/rhumb-lab"
	BinDir       = "/run/rhumb-bin"
	BridgeFilter = ""
)

// errElsewhere is met by nobody who passed the lab's preflight.
var errElsewhere = errors.New("namespaces are there on Linux only")

// Box is a running set of namespaces.
type Box struct {
	PID  int
	Done chan struct{}
	Err  error
}

// Start refuses.
func Start(string, *os.File, *os.File) (*Box, error) { return nil, errElsewhere }

// Init refuses.
func Init(string) error { return errElsewhere }

// Enter refuses.
func Enter(int, []string, []string) (int, error) { return 0, errElsewhere }

// Stop refuses.
func (b *Box) Stop() error { return errElsewhere }

// Kill refuses.
func (b *Box) Kill() error { return errElsewhere }
