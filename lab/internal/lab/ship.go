// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rhumb.run/rhumb/lab/internal/image"
	"rhumb.run/rhumb/lab/internal/render"
)

// The programs that the lab runs in pods, found beside its own.
const (
	pauseProgram = "rhumb-pause"
	dnsProgram   = "coredns"
)

// shipImages makes the images of the lab's own pods, unless the registry has
// them from last time, and returns CoreDNS's by digest.
func (p *plane) shipImages(ctx context.Context) (dns string, err error) {
	if err := p.await(ctx, "the registry", time.Minute, registryUp(p.settings)); err != nil {
		return "", err
	}
	began := time.Now()
	if _, err := p.ship(ctx, pauseProgram); err != nil {
		return "", err
	}
	dns, err = p.ship(ctx, dnsProgram)
	if err != nil {
		return "", err
	}
	p.emit.Say("the lab's own images are in its registry (%.1fs)", time.Since(began).Seconds())
	return dns, nil
}

// ship pushes the image of one of the lab's own programs.
func (p *plane) ship(ctx context.Context, program string) (string, error) {
	binary := filepath.Join(filepath.Dir(p.self), program)
	if _, err := os.Stat(binary); err != nil {
		return "", fmt.Errorf("finding %s, which is built along with rhumb-lab and lies beside it: %w", program, err)
	}
	return p.shipSpec(ctx, program, image.Spec{Binary: binary})
}

// shipSpec pushes an image, and remembers of which files it is made: packing
// CoreDNS takes longer than starting everything else.
func (p *plane) shipSpec(ctx context.Context, name string, spec image.Spec) (string, error) {
	ref := render.ShippedImage(p.settings, name)
	line, err := fingerprint(spec)
	if err != nil {
		return "", fmt.Errorf("making the image of %s: %w", name, err)
	}
	line = ref + " " + line
	marker := filepath.Join(p.layout.State("registry"), "shipped-"+name)
	if raw, err := os.ReadFile(marker); err == nil {
		if pushed, same := strings.CutPrefix(string(raw), line+"\n"); same && image.Exists(ctx, pushed) {
			return pushed, nil
		}
	}
	img, err := image.Build(spec)
	if err != nil {
		return "", fmt.Errorf("making the image of %s: %w", name, err)
	}
	pushed, err := image.Push(ctx, ref, img)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(marker, []byte(line+"\n"+pushed), 0o600); err != nil {
		return "", fmt.Errorf("remembering what was pushed: %w", err)
	}
	return pushed, nil
}

// fingerprint changes when a file of an image does.
func fingerprint(spec image.Spec) (string, error) {
	files := append([]string{spec.Binary + ":", spec.CA + ":"}, spec.Files...)
	for _, l := range spec.Layers {
		files = append(files, l+":")
	}
	sum := sha256.New()
	for _, f := range files {
		src, dst, _ := strings.Cut(f, ":")
		if src == "" {
			continue
		}
		info, err := os.Stat(src)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, src, dst, info.Size(), info.ModTime().UnixNano())
	}
	fmt.Fprintln(sum, spec.Entrypoint, spec.Args, spec.Env, spec.User, spec.Links, spec.Labels)
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}
