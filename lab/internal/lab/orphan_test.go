// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"rhumb.run/rhumb/lab/internal/layout"
)

// supervisor is a process that looks like what "up" leaves running for a folder.
func supervisor(t *testing.T, root, script string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "supervise"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{Path: "/bin/sh", Args: []string{"rhumb-lab", "supervise", "--data-dir", root}, Dir: dir}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// Somebody deleted the folder of a lab that ran: "down" ends what is left of it, and of no other.
func TestDownEndsWhatLostItsFolder(t *testing.T) {
	l := layout.Layout{Root: filepath.Join(t.TempDir(), "deleted")}
	const stays = "while :; do sleep 0.02; done"
	lost, other := supervisor(t, l.Root, stays), supervisor(t, l.Root+"-other", stays)
	ended := make(chan error, 1)
	go func() { ended <- lost.Wait() }()
	was, err := Down(t.Context(), l)
	if err != nil || !was {
		t.Errorf("down says %t, %v: want that there was something to end", was, err)
	}
	if left := orphans(l.Root); len(left) > 0 {
		t.Fatalf("%v run still", left)
	}
	<-ended
	if left := orphans(l.Root + "-other"); len(left) != 1 || left[0] != other.Process.Pid {
		t.Errorf("the supervisor of another folder: %v", left)
	}
	if was, err := Down(t.Context(), l); err != nil || was {
		t.Errorf("down says %t, %v: want that there is nothing any more", was, err)
	}
	_ = other.Process.Kill()
	_ = other.Wait()
}
