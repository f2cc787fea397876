// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

// A copy is told of once a second, and when it is there; nothing is told of one that was.
func TestMeter(t *testing.T) {
	now := time.Unix(100, 0)
	var got []string
	log := funcr.New(func(_, args string) { got = append(got, args) }, funcr.Options{})
	c := clone.Choice{
		Origin: image.Ref{Host: "docker.io", Repository: "library/nginx", Tag: "1"},
		Copy:   image.Ref{Host: "localhost:5000", Repository: "nginx", Tag: "1"},
	}
	m := newMeter(log, c, func() time.Time { return now })
	for _, p := range []struct {
		after time.Duration
		clone.Progress
	}{
		{100 * time.Millisecond, clone.Progress{Sent: 1, Total: 4 << 20, AllBlobs: 4}},
		{900 * time.Millisecond, clone.Progress{Sent: 1 << 20, Mounted: 1 << 20, Total: 4 << 20, Blobs: 2, AllBlobs: 4}},
		{10 * time.Millisecond, clone.Progress{Sent: 1<<20 + 1, Total: 4 << 20, AllBlobs: 4}},
	} {
		now = now.Add(p.after)
		m.Note(p.Progress)
	}
	now = now.Add(990 * time.Millisecond)
	m.End(clone.Outcome{Digest: "sha256:a", Progress: clone.Progress{Sent: 3 << 20, Mounted: 1 << 20, Total: 4 << 20, Blobs: 4, AllBlobs: 4}})
	m.End(clone.Outcome{Digest: "sha256:a", Already: true})
	const names = `"image"="docker.io/library/nginx:1" "copy"="localhost:5000/nginx:1"`
	want := []string{
		`"level"=0 "msg"="copying image" ` + names + ` "bytes"="2097152/4194304" "blobs"="2/4" "rate"="1.0 MiB/s" "took"="1s"`,
		`"level"=0 "msg"="image copied" ` + names + ` "bytes"="4194304/4194304" "blobs"="4/4" "rate"="1.5 MiB/s" "took"="2s" "digest"="sha256:a"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
