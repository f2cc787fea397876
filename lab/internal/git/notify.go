// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Notifier posts pushes to one URL, in order, until it takes them. A push that
// finds the queue full is dropped: a hook is a hint, and whoever polls as well
// misses nothing.
type Notifier struct {
	URL   string
	Every time.Duration // between two tries
	queue chan Push
}

// NewNotifier starts a notifier that ends with ctx.
func NewNotifier(ctx context.Context, url string, every time.Duration) *Notifier {
	n := &Notifier{URL: url, Every: every, queue: make(chan Push, 100)}
	go n.run(ctx)
	return n
}

// Tell queues pushes and returns at once.
func (n *Notifier) Tell(pushes []Push) {
	for _, p := range pushes {
		select {
		case n.queue <- p:
		default:
		}
	}
}

func (n *Notifier) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-n.queue:
			for n.post(ctx, p) != nil {
				select {
				case <-ctx.Done():
					return
				case <-time.After(n.Every):
				}
			}
		}
	}
}

// post sends a push in the form that GitHub gave it, which everybody reads.
func (n *Notifier) post(ctx context.Context, p Push) error {
	type m = map[string]any
	body, err := json.Marshal(m{
		"ref": p.Ref, "before": p.Before, "after": p.After,
		"created": p.Before == none, "deleted": p.After == none,
		"repository": m{"name": p.Repository, "full_name": p.Repository},
		"pusher":     m{"name": User},
	})
	if err != nil {
		return fmt.Errorf("encoding a push: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("telling of a push: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "push")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("telling of a push: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("telling of a push: %s", resp.Status)
	}
	return nil
}
