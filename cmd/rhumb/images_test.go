// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/testscript"

	ours "rhumb.run/rhumb/internal/registry"
	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/registry/contract/distribution"
)

// hides is a registry that answers with a code where a path has a part.
func hides(part string, code int) contract.Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.Contains(r.URL.Path, part) {
			w.WriteHeader(code)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// TestImageScripts types what users type at registries, $SOURCE, $TARGET, $EMPTY and $FRESH. $SOURCE has team/app:1, an index of two
// images, and tools/one:1, which shares a layer with it.
//
//	hide REGISTRY CODE PART    answers with the code where a path has the part; nothing is hidden without it
//	locks REGISTRY USER        asks everybody for a login from now on, and gives it to whoever types here
//	move REGISTRY NAME         pushes another image to a name
//	sign REGISTRY NAME DIGEST  pushes what refers to a digest, and a tag of cosign's
//	flip GLOB                  changes one bit of the first file
//	cut GLOB                   takes the last byte of it
func TestImageScripts(t *testing.T) {
	base := contract.Files{"base": noise(50_000)}
	one := contract.Image(t, base, contract.Files{"one": "1"})
	app := contract.Index(map[string]v1.Image{
		"amd64": contract.Image(t, base, contract.Files{"arch": "amd64"}),
		"arm64": contract.Image(t, base, contract.Files{"arch": "arm64"}),
	})
	other := contract.Image(t, contract.Files{"other": "1"})
	var fronts sync.Map // by host
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/images",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			wall := contract.NewWall(t)
			for _, name := range []string{"SOURCE", "TARGET", "EMPTY", "FRESH"} {
				f := wall.Front(distribution.New())
				env.Defer(f.Close)
				env.Setenv(name, strings.TrimPrefix(f.URL, "http://"))
				fronts.Store(env.Getenv(name), f)
			}
			_, port, _ := strings.Cut(env.Getenv("SOURCE"), ":")
			env.Setenv("SOURCE_PORT", port)
			url := "http://" + env.Getenv("SOURCE")
			contract.Push(t, url, "tools/one:1", one)
			env.Setenv("DIGEST", contract.Push(t, url, "team/app:1", app))
			env.Setenv("DOCKER_CONFIG", env.WorkDir) // nobody's logins
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"hide": func(ts *testscript.TestScript, _ bool, args []string) {
				var fault contract.Fault
				if len(args) == 3 {
					fault = hides(args[2], map[string]int{"404": 404, "401": 401, "429": 429, "503": 503}[args[1]])
				}
				front(ts, &fronts, args[0]).Fault(fault)
			},
			"locks": func(ts *testscript.TestScript, _ bool, args []string) {
				login := front(ts, &fronts, args[0]).Basic(args[0], args[1])[0]
				config := ts.MkAbs("config.json")
				held := struct {
					Auths map[string]map[string]string `json:"auths"`
				}{map[string]map[string]string{}}
				if raw, err := os.ReadFile(config); err == nil {
					ts.Check(json.Unmarshal(raw, &held))
				}
				held.Auths[args[0]] = map[string]string{"username": login.Username, "password": string(login.Password)}
				raw, err := json.Marshal(held)
				ts.Check(err)
				ts.Check(os.WriteFile(config, raw, 0o600))
			},
			"move": func(_ *testscript.TestScript, _ bool, args []string) {
				contract.Push(t, "http://"+args[0], args[1], other)
			},
			"sign": func(ts *testscript.TestScript, _ bool, args []string) {
				about, err := v1.NewHash(args[2])
				ts.Check(err)
				signed, ok := mutate.Subject(other, v1.Descriptor{MediaType: types.OCIImageIndex, Digest: about, Size: 1}).(v1.Image)
				if !ok {
					ts.Fatalf("no image any more")
				}
				contract.Push(t, "http://"+args[0], args[1]+":signature", signed)
				contract.Push(t, "http://"+args[0], args[1]+":"+strings.Replace(args[2], ":", "-", 1)+".sig", one)
			},
			"flip": func(ts *testscript.TestScript, _ bool, args []string) {
				spoil(ts, args[0], func(raw []byte) []byte { raw[len(raw)/2] ^= 1; return raw })
			},
			"cut": func(ts *testscript.TestScript, _ bool, args []string) {
				spoil(ts, args[0], func(raw []byte) []byte { return raw[:len(raw)-1] })
			},
		},
	})
}

