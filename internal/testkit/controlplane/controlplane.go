// SPDX-License-Identifier: Apache-2.0

// Package controlplane gives tests a real API server: the lab's control plane,
// with Rhumb's definitions installed.
//
//	Shared ─▶ one for all tests of a run (RHUMB_TEST_KUBECONFIG), else one for this process
//	New    ─▶ one of its own, for a test that takes it away
//
// Nothing of it outlives the process that started it: the lab ends when the
// pipe to it closes.
package controlplane

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// KubeconfigVariable names a kubeconfig of a control plane that is there
// already; without it each test process starts its own.
const KubeconfigVariable = "RHUMB_TEST_KUBECONFIG"

// Plane is a control plane of a test's own.
type Plane struct {
	dir    string
	config *rest.Config
	stdin  io.Closer
	cmd    *exec.Cmd
}

var shared struct {
	once   sync.Once
	plane  *Plane
	config *rest.Config
	err    error
}

// Main runs the tests and then ends what Shared started.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for whoever leaves by another door.
func Run(m interface{ Run() int }) int {
	code := m.Run()
	if shared.plane != nil {
		shared.plane.end()
	}
	return code
}

// Shared is the control plane that all tests share. Cluster-scoped objects
// must have names of the test's own.
func Shared(t *testing.T) *rest.Config {
	t.Helper()
	shared.once.Do(func() {
		if path := os.Getenv(KubeconfigVariable); path != "" {
			shared.config, shared.err = clientcmd.BuildConfigFromFlags("", path)
		} else if shared.plane, shared.err = start(context.Background()); shared.err == nil {
			shared.config = shared.plane.config
		}
		if shared.err == nil {
			shared.err = install(shared.config)
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.config
}

// New is a control plane that this test alone uses, and may stop.
func New(t *testing.T) *Plane {
	t.Helper()
	p, err := start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.end)
	if err := install(p.config); err != nil {
		t.Fatal(err)
	}
	return p
}

// Config is how to reach it.
func (p *Plane) Config() *rest.Config { return p.config }

// Namespace makes a namespace for the test.
func (p *Plane) Namespace(t *testing.T) string {
	t.Helper()
	return namespace(t, p.config)
}

// Stop takes the API server away; its store stays.
func (p *Plane) Stop(t *testing.T) { t.Helper(); p.component(t, "stop") }

// Start brings the API server back and waits until it answers.
func (p *Plane) Start(t *testing.T) {
	t.Helper()
	p.component(t, "start")
	if err := answers(p.config); err != nil {
		t.Fatal(err)
	}
}

func (p *Plane) component(t *testing.T, verb string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), labProgram(), "component", verb, "kube-apiserver", "--data-dir", p.dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%sing the API server: %v\n%s", verb, err, out)
	}
}

// patience is how long a control plane may take on a loaded machine.
const patience = 2 * time.Minute

func start(ctx context.Context) (*Plane, error) {
	program := labProgram()
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("no control plane to test against: run 'make bin/rhumb-lab' first, or set %s: %w", KubeconfigVariable, err)
	}
	dir, err := os.MkdirTemp("", "rhumb-test-")
	if err != nil {
		return nil, err
	}
	p := &Plane{dir: filepath.Join(dir, "lab")}
	p.cmd = exec.CommandContext(ctx, program, "up", "--no-node", "--foreground", "--until-eof", "--ephemeral", "--data-dir", p.dir)
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	if err := ready(out); err != nil {
		p.end()
		return nil, err
	}
	p.config, err = clientcmd.BuildConfigFromFlags("", filepath.Join(p.dir, "kubeconfig"))
	if err != nil {
		p.end()
		return nil, fmt.Errorf("reading the lab's kubeconfig: %w", err)
	}
	p.config.QPS = -1
	return p, nil
}

// ready reads the lab's progress until it says that it is.
func ready(out io.Reader) error {
	said := make(chan error, 1)
	go func() {
		var all strings.Builder
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.HasSuffix(strings.TrimSpace(lines.Text()), "ready") {
				said <- nil
				_, _ = io.Copy(io.Discard, out)
				return
			}
			all.WriteString(lines.Text() + "\n")
		}
		said <- fmt.Errorf("the lab ended before it was ready:\n%s", all.String())
	}()
	select {
	case err := <-said:
		return err
	case <-time.After(patience):
		return fmt.Errorf("the lab was not ready within %s", patience)
	}
}

func (p *Plane) end() {
	_ = p.stdin.Close()
	_ = p.cmd.Wait()
	_ = os.RemoveAll(filepath.Dir(p.dir))
}

func labProgram() string {
	if path := os.Getenv("RHUMB_LAB_BIN"); path != "" {
		return path
	}
	return filepath.Join(root(), "bin", "rhumb-lab")
}

// root is the repository's folder.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}
