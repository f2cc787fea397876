// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"rhumb.run/rhumb/test/bench/bars"
	"rhumb.run/rhumb/test/bench/lines"
	"rhumb.run/rhumb/test/e2e/rig"
)

// rollout is how many pods of a new image are made at once.
const rollout = 50

// figures are what was measured.
type figures struct {
	copied                   float64 // seconds until all was copied and used
	patches                  float64 // for each Deployment
	rss, peak, restartedPeak float64 // MiB
	quietAsked               int     // of registries
	quiet, restart           lines.Requests
	rolled                   map[string]int // of the source
	sourceAgain, targetAgain map[string]int
	watched                  float64 // seconds after the restart
	// asked, nothing and dead are milliseconds of answers of the webhook: about pods of images that are known, to a question that
	// is none, and about pods while the target does not answer.
	asked, nothing, dead []float64
	askedTarget          int // requests to the target meanwhile
}

func (o options) measure(ctx context.Context, l rig.Lab) (f figures, err error) {
	w, err := connect(ctx, l)
	if err != nil {
		return f, err
	}
	defer w.stop()
	fmt.Printf("==> %d Pods, %d images\n", o.pods, o.images())
	if err := w.fill(ctx, o); err != nil {
		return f, err
	}
	if err := w.mirror(ctx); err != nil {
		return f, err
	}
	if err := o.first(ctx, l, w, &f); err != nil {
		return f, err
	}
	if err := again(ctx, l, w, &f); err != nil {
		return f, err
	}
	return f, o.admitted(ctx, l, w, &f)
}

// with runs the controller while do does something. Its lease would be a write.
func with(ctx context.Context, l rig.Lab, do func(*rig.Controller) error, more ...string) error {
	c, err := rig.StartController(ctx, l, append([]string{"--leader-elect=false"}, more...)...)
	if err != nil {
		return err
	}
	err = do(c)
	if e := c.Stop(); err == nil {
		err = e
	}
	return err
}

// first has everything copied, then looks on while nothing happens, and while pods of a new image are made.
func (o options) first(ctx context.Context, l rig.Lab, w *world, f *figures) error {
	w.source.take()
	var more []string
	if o.heap != "" {
		more = []string{"--pprof-bind-address", profiler}
	}
	return with(ctx, l, func(c *rig.Controller) error {
		began := time.Now()
		if err := w.untilReady(ctx, o.images(), o.images()); err != nil {
			return err
		}
		f.copied = time.Since(began).Seconds()
		_, patches, err := w.rewritten(ctx)
		if err != nil {
			return err
		}
		f.patches = float64(patches) / float64(o.images())
		if err := o.still(ctx, c, w, f); err != nil {
			return err
		}
		if o.heap != "" {
			if err := save("http://"+profiler+"/debug/pprof/heap?gc=1", o.heap); err != nil {
				return err
			}
		}
		return o.roll(ctx, c, w, f)
	}, more...)
}

// roll makes pods of a new image.
func (o options) roll(ctx context.Context, c *rig.Controller, w *world, f *figures) error {
	if err := w.source.push(o.images()); err != nil {
		return err
	}
	w.source.take()
	if err := w.run(ctx, "new", rollout, func(int) int { return o.images() }); err != nil {
		return err
	}
	if err := w.untilReady(ctx, o.images()+1, o.images()); err != nil {
		return err
	}
	if _, err := settle(ctx, c); err != nil {
		return err
	}
	f.rolled = w.source.take()
	fmt.Printf("rollout  source %v\n", f.rolled)
	return nil
}

const profiler = "127.0.0.1:6399"

// still measures while nothing happens.
func (o options) still(ctx context.Context, c *rig.Controller, w *world, f *figures) error {
	before, err := settle(ctx, c)
	if err != nil {
		return err
	}
	w.source.take()
	w.target.take()
	window := time.NewTimer(o.quiet)
	defer window.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-window.C:
	}
	after, err := requests(c)
	if err != nil {
		return err
	}
	f.quiet = lines.Requests{All: after.All - before.All, Writes: after.Writes - before.Writes}
	f.quietAsked = all(w.source.take()) + all(w.target.take())
	f.rss, f.peak = resident(c.PID())
	fmt.Printf("copied %.1fs, patches %.2f, rss %.0f peak %.0f MiB; quiet: %v, registries %d\n", f.copied, f.patches, f.rss, f.peak, f.quiet, f.quietAsked)
	return nil
}

// again starts the controller when all is there.
func again(ctx context.Context, l rig.Lab, w *world, f *figures) error {
	w.source.take()
	w.target.take()
	return with(ctx, l, func(c *rig.Controller) error {
		began := time.Now()
		var err error
		if f.restart, err = settle(ctx, c); err != nil {
			return err
		}
		f.watched = time.Since(began).Seconds()
		f.sourceAgain, f.targetAgain = w.source.take(), w.target.take()
		_, f.restartedPeak = resident(c.PID())
		fmt.Printf("restart: %v in %.1fs, source %v, target %v, peak %.0f MiB\n", f.restart, f.watched, f.sourceAgain, f.targetAgain, f.restartedPeak)
		return nil
	})
}

