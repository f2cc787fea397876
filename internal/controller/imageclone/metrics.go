// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
)

// What became of a change of an object's images.
const (
	resultRewritten = "Rewritten"
	resultConflict  = "Conflict"
	resultContested = "Contested"
	resultFailed    = "Failed"
)

var rewritesTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "rhumb_image_rewrites_total", Help: "Changes of templates by what became of them.",
}, []string{"result"})

// counted is what metrics are made of, each time that they are read: the ledgers that run.
var counted = &census{running: map[*ledger]bool{}}

func init() { metrics.Registry.MustRegister(rewritesTotal, counted) }

// census counts copies.
type census struct {
	mu      sync.Mutex
	running map[*ledger]bool
}

// Of counts a ledger's copies until the function that it returns is called.
func (c *census) Of(l *ledger) (done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running[l] = true
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.running, l)
	}
}

var (
	imagesDesc    = prometheus.NewDesc("rhumb_images", "Images that somebody uses, by how their copies are.", []string{"state"}, nil)
	availableDesc = prometheus.NewDesc("rhumb_image_available",
		"Whether an image could be had when it was asked for last: from its own registry (source) and as a copy (target).", []string{"image", "side"}, nil)
)

// Describe is of prometheus.Collector.
func (*census) Describe(to chan<- *prometheus.Desc) {
	to <- imagesDesc
	to <- availableDesc
}

// available is an image at one of its two sides.
type available struct {
	image string
	side  v1alpha1.RegistrySide
}

// Collect is of prometheus.Collector.
func (c *census) Collect(to chan<- prometheus.Metric) {
	states, there := map[v1alpha1.CloneState]int{}, map[available]bool{}
	c.mu.Lock()
	for l := range c.running {
		l.count(states, there)
	}
	c.mu.Unlock()
	for state, n := range states {
		to <- prometheus.MustNewConstMetric(imagesDesc, prometheus.GaugeValue, float64(n), string(state))
	}
	for a, is := range there {
		value := 0.0
		if is {
			value = 1
		}
		to <- prometheus.MustNewConstMetric(availableDesc, prometheus.GaugeValue, value, a.image, strings.ToLower(string(a.side)))
	}
}

// count adds a ledger's copies. An image that several targets have is there where it is at all of them.
func (l *ledger) count(states map[v1alpha1.CloneState]int, there map[available]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, e := range l.all {
		state, _, _, _ := e.describe().state()
		states[state]++
		if e.verified.IsZero() && e.failure == nil {
			continue // nobody has asked for it yet
		}
		sides := map[v1alpha1.RegistrySide]bool{v1alpha1.SideTarget: e.known.There}
		if e.asked {
			sides[v1alpha1.SideSource] = !e.lost()
		}
		for side, is := range sides {
			a := available{key.Origin, side}
			was, seen := there[a]
			there[a] = is && (was || !seen)
		}
	}
}

// lost reports whether an image could not be had from its own registry when that was asked last.
func (e *entry) lost() bool {
	return e.failure != nil && e.failure.Source && slices.Contains(lostReasons, e.failure.Reason)
}