// front is that of a registry of a script.
func front(ts *testscript.TestScript, all *sync.Map, host string) *contract.Front {
	found, ok := all.Load(host)
	if !ok {
		ts.Fatalf("no registry %s", host)
	}
	return found.(*contract.Front)
}

// noise is a text that no compression makes smaller, the same each time.
func noise(n int) string {
	var out []byte
	for sum := sha256.Sum256(nil); len(out) < n; sum = sha256.Sum256(sum[:]) {
		out = append(out, sum[:]...)
	}
	return string(out[:n])
}

// spoil changes the largest file of those that match.
func spoil(ts *testscript.TestScript, glob string, how func([]byte) []byte) {
	all, err := filepath.Glob(ts.MkAbs(glob))
	ts.Check(err)
	largest, most := "", int64(-1)
	for _, f := range all {
		if info, err := os.Stat(f); err == nil && info.Size() > most {
			largest, most = f, info.Size()
		}
	}
	raw, err := os.ReadFile(largest)
	ts.Check(err)
	ts.Check(os.WriteFile(largest, how(raw), 0o644))
}

func TestLiveLine(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		why  string
		now  ours.Progress
		took time.Duration
		want string
	}{
		"Asking": {"nothing is known of it yet", ours.Progress{}, time.Second, "app:1  asking"},
		"Moving": {"bytes, blobs and rate", ours.Progress{Sent: 20_000_000, Mounted: 1_000_000, Total: 84_000_000, Blobs: 3, AllBlobs: 9}, 4 * time.Second, "app:1  21.0 MB of 84.0 MB  3 of 9 blobs  5.0 MB/s"},
		"Early":  {"a rate of nothing yet would be a guess", ours.Progress{Sent: 20_000, Total: 84_000, AllBlobs: 9}, 100 * time.Millisecond, "app:1  20.0 kB of 84.0 kB  0 of 9 blobs"},
		"AtRest": {"what is only looked for has no rate", ours.Progress{Skipped: 84_000, Total: 84_000, Blobs: 9, AllBlobs: 9}, time.Second, "app:1  84.0 kB of 84.0 kB  9 of 9 blobs"},
	} {
		t.Run(name, func(t *testing.T) {
			l := &line{name: "app:1", since: start, now: c.now}
			if got := l.words(start.Add(c.took)); got != c.want {
				t.Errorf("%s: %q, want %q", c.why, got, c.want)
			}
		})
	}
}

// What is live is written over: the lines of before go, and what came to its end stands above.
func TestLiveLinesAreWrittenOver(t *testing.T) {
	var both strings.Builder // as a terminal has it
	m := &meter{io: &streams{out: &both, err: &both}, live: true, width: 20, stop: func() {}}
	one, two := m.begin("one"), m.begin("a name that is far too long for this")
	m.draw(time.Now())
	two.end()
	m.say("copied one")
	one.end()
	m.end()
	const want = "  one  asking\n  a name that is f…\n" + "\x1b[2A\r\x1b[J" + "copied one\n" + "  one  asking\n" + "\x1b[1A\r\x1b[J"
	if both.String() != want {
		t.Errorf("written %q, want %q", both.String(), want)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_600: "1.0 MB", 123_456_789: "123 MB", 2_147_483_648: "2.1 GB"} {
		if got := size(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func TestRegistryOnly(t *testing.T) {
	for target, want := range map[string]bool{
		"localhost:5000": true, "registry.example.com": true, "registry.example.com/mirror/": true, "[::1]:5000": true,
		"registry:5000": true, "localhost": true,
		"registry.example.com/mirror": false, "nginx": false, "nginx:1.27": false, "team/app": false,
	} {
		if got := registryOnly(target); got != want {
			t.Errorf("%s: %v", target, got)
		}
	}
}
