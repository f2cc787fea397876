// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"rhumb.run/rhumb/lab/internal/layout"
)

// ErrRunning is returned to a second supervisor of the same data directory.
var ErrRunning = errors.New("a lab is running here already")

// Lock is a held lock on a data directory. The kernel gives it up when its
// holder dies, so that a lock can't be stale; only the number in it can.
type Lock struct{ f *os.File }

// Acquire takes the lock and writes our process id into it.
func Acquire(l layout.Layout) (*Lock, error) {
	f, err := os.OpenFile(l.Lock(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrRunning
		}
		return nil, fmt.Errorf("locking %s: %w", l.Lock(), err)
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		return nil, fmt.Errorf("writing the lock: %w", err)
	}
	return &Lock{f}, nil
}

func writePID(f *os.File) error {
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// Release empties the lock, which marks a clean end, and gives it up.
func (k *Lock) Release() error { return errors.Join(k.f.Truncate(0), k.f.Close()) }

// Holder of a data directory's lock.
type Holder struct {
	PID   int  // whoever wrote the lock last; 0 after a clean end
	Alive bool // whether it is held now
}

// Look says who holds the lock, without waiting for it.
func Look(l layout.Layout) (Holder, error) {
	f, err := os.OpenFile(l.Lock(), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return Holder{}, nil
	}
	if err != nil {
		return Holder{}, fmt.Errorf("opening the lock: %w", err)
	}
	defer f.Close()
	var buf [32]byte
	n, _ := f.ReadAt(buf[:], 0)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	return Holder{PID: pid, Alive: errors.Is(err, syscall.EWOULDBLOCK)}, nil
}
