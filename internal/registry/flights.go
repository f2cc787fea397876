// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// flights are work that several want at once and that is done once, for all of them. It belongs to nobody: it goes on for as
// long as anyone waits for it, so that the first who asked may leave.
type flights[T any] struct {
	mu  sync.Mutex
	all map[string]*flight[T]
}

type flight[T any] struct {
	who     string
	waiting int
	cancel  context.CancelFunc
	done    chan struct{}
	value   T
	err     error
}

// do works, or waits for the work that is under way. Work that failed for somebody else is done anew: their credentials may
// have been wrong where ours are right.
func (f *flights[T]) do(ctx context.Context, key, who string, work func(context.Context) (T, error)) (T, error) {
	for {
		fl := f.board(ctx, key, who, work)
		select {
		case <-fl.done:
			if fl.err == nil || fl.who == who {
				return fl.value, fl.err
			}
		case <-ctx.Done():
			f.leave(key, fl)
			var none T
			return none, ctx.Err()
		}
	}
}

func (f *flights[T]) board(ctx context.Context, key, who string, work func(context.Context) (T, error)) *flight[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl, ok := f.all[key]; ok {
		fl.waiting++
		return fl
	}
	if f.all == nil {
		f.all = map[string]*flight[T]{}
	}
	on, cancel := context.WithCancel(context.WithoutCancel(ctx))
	fl := &flight[T]{who: who, waiting: 1, cancel: cancel, done: make(chan struct{})}
	f.all[key] = fl
	go func() {
		defer cancel()
		fl.value, fl.err = safely(on, work)
		f.mu.Lock()
		if f.all[key] == fl {
			delete(f.all, key)
		}
		f.mu.Unlock()
		close(fl.done)
	}()
	return fl
}

// leave ends the work if nobody is left; the last to leave sees it end.
func (f *flights[T]) leave(key string, fl *flight[T]) {
	f.mu.Lock()
	fl.waiting--
	last := fl.waiting == 0
	if last && f.all[key] == fl {
		delete(f.all, key)
	}
	f.mu.Unlock()
	if last {
		fl.cancel()
		<-fl.done
	}
}

// safely turns a panic, which some registry's answer might bring about, into a failure of this work alone.
func safely[T any](ctx context.Context, work func(context.Context) (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			logf.Log.WithName("registry").Error(fmt.Errorf("panic: %v", p), "copy ended", "stack", string(debug.Stack()))
			err = unlike("the registry's answer could not be read")
		}
	}()
	return work(ctx)
}

// turns let one after the other do what goes by one key.
type turns struct {
	mu  sync.Mutex
	all map[string]*turn
}

type turn struct {
	free    chan struct{}
	wanting int
}

// take waits for a turn; what it returns gives it back, once.
func (t *turns) take(ctx context.Context, key string) (leave func(), err error) {
	t.mu.Lock()
	if t.all == nil {
		t.all = map[string]*turn{}
	}
	one, ok := t.all[key]
	if !ok {
		one = &turn{free: make(chan struct{}, 1)}
		t.all[key] = one
	}
	one.wanting++
	t.mu.Unlock()
	forget := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if one.wanting--; one.wanting == 0 {
			delete(t.all, key)
		}
	}
	select {
	case one.free <- struct{}{}:
		return sync.OnceFunc(func() { <-one.free; forget() }), nil
	case <-ctx.Done():
		forget()
		return nil, fmt.Errorf("waiting for a blob that is on its way: %w", ctx.Err())
	}
}
