// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// inFlight is how many large images are copied at once.
const inFlight = 4

// giant is a blob that is nowhere: it is made as it is read. Its first bytes say which one it is.
type giant struct {
	seed, size, at int64
}

func (g *giant) Read(p []byte) (int, error) {
	if g.at >= g.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), g.size-g.at))
	clear(p[:n])
	if g.at == 0 && n >= 8 {
		binary.BigEndian.PutUint64(p, uint64(g.seed))
	}
	g.at += int64(n)
	return n, nil
}

func hashed(r io.Reader) string {
	h := sha256.New()
	_, _ = io.Copy(h, r)
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// giants serve images of one large layer, by tag.
func giants(size int64) http.Handler {
	const config = "{}"
	configDigest := hashed(strings.NewReader(config))
	blobs, manifests := map[string]int64{}, map[string]string{}
	for i := range int64(inFlight) {
		layer := hashed(&giant{seed: i, size: size})
		blobs[layer] = i
		m := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":%d}]}`, configDigest, len(config), layer, size)
		manifests[fmt.Sprint(i)], manifests[hashed(strings.NewReader(m))] = m, m
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		if m, ok := manifests[name]; ok && strings.Contains(r.URL.Path, "/manifests/") {
			w.Header().Set("Docker-Content-Digest", hashed(strings.NewReader(m)))
			_, _ = io.WriteString(w, m)
			return
		}
		if seed, ok := blobs[name]; ok {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			_, _ = io.Copy(w, &giant{seed: seed, size: size})
			return
		}
		_, _ = io.WriteString(w, config)
	})
}

// sink takes everything and keeps no blob.
type sink struct {
	mu   sync.Mutex
	seen map[string]string // manifest → digest
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	digest, known := s.seen[r.URL.Path]
	s.mu.Unlock()
	switch {
	case r.Method == http.MethodPost:
		w.Header().Set("Location", r.URL.Path+"one")
		w.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/"):
		got := hashed(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen[r.URL.Path] = got
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodPut:
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
	case known:
		w.Header().Set("Docker-Content-Digest", digest)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// memory is the most that copying large images has held resident, in MiB.
func memory(ctx context.Context, dir string, t tool, size int64) (float64, error) {
	fmt.Printf("==> %d images of %d MiB at once\n", inFlight, size>>20)
	source, target := httptest.NewServer(giants(size)), httptest.NewServer(&sink{seen: map[string]string{}})
	defer source.Close()
	defer target.Close()
	from, to := strings.TrimPrefix(source.URL, "http://"), strings.TrimPrefix(target.URL, "http://")
	args := []string{"images", "copy", "--quiet", "--parallel", fmt.Sprint(inFlight), "--registries-config", plain(dir, from, to)}
	for i := range inFlight {
		args = append(args, fmt.Sprintf("%s/giant:%d", from, i))
	}
	began := time.Now()
	cmd := exec.CommandContext(ctx, t.path, append(args, to+"/")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("copying: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	// The kernel's figure for a child that has ended counts what its parent held when it began.
	peak, look := 0.0, time.NewTicker(20*time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				return 0, fmt.Errorf("copying: %w: %s", err, out.String())
			}
			cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			fmt.Printf("rhumb    %.0f MiB at most, %.1fs, %.1f s of CPU\n", peak, time.Since(began).Seconds(), cpu.Seconds())
			return peak, nil
		case <-look.C:
			peak = max(peak, resident(cmd.Process.Pid))
		}
	}
}

// resident is the most that a process has held so far, in MiB; 0 if it is gone.
func resident(pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib float64
	_, _ = fmt.Sscan(rest, &kib)
	return kib / 1024
}