// untilReady waits until so many copies are there, and so many Deployments use theirs.
func (w *world) untilReady(ctx context.Context, copies, deployments int) error {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Minute)
	defer cancel()
	return rig.Until(ctx, "all copies to be used", 2*time.Second, func() (bool, string) {
		ready, err := w.ready(ctx)
		if err != nil || ready < copies {
			return false, fmt.Sprintf("%d of %d copies are ready: %v", ready, copies, err)
		}
		n, _, err := w.rewritten(ctx)
		return err == nil && n >= deployments, fmt.Sprintf("%d Deployments use a copy: %v", n, err)
	})
}

// settle waits until the controller has looked at no object and written nothing for ten seconds, or for a minute at most.
func settle(ctx context.Context, c *rig.Controller) (is lines.Requests, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	began, last, acts := time.Now(), time.Now(), 0.0
	err = rig.Until(ctx, "the controller to be still", time.Second, func() (bool, string) {
		text, e := read(c.Metrics)
		if e != nil {
			return false, e.Error()
		}
		now, acted := lines.Count(text), lines.Acts(text)
		if now.Writes != is.Writes || acted != acts {
			last = time.Now()
		}
		is, acts = now, acted
		return time.Since(last) >= 10*time.Second || time.Since(began) >= time.Minute, ""
	})
	return is, err
}

func requests(c *rig.Controller) (lines.Requests, error) {
	text, err := read(c.Metrics)
	return lines.Count(text), err
}

// read gets a text.
func read(url string) (string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", url, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", url, err)
	}
	return string(body), nil
}

func save(url, file string) error {
	text, err := read(url)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o600)
}

// resident is what a process holds, and has held at most, in MiB.
func resident(pid int) (now, peak float64) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for l := range strings.SplitSeq(string(status), "\n") {
		switch f := strings.Fields(l); {
		case len(f) < 2:
		case f[0] == "VmRSS:":
			now = lines.Number(f[1]) / 1024
		case f[0] == "VmHWM:":
			peak = lines.Number(f[1]) / 1024
		}
	}
	return now, peak
}

func ratios(o options, f figures) []bars.Bar {
	return []bars.Bar{
		{What: fmt.Sprintf("memory with %d Pods, MiB at most", o.pods), Got: max(f.peak, f.restartedPeak), Format: "%.0f", Most: 300, Evidence: fmt.Sprintf("%.0f at rest; peak %.0f, %.0f after a restart", f.rss, f.peak, f.restartedPeak)},
		{What: "changes of each Deployment's spec", Got: f.patches, Format: "%.2f", Most: 1, Evidence: fmt.Sprintf("all copied and used after %.1f s", f.copied)},
		{What: "quiet: requests to registries", Got: float64(f.quietAsked), Format: "%.0f", Most: 0, Evidence: "in " + o.quiet.String()},
		{What: "quiet: writes to the API server", Got: f.quiet.Writes, Format: "%.0f", Most: 0, Evidence: fmt.Sprintf("%.0f requests in all", f.quiet.All)},
		{What: fmt.Sprintf("%d pods of a new image: HEADs of its tag", rollout), Got: float64(f.rolled["HEAD tags"]), Format: "%.0f", Most: 1, Evidence: fmt.Sprintf("%d requests to the source in all", all(f.rolled))},
		{What: "restart: requests to the source", Got: float64(all(f.sourceAgain)), Format: "%.0f", Most: 0, Evidence: fmt.Sprintf("watched for %.0f s", f.watched)},
		{What: "restart: uploads", Got: float64(uploads(f.targetAgain)), Format: "%.0f", Most: 0, Evidence: fmt.Sprintf("%d requests to the target", all(f.targetAgain))},
		{What: "restart: HEADs of the target a second, for each 1,000 images", Got: bars.Over(float64(f.targetAgain["HEAD tags"])*1000, f.watched*float64(o.images())), Format: "%.2f", Most: 3, Evidence: "spread over ten minutes"},
		{What: "a pod of a known image: p99 of the webhook's answer, ms", Got: at(f.asked, 99), Format: "%.1f", Most: 10, Evidence: fmt.Sprintf("p50 %.1f, of %d; p99 of a question that is none: %.1f", at(f.asked, 50), len(f.asked), at(f.nothing, 99))},
		{What: "the same: requests to the target", Got: float64(f.askedTarget), Format: "%.0f", Most: 0, Evidence: fmt.Sprintf("%d pods, %d at once", len(f.asked), workers)},
		{What: "a pod while the target does not answer: ms at most", Got: at(f.dead, 100), Format: "%.0f", Most: 600, Evidence: fmt.Sprintf("%d pods, each of another image", len(f.dead))},
	}
}
