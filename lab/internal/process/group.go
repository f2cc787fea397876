// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"
	"sync"
)

// Group is a set of processes in the order in which they were started.
type Group struct {
	mu    sync.Mutex
	all   []*Process
	ended bool
}

// Start adds a process to the group.
func (g *Group) Start(spec Spec) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		g.all = append(g.all, Start(spec))
	}
}

// Statuses of all, in order of their start.
func (g *Group) Statuses() []Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []Status
	for _, p := range g.all {
		out = append(out, p.Status())
	}
	return out
}

// Find the process of that name.
func (g *Group) Find(name string) (*Process, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.all {
		if p.spec.Name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("no component %q runs here", name)
}

// Stop ends the named processes one after the other, those that exist.
func (g *Group) Stop(names ...string) {
	for _, n := range names {
		if p, err := g.Find(n); err == nil {
			p.Stop()
		}
	}
}

// StopAll ends the group for good, the last started first.
func (g *Group) StopAll() {
	g.mu.Lock()
	g.ended = true
	all := append([]*Process(nil), g.all...)
	g.mu.Unlock()
	for i := len(all) - 1; i >= 0; i-- {
		all[i].Stop()
	}
}
