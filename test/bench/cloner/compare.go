// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"rhumb.run/rhumb/test/bench/bars"
)

// The set: each app has two architectures, on a base that all have.
const (
	apps = 8
	base = 60 << 20
	own  = 10 << 20
)

func app(i int) string { return fmt.Sprintf("apps/app%d:1", i) }

// result is what one tool did.
type result struct {
	cold, unchanged          float64 // seconds
	sent                     int64
	gets                     int // manifests of the source, cold
	sourceAgain, targetAgain map[string]int
}

// noise is a layer that does not compress.
func noise(seed byte, n int) v1.Layer {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return static.NewLayer(b, types.OCILayer)
}

// fill pushes the set, and says how many bytes it has, each once.
func fill(ctx context.Context, host string) (unique int64, err error) {
	shared := noise(0, base)
	unique = base
	for i := range apps {
		idx := v1.ImageIndex(empty.Index)
		for j, arch := range []string{"amd64", "arm64"} {
			img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), shared, noise(byte(1+2*i+j), own))
			if err != nil {
				return 0, fmt.Errorf("making %s: %w", app(i), err)
			}
			unique += own
			idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
		}
		ref, err := name.ParseReference(host+"/"+app(i), name.Insecure)
		if err != nil {
			return 0, fmt.Errorf("naming %s: %w", app(i), err)
		}
		if err := remote.WriteIndex(ref, idx, remote.WithContext(ctx)); err != nil {
			return 0, fmt.Errorf("pushing %s: %w", app(i), err)
		}
	}
	return unique, nil
}

// results are by tool; unique is what each had to send at least.
type results struct {
	unique int64
	by     map[string]result
}

// compare has each tool copy the set into an empty registry, then once more.
func compare(ctx context.Context, dir string, tools map[string]tool) (results, error) {
	source, err := newStore(ctx, filepath.Join(dir, "source"))
	if err != nil {
		return results{}, err
	}
	defer source.stop()
	out := results{by: map[string]result{}}
	fmt.Printf("==> %d images of two architectures on a base of %d MiB\n", apps, base>>20)
	if out.unique, err = fill(ctx, source.host()); err != nil {
		return out, err
	}
	for _, name := range []string{"crane", "skopeo", "rhumb"} {
		target, err := newStore(ctx, filepath.Join(dir, name))
		if err != nil {
			return out, err
		}
		r, err := measure(ctx, tools[name], source, target)
		target.stop()
		if err != nil {
			return out, fmt.Errorf("measuring %s: %w", name, err)
		}
		fmt.Printf("%-8s cold %6.2fs, %6.1f MB sent, %3d manifests fetched; unchanged %5.2fs, source %v, target %v\n",
			name, r.cold, float64(r.sent)/1e6, r.gets, r.unchanged, r.sourceAgain, r.targetAgain)
		out.by[name] = r
	}
	return out, nil
}

func measure(ctx context.Context, t tool, source, target *store) (r result, err error) {
	source.take()
	if r.cold, err = t.all(ctx, source.host(), target.host()); err != nil {
		return r, err
	}
	asked, _ := source.take()
	r.gets = asked["GET manifest"]
	_, r.sent = target.take()
	if r.unchanged, err = t.all(ctx, source.host(), target.host()); err != nil {
		return r, err
	}
	r.sourceAgain, _ = source.take()
	r.targetAgain, _ = target.take()
	return r, nil
}

// all runs the tool for all images.
func (t tool) all(ctx context.Context, from, to string) (seconds float64, err error) {
	commands := t.commands(from, to)
	began := time.Now()
	for _, args := range commands {
		if out, err := exec.CommandContext(ctx, t.path, args...).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%s %s: %w: %s", filepath.Base(t.path), strings.Join(args, " "), err, out)
		}
	}
	return time.Since(began).Seconds(), nil
}

func ratios(r results, peak float64) []bars.Bar {
	ours, crane, skopeo := r.by["rhumb"], r.by["crane"], r.by["skopeo"]
	gets := ours.sourceAgain["GET manifest"] + ours.targetAgain["GET manifest"]
	return []bars.Bar{
		{What: "bytes sent against unique bytes", Got: bars.Over(float64(ours.sent), float64(r.unique)), Format: "%.3f", Most: 1.02, Evidence: fmt.Sprintf("%.0f of %.0f MB; crane %.0f, skopeo %.0f", mb(ours.sent), mb(r.unique), mb(crane.sent), mb(skopeo.sent))},
		{What: "cold: seconds against crane's", Got: bars.Over(ours.cold, crane.cold), Format: "%.2f", Most: 0.6, Evidence: fmt.Sprintf("%.2f s; crane %.2f, skopeo %.2f", ours.cold, crane.cold, skopeo.cold)},
		{What: "cold: manifests fetched for each image", Got: float64(ours.gets) / apps, Format: "%.1f", Most: 3, Evidence: fmt.Sprintf("%d; crane %d, skopeo %d", ours.gets, crane.gets, skopeo.gets)},
		{What: "unchanged: HEADs for each image, of the source", Got: float64(ours.sourceAgain["HEAD manifest"]) / apps, Format: "%.1f", Most: 1, Evidence: fmt.Sprintf("crane %d requests, skopeo %d", sum(crane.sourceAgain), sum(skopeo.sourceAgain))},
		{What: "unchanged: HEADs for each image, of the target", Got: float64(ours.targetAgain["HEAD manifest"]) / apps, Format: "%.1f", Most: 1, Evidence: fmt.Sprintf("crane %d requests, skopeo %d", sum(crane.targetAgain), sum(skopeo.targetAgain))},
		{What: "unchanged: manifests fetched", Got: float64(gets), Format: "%.0f", Most: 0, Evidence: fmt.Sprintf("%d requests in all, in %.2f s", sum(ours.sourceAgain)+sum(ours.targetAgain), ours.unchanged)},
		{What: "peak memory with four large images in flight, MiB", Got: peak, Format: "%.0f", Most: 200, Evidence: "resident, of `rhumb images copy`"},
	}
}

// figures are seconds that no bar is about.
func figures(r results) string {
	var s strings.Builder
	s.WriteString("\n| | cold, s | sent, MB | unchanged, s |\n|---|---|---|---|\n")
	for _, name := range []string{"crane", "skopeo", "rhumb"} {
		t := r.by[name]
		fmt.Fprintf(&s, "| %s | %.2f | %.0f | %.2f |\n", name, t.cold, mb(t.sent), t.unchanged)
	}
	return s.String()
}

func mb(n int64) float64 { return float64(n) / 1e6 }

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}
