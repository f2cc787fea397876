// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"rhumb.run/rhumb/lab/internal/socket"
)

// Outside accepts on listener, an open port of the machine, and carries each
// connection to the socket at path until ctx ends.
func Outside(ctx context.Context, listener net.Listener, path string) {
	carry(ctx, listener, func(ctx context.Context) (net.Conn, error) { return socket.Dial(ctx, path) })
}

// Inside listens on the socket at path and carries each connection to target
// until ctx ends. Target may be a name, resolved for each connection.
func Inside(ctx context.Context, path, target string) error {
	listener, err := socket.Listen(path)
	if err != nil {
		return fmt.Errorf("forwarding to %s: %w", target, err)
	}
	go carry(ctx, listener, func(ctx context.Context) (net.Conn, error) {
		d := net.Dialer{Timeout: 10 * time.Second}
		return d.DialContext(ctx, "tcp", target)
	})
	return nil
}

func carry(ctx context.Context, listener net.Listener, dial func(context.Context) (net.Conn, error)) {
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, most likely: don't spin
			select {
			case <-ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
				continue
			}
		}
		go func() {
			defer conn.Close()
			far, err := dial(ctx)
			if err != nil {
				return // the caller sees its connection close, as with a port nobody serves
			}
			defer far.Close()
			end := context.AfterFunc(ctx, func() { _ = errors.Join(conn.Close(), far.Close()) })
			defer end()
			join(conn, far)
		}()
	}
}

// join copies both ways; the end of one direction closes only that direction,
// since many protocols go on answering after the question has ended.
func join(a, b net.Conn) {
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{a, b}, {b, a}} {
		both.Go(func() {
			_, err := io.Copy(pair[0], pair[1])
			if half, ok := pair[0].(interface{ CloseWrite() error }); ok && err == nil {
				_ = half.CloseWrite()
			} else {
				_ = errors.Join(pair[0].Close(), pair[1].Close())
			}
		})
	}
	both.Wait()
}
