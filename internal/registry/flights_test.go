// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"runtime"
	"testing"
)

var errWrongLogin = errors.New("wrong login")

// Two want the same; the first fails. What becomes of the second depends on whether it is the same who asks.
func TestFlights(t *testing.T) {
	for name, tc := range map[string]struct {
		why, first, second string
		want               int
		err                error
	}{
		"Same":  {"a failure is everybody's who would meet it", "a", "a", 0, errWrongLogin},
		"Other": {"who has other credentials may succeed", "a", "b", 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var f flights[int]
			begun, release := make(chan struct{}), make(chan struct{})
			go func() {
				_, _ = f.do(t.Context(), "key", tc.first, func(context.Context) (int, error) {
					close(begun)
					<-release
					return 0, errWrongLogin
				})
			}()
			<-begun
			go func() {
				for waiting := 0; waiting < 2; runtime.Gosched() {
					f.mu.Lock()
					waiting = f.all["key"].waiting
					f.mu.Unlock()
				}
				close(release)
			}()
			got, err := f.do(t.Context(), "key", tc.second, func(context.Context) (int, error) { return 2, nil })
			if got != tc.want || !errors.Is(err, tc.err) {
				t.Errorf("%s: got %d, %v", tc.why, got, err)
			}
		})
	}
}

func TestFlightsPanic(t *testing.T) {
	var f flights[int]
	if _, err := f.do(t.Context(), "key", "", func(context.Context) (int, error) { panic("a manifest") }); err == nil {
		t.Error("a panic was taken for success")
	}
}
