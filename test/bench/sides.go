// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"

	"rhumb.run/rhumb/test/bench/bars"
	"rhumb.run/rhumb/test/bench/lines"
	"rhumb.run/rhumb/test/e2e/rig"
)

// bench is one run of both sides.
type bench struct {
	options

	repo   rig.Repo
	driver string
}

// floor measures the least.
func (b bench) floor(ctx context.Context) (lines.Lines, error) {
	var got lines.Lines
	err := b.fresh(ctx, "bench-floor", func(l rig.Lab) error {
		out, err := b.drive(ctx, l, "-label", "floor", "-floor")
		if err != nil {
			return err
		}
		got, err = lines.Parse(out, "burst", "propagate", "fanout")
		return err
	})
	return got, err
}

// rhumb measures the controller, then what it does when it is started again.
func (b bench) rhumb(ctx context.Context) (lines.Lines, Rest, error) {
	var got lines.Lines
	var rest Rest
	err := b.fresh(ctx, "bench-rhumb", func(l rig.Lab) error {
		c, err := start(ctx, l)
		if err != nil {
			return err
		}
		out, err := b.drive(ctx, l, "-label", "rhumb", "-keep", "-pid", strconv.Itoa(c.PID()), "-metrics", c.Metrics)
		if err == nil {
			_, err = still(ctx, c) // what the last phase began is not the restart's
		}
		if e := c.Stop(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
		if got, err = lines.Parse(out, "burst", "quiet", "propagate", "fanout"); err != nil {
			return err
		}
		rest, err = atRest(ctx, l)
		return err
	})
	return got, rest, err
}

// start runs the controller without leader election: its lease would be the
// one write that a quiet window may have, and the metrics do not name it.
func start(ctx context.Context, l rig.Lab) (*rig.Controller, error) {
	return rig.StartController(ctx, l, "--leader-elect=false")
}

// fresh runs do on a control plane of its own, with the API installed.
func (b bench) fresh(ctx context.Context, name string, do func(rig.Lab) error) (err error) {
	l := b.repo.Lab(name)
	if err := l.Remove(ctx); err != nil {
		return err
	}
	fmt.Printf("==> %s: a fresh control plane\n", name)
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if e := l.Remove(end); err == nil {
			err = e
		}
	}()
	if err := l.Up(ctx, "--no-node"); err != nil {
		return err
	}
	if _, err := l.Kubectl(ctx, "apply", "--server-side", "-f", b.repo.Path("config", "crd")); err != nil {
		return err
	}
	if _, err := l.Kubectl(ctx, "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"); err != nil {
		return err
	}
	return do(l)
}

// drive runs the driver, shows its lines as they come and returns them.
func (b bench) drive(ctx context.Context, l rig.Lab, args ...string) (string, error) {
	k, err := l.Kubeconfig(ctx)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, b.driver, append([]string{
		"-kubeconfig", k, "-n", strconv.Itoa(b.n), "-quiet", b.quiet.String(), "-limit", b.limit.String(), "-ytt=" + strconv.FormatBool(b.ytt),
	}, args...)...)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(os.Stdout, &out), os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("driving: %w", err)
	}
	return out.String(), nil
}

// atRest starts the controller with nothing to do, and counts what it does
// until it is still.
func atRest(ctx context.Context, l rig.Lab) (rest Rest, err error) {
	c, err := start(ctx, l)
	if err != nil {
		return Rest{}, err
	}
	defer func() {
		if e := c.Stop(); err == nil {
			err = e
		}
	}()
	rest, err = still(ctx, c)
	fmt.Printf("%-12s %-11s %8.2fs  requests %7.0f (writes %6.0f)\n", "rhumb", "restart", rest.Settled, rest.All, rest.Writes)
	return rest, err
}

// still waits until a controller has made no request and looked at no owner for
// ten seconds, or for three minutes at most, and returns what it did until then.
func still(ctx context.Context, c *rig.Controller) (Rest, error) {
	var rest Rest
	var acts float64
	began, last := time.Now(), time.Now()
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	err := rig.Until(ctx, "the controller to be still", time.Second, func() (bool, string) {
		text, e := read(c.Metrics)
		if e != nil {
			return false, e.Error()
		}
		now, acted := lines.Count(text), lines.Acts(text)
		if now != rest.Requests || acted != acts {
			last, acts = time.Now(), acted
		}
		rest = Rest{Requests: now, Took: time.Since(began).Seconds(), Settled: last.Sub(began).Seconds()}
		return time.Since(last) >= 10*time.Second || time.Since(began) >= 3*time.Minute, ""
	})
	return rest, err
}

// read gets a controller's metrics.
func read(url string) (string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return "", fmt.Errorf("reading metrics: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("reading metrics: %w", err)
	}
	return string(body), nil
}

// head says when, what and where.
func (b bench) head(ctx context.Context) (string, error) {
	end := ""
	if b.ytt {
		end = ", the last template in ytt"
	}
	return bars.Head(ctx, b.repo, fmt.Sprintf("%d Workloads%s", b.n, end))
}
