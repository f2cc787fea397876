// SPDX-License-Identifier: Apache-2.0

package digest_test

import (
	"fmt"
	"testing"

	"rhumb.run/rhumb/internal/core/digest"
)

func TestOf(t *testing.T) {
	base := map[string]any{"a": int64(1), "b": []any{"x", "y"}}
	cases := map[string]struct {
		why   string
		value any
		same  bool
	}{
		"Again":     {"equal values", map[string]any{"b": []any{"x", "y"}, "a": int64(1)}, true},
		"Float":     {"a whole number is one, in whatever Go calls it", map[string]any{"a": float64(1), "b": []any{"x", "y"}}, true},
		"Value":     {"another value", map[string]any{"a": int64(2), "b": []any{"x", "y"}}, false},
		"Order":     {"another order in a list", map[string]any{"a": int64(1), "b": []any{"y", "x"}}, false},
		"Type":      {"a numeral is no number", map[string]any{"a": "1", "b": []any{"x", "y"}}, false},
		"Null":      {"a null that is there", map[string]any{"a": int64(1), "b": []any{"x", "y"}, "c": nil}, false},
		"Structure": {"the same words elsewhere", map[string]any{"a": int64(1), "b": []any{"x,y"}}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := digest.Of(c.value) == digest.Of(base); got != c.same {
				t.Errorf("%s: same = %v, want %v", c.why, got, c.same)
			}
		})
	}
}

// Digests stand on objects and outlive the program that wrote them: these never change.
func TestOfIsForEver(t *testing.T) {
	const want = "sha256:43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777"
	if got := digest.Of(map[string]any{"b": int64(2), "a": int64(1)}); got != want {
		t.Errorf("Of = %s, want what sha256sum says of {\"a\":1,\"b\":2}: %s", got, want)
	}
	if got := digest.Bytes([]byte(`{"a":1,"b":2}`)); got != want {
		t.Errorf("Bytes = %s, want %s", got, want)
	}
}

// A value that is no JSON must not pass for content.
func TestOfRefuses(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a channel has a digest")
		}
	}()
	digest.Of(make(chan int))
}

// Equal content has one name, whatever the order in which it is written down.
func ExampleOf() {
	fmt.Println(digest.Of(map[string]any{"image": "app", "port": 8080}) == digest.Of(map[string]any{"port": 8080, "image": "app"}))
	// Output: true
}
