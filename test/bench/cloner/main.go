// SPDX-License-Identifier: Apache-2.0

// Command cloner is `make bench-cloner`: it copies one set of images with crane, with skopeo and with `rhumb images copy`,
// between two of Debian's docker-registry, each into an empty one, and says what went over the wire.
//
//	docker-registry ◀─counter─ tool ─counter─▶ docker-registry, empty      ─▶ bytes, requests, seconds
//	four blobs of 2 GiB, made as they are read ◀─ rhumb ─▶ a sink           ─▶ peak memory
//
// crane and skopeo are started once for each image, as people do; rhumb once for all. It never asserts: a table is its result.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"rhumb.run/rhumb/test/bench/bars"
	"rhumb.run/rhumb/test/e2e/rig"
)

func main() {
	record := flag.Bool("record", false, "append the table to docs/performance.md")
	giants := flag.Int64("giant", 2<<30, "bytes of each of the four blobs in flight")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *record, *giants); err != nil {
		fmt.Fprintln(os.Stderr, "bench-cloner:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, record bool, giant int64) error {
	repo, err := rig.Find()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-cloner-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	tools, err := findTools(ctx, repo, dir)
	if err != nil {
		return err
	}
	results, err := compare(ctx, dir, tools)
	if err != nil {
		return err
	}
	peak, err := memory(ctx, dir, tools["rhumb"], giant)
	if err != nil {
		return fmt.Errorf("measuring memory: %w", err)
	}
	head, err := bars.Head(ctx, repo, fmt.Sprintf("images: %d on a base of %d MiB", apps, base>>20))
	if err != nil {
		return err
	}
	text := head + bars.Table(ratios(results, peak)) + figures(results)
	fmt.Print("\n" + text)
	if record {
		return bars.Record(repo.Path("docs", "performance.md"), text)
	}
	return nil
}

// tool is a program that copies, and how.
type tool struct {
	path string
	// commands are the runs that copy all images from one address to another.
	commands func(from, to string) [][]string
}

func findTools(ctx context.Context, repo rig.Repo, dir string) (map[string]tool, error) {
	skopeo, err := exec.LookPath("skopeo")
	if err != nil {
		return nil, fmt.Errorf("skopeo is not here (Debian's package of that name): %w", err)
	}
	if _, err := exec.LookPath("docker-registry"); err != nil {
		return nil, fmt.Errorf("docker-registry is not here (Debian's package of that name): %w", err)
	}
	rhumb, crane := repo.Path("bin", "rhumb"), repo.Path("bin", "crane")
	for out, pkg := range map[string]string{rhumb: "./cmd/rhumb", crane: "github.com/google/go-containerregistry/cmd/crane"} {
		if _, err := repo.Run(ctx, nil, "go", "build", "-o", out, pkg); err != nil {
			return nil, err
		}
	}
	each := func(make func(from, to string) []string) func(from, to string) [][]string {
		return func(from, to string) [][]string {
			var out [][]string
			for i := range apps {
				out = append(out, make(from+"/"+app(i), to+"/"+app(i)))
			}
			return out
		}
	}
	return map[string]tool{
		"crane": {crane, each(func(from, to string) []string { return []string{"copy", "--insecure", from, to} })},
		"skopeo": {skopeo, each(func(from, to string) []string {
			return []string{"--insecure-policy", "copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", "docker://" + from, "docker://" + to}
		})},
		"rhumb": {rhumb, func(from, to string) [][]string {
			args := []string{"images", "copy", "--quiet", "--registries-config", plain(dir, from, to)}
			for i := range apps {
				args = append(args, from+"/"+app(i))
			}
			return [][]string{append(args, to+"/")}
		}},
	}, nil
}

// plain writes which registries are reached without TLS.
func plain(dir string, hosts ...string) string {
	var text strings.Builder
	text.WriteString("registries:\n")
	for _, h := range hosts {
		fmt.Fprintf(&text, "- {host: %q, plainHTTP: true}\n", h)
	}
	path := dir + "/registries.yaml"
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, "bench-cloner:", err)
	}
	return path
}
