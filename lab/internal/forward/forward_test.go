// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// chain forwards a loopback port to target by way of a socket.
func chain(t *testing.T, path, target string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	if target != "" {
		if err := Inside(ctx, path, target); err != nil {
			t.Fatal(err)
		}
	}
	return outside(t, ctx, path)
}

func outside(t *testing.T, ctx context.Context, path string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go Outside(ctx, l, path)
	return l.Addr().String()
}

// shouter answers with all it was sent, in capitals, once the sender is done:
// it needs one direction to end before the other.
func shouter(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				all, _ := io.ReadAll(c)
				_, _ = c.Write(bytes.ToUpper(all))
			}()
		}
	}()
	return l.Addr().String()
}

func ask(t *testing.T, addr, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(c)
	return string(got)
}

func TestCarriesBothWays(t *testing.T) {
	for name, dir := range map[string]string{
		"Short path": "",
		"Long path":  strings.Repeat("a-directory-with-a-long-name/", 5), // longer than a socket's name may be
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), dir, "s.sock")
			mkdir(t, filepath.Dir(path))
			addr := chain(t, path, shouter(t))
			big := strings.Repeat("x", 1<<20)
			for _, text := range []string{"hello", "", big} {
				if got := ask(t, addr, text); got != strings.ToUpper(text) {
					t.Errorf("sent %d bytes, got %d back", len(text), len(got))
				}
			}
		})
	}
}

func TestClosesWhenNobodyIsThere(t *testing.T) {
	nowhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := nowhere.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if got := ask(t, chain(t, dir+"/none.sock", ""), ""); got != "" {
		t.Errorf("got %q through a socket that is not there", got)
	}
	if got := ask(t, chain(t, dir+"/s.sock", nowhere.Addr().String()), ""); got != "" {
		t.Errorf("got %q from a port that nobody serves", got)
	}
}

func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	path := t.TempDir() + "/s.sock"
	if err := Inside(ctx, path, shouter(t)); err != nil {
		t.Fatal(err)
	}
	addr := outside(t, ctx, path)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cancel()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("an open connection outlives the lab: %v", err)
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}
