// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"rhumb.run/rhumb/internal/core/clone"
)

// tellEvery is how often a copy on its way is told of.
const tellEvery = time.Second

// meter tells how far one copy is, and what it took: a copy that is silent for minutes looks like one that hangs.
type meter struct {
	log   logr.Logger
	now   func() time.Time
	began time.Time

	mu   sync.Mutex
	told time.Time
}

func newMeter(log logr.Logger, c clone.Choice, now func() time.Time) *meter {
	began := now()
	return &meter{log: log.WithValues("image", clone.FullName(c.Origin), "copy", clone.FullName(c.Copy)), now: now, began: began, told: began}
}

// Note tells of a copy on its way, now and then.
func (m *meter) Note(p clone.Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := m.now(); now.Sub(m.told) >= tellEvery {
		m.told = now
		m.log.Info("copying image", m.facts(p)...)
	}
}

// End tells of a copy that is there. One that was there already took nothing, and why one is not there is told elsewhere.
func (m *meter) End(o clone.Outcome) {
	if !o.Already {
		m.log.Info("image copied", append(m.facts(o.Progress), "digest", o.Digest)...)
	}
}

// facts are bytes that the target has, blobs that it has, and how fast they were sent.
func (m *meter) facts(p clone.Progress) []any {
	took := m.now().Sub(m.began)
	return []any{
		"bytes", fmt.Sprintf("%d/%d", p.Sent+p.Mounted+p.Skipped, p.Total), "blobs", fmt.Sprintf("%d/%d", p.Blobs, p.AllBlobs),
		"rate", fmt.Sprintf("%.1f MiB/s", float64(p.Sent)/(1<<20)/max(took.Seconds(), 0.001)), "took", took.Round(time.Millisecond).String(),
	}
}
