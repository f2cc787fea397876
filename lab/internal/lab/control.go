// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"rhumb.run/rhumb/lab/internal/layout"
	"rhumb.run/rhumb/lab/internal/process"
	"rhumb.run/rhumb/lab/internal/socket"
)

// Report is what a running lab says of itself.
type Report struct {
	Name       string           `json:"name"`
	Node       bool             `json:"node"`
	Started    time.Time        `json:"started"`
	Components []process.Status `json:"components"`
	Problems   []string         `json:"problems,omitempty"`
}

// serveControl answers status, and the order to stop, start or kill one
// component, on the lab's socket.
func (p *plane) serveControl(ctx context.Context) error {
	listener, err := socket.Listen(p.layout.Control())
	if err != nil {
		return fmt.Errorf("opening the control socket: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		report := Report{p.settings.Name, p.settings.Node, p.began, p.group.Statuses(), p.problems(r.Context())}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(report)
	})
	mux.HandleFunc("POST /components/{name}/{verb}", func(w http.ResponseWriter, r *http.Request) {
		if err := p.order(r.Context(), r.PathValue("name"), r.PathValue("verb")); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return nil
}

func (p *plane) order(ctx context.Context, name, verb string) error {
	if runsInPods(name) {
		return p.orderNeighbour(ctx, name, verb)
	}
	c, err := p.group.Find(name)
	if err != nil {
		return err
	}
	switch verb {
	case "stop":
		c.Stop()
	case "start":
		c.Resume()
	case "kill":
		return c.Kill()
	default:
		return fmt.Errorf("no verb %q: there are stop, start and kill", verb)
	}
	return nil
}

// problems lists what keeps a lab from being healthy; none is healthy.
func (p *plane) problems(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var out []string
	for _, s := range p.group.Statuses() {
		if s.State != process.Running {
			out = append(out, fmt.Sprintf("%s is %s: %s", s.Name, s.State, s.Last))
		}
	}
	if err := p.api.Ready(ctx); err != nil {
		return append(out, fmt.Sprintf("the API server is not ready: %v", err))
	}
	if p.settings.RegistryPort > 0 {
		if err := registryUp(p.settings)(ctx); err != nil {
			out = append(out, fmt.Sprintf("the registry is not ready: %v", err))
		}
	}
	if p.settings.Node {
		out = append(out, p.nodeProblems(ctx)...)
		out = append(out, p.neighbourProblems(ctx)...)
	}
	return out
}

// ErrDown is returned when no lab runs in a data directory.
var ErrDown = errors.New("the lab is down")

// Query asks a running lab for its report.
func Query(ctx context.Context, l layout.Layout) (Report, error) {
	var report Report
	raw, err := call(ctx, l, http.MethodGet, "/status")
	if err != nil {
		return report, err
	}
	if err := json.Unmarshal(raw, &report); err != nil {
		return report, fmt.Errorf("reading the lab's report: %w", err)
	}
	return report, nil
}

// Order tells a running lab to stop, start or kill one component.
func Order(ctx context.Context, l layout.Layout, component, verb string) error {
	_, err := call(ctx, l, http.MethodPost, "/components/"+component+"/"+verb)
	return err
}

func call(ctx context.Context, l layout.Layout, method, path string) ([]byte, error) {
	holder, err := Look(l)
	if err != nil {
		return nil, err
	}
	if !holder.Alive {
		return nil, ErrDown
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://lab"+path, nil)
	if err != nil {
		return nil, fmt.Errorf("asking the lab: %w", err)
	}
	resp, err := socket.Client(l.Control()).Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the lab (it is starting, or stuck): %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the lab's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking the lab: %s", raw)
	}
	return raw, nil
}
