// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"
)

// Notifier posts pushes to one URL, in order, until it takes them. A push that
// finds the queue full is dropped: a hook is a hint, and whoever polls as well
// misses nothing.
type Notifier struct {
	Hook
	queue chan Push
}

// Hook is somebody who wants to be told.
type Hook struct {
	URL string
	// Bases are the addresses that the server is known by. A push is told once
	// for each: whoever is told knows the repository by one of them.
	Bases  []string
	Secret []byte        // signs what is told; nothing is signed without
	Every  time.Duration // between two tries
}

// NewNotifier starts a notifier that ends with ctx.
func NewNotifier(ctx context.Context, h Hook) *Notifier {
	n := &Notifier{Hook: h, queue: make(chan Push, 100)}
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
			for _, base := range n.Bases {
				n.tell(ctx, base, p)
			}
		}
	}
}

// tell posts until somebody takes it.
func (n *Notifier) tell(ctx context.Context, base string, p Push) {
	for n.post(ctx, base, p) != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(n.Every):
		}
	}
}

// payload is a push in the form that GitHub gave it, which everybody reads.
func payload(base string, p Push) ([]byte, error) {
	type m = map[string]any
	at := base + "/" + p.Repository
	owner, short := path.Split(p.Repository)
	body, err := json.Marshal(m{
		"ref": p.Ref, "before": p.Before, "after": p.After,
		"created": p.Before == none, "deleted": p.After == none,
		"repository": m{
			"name": short, "full_name": p.Repository, "owner": m{"login": strings.TrimSuffix(owner, "/"), "name": strings.TrimSuffix(owner, "/")},
			"private": strings.HasPrefix(p.Repository, "private/"),
			"url":     at, "html_url": at, "clone_url": at + ".git", "git_url": at + ".git",
		},
		"pusher": m{"name": User},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding a push: %w", err)
	}
	return body, nil
}

// signature is what shows that we know the secret.
func signature(secret, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func (n *Notifier) post(ctx context.Context, base string, p Push) error {
	body, err := payload(base, p)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("telling of a push: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "push")
	if len(n.Secret) > 0 {
		req.Header.Set("X-Hub-Signature-256", signature(n.Secret, body))
	}
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
