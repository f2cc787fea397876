// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"rhumb.run/rhumb/internal/registry"
)

// options are the flags, with the defaults that an installation needs.
type options struct {
	kubeconfig  string
	controllers []string
	// workloads, deliverables and runnables are how many of each are acted for at once.
	workloads, deliverables, runnables int

	leaderElect     bool
	leaderNamespace string

	metrics string
	probes  string
	pprof   string

	// webhook is where admission reviews are answered; certDir holds its certificate, if others make it.
	webhook string
	certDir string
	// webhookNames, in tests, are further names by which the webhook is called.
	webhookNames []string

	artifactBind    string
	artifactAddress string
	artifactDir     string
	registries      string
	hookToken       string
	keychains       []string

	logLevel  string
	logFormat string
	// zap are the flags of logging in that format.
	zap zap.Options
	// env is where the image cloner is configured; os.LookupEnv if nil.
	env func(string) (string, bool)
	// sweepEvery, in tests, is how often copies that nobody uses are looked for.
	sweepEvery time.Duration
	// refreshEvery, in tests, is how often tags are looked at again: policies cannot ask for less than a minute.
	refreshEvery time.Duration

	// log, in tests, is where the log goes instead of standard error.
	log io.Writer
	// narrow, in tests, bounds what is seen, so that several of these can share a cluster and a process.
	narrow func(*cache.Options)
}

// known are the controllers by the name that --controllers takes.
var known = []string{"workload", "supplychain", "deliverable", "delivery", "runnable", "imagerepository", "imagecloner", "admission"}

var errHelp = pflag.ErrHelp

func parse(args []string, out io.Writer) (options, error) {
	var o options
	f := pflag.NewFlagSet("rhumb-controller", pflag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&o.kubeconfig, "kubeconfig", os.Getenv("KUBECONFIG"), "kubeconfig file; empty means the cluster that this process runs in")
	f.StringSliceVar(&o.controllers, "controllers", []string{"*"}, "controllers to run: * is all, -name leaves one out; of "+strings.Join(known, ", "))
	f.IntVar(&o.workloads, "max-concurrent-workloads", 16, "Workloads acted for at once")
	f.IntVar(&o.deliverables, "max-concurrent-deliveries", 16, "Deliverables acted for at once")
	f.IntVar(&o.runnables, "max-concurrent-runnables", 16, "Runnables, and Pipelines, acted for at once")
	f.BoolVar(&o.leaderElect, "leader-elect", true, "act only while holding the lease; several replicas then stand by for each other")
	f.StringVar(&o.leaderNamespace, "leader-elect-namespace", os.Getenv("POD_NAMESPACE"), "namespace of the lease; empty means rhumb-system")
	f.StringVar(&o.metrics, "metrics-bind-address", ":8080", "address of /metrics; 0 turns it off")
	f.StringVar(&o.probes, "health-probe-bind-address", ":8081", "address of /healthz and /readyz; 0 turns it off")
	f.StringVar(&o.pprof, "pprof-bind-address", "0", "address of the profiler; 0 turns it off")
	f.StringVar(&o.webhook, "webhook-bind-address", ":9443", "address on which the API server asks whether to let an object in; 0 turns it off")
	f.StringVar(&o.certDir, "cert-dir", "", "folder with tls.crt and tls.key to show to the API server, read again when they change; empty means a certificate of our own making, kept in a Secret")
	f.StringVar(&o.artifactBind, "artifact-bind-address", ":9790", "address on which image file trees are served and notifications of registries and git servers received")
	f.StringVar(&o.artifactAddress, "artifact-address", "", "host[:port] under which the artifact server is reached by others; empty means rhumb-artifacts.<namespace>.svc.cluster.local in a cluster, the bind address elsewhere")
	f.StringVar(&o.artifactDir, "artifact-dir", "", "folder of the artifact cache; empty means one in the user's cache folder")
	f.StringVar(&o.registries, "registries-config", "", "file that says how registries are reached (mirrors, plain HTTP, CA), see docs/reference/registries.md")
	f.StringVar(&o.hookToken, "hook-token-file", "", "file with the token that notifications of registries and git servers must carry or be signed with; empty means none is asked for")
	f.StringSliceVar(&o.keychains, "keychains", registry.Keychains, "logins of the controller itself that serve every image; of "+strings.Join(registry.Keychains, ", "))
	f.StringVar(&o.logLevel, "log-level", "info", "error, info or debug")
	f.StringVar(&o.logFormat, "log-format", "json", "json, or text or console for people")
	old := addAliases(f)
	addZapFlags(f, &o.zap)
	if err := f.Parse(withTwoDashes(f, args)); err != nil {
		return o, err
	}
	old.apply(&o)
	o.seedDefaults(f)
	if zapped(f) && !f.Changed("log-format") {
		o.logFormat = "console"
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: all settings are flags, see --help", f.Arg(0))
	}
	return o, o.check()
}

// answers tells whether the API server is answered.
func (o *options) answers() bool { return o.runs("admission") && o.webhook != "0" }

// lookup reads the environment.
func (o *options) lookup() func(string) (string, bool) {
	if o.env != nil {
		return o.env
	}
	return os.LookupEnv
}

// clonerAlone is true of the image cloner as people had it before there was anything else: configured by its environment.
func (o *options) clonerAlone() bool {
	return slices.Equal(o.controllers, []string{"imagecloner"})
}

// seedDefaults are those that users of the image cloner of old rely on: its log, and that one of it needs no lease.
func (o *options) seedDefaults(f *pflag.FlagSet) {
	if !o.clonerAlone() {
		return
	}
	for name, set := range map[string]func(){
		"log-level":    func() { o.logLevel = "debug" },
		"log-format":   func() { o.logFormat = "console" },
		"leader-elect": func() { o.leaderElect = false },
	} {
		if !f.Changed(name) {
			set()
		}
	}
}

func (o *options) check() error {
	for _, name := range o.controllers {
		if bare := strings.TrimPrefix(name, "-"); bare != "*" && !slices.Contains(known, bare) {
			return fmt.Errorf("--controllers names %q, which is none of %s", bare, strings.Join(known, ", "))
		}
	}
	if o.workloads < 1 {
		return errors.New("--max-concurrent-workloads must be 1 or more")
	}
	if o.deliverables < 1 {
		return errors.New("--max-concurrent-deliveries must be 1 or more")
	}
	if o.runnables < 1 {
		return errors.New("--max-concurrent-runnables must be 1 or more")
	}
	if o.leaderNamespace == "" {
		o.leaderNamespace = "rhumb-system"
	}
	return nil
}

// runs tells whether a controller is chosen: the last word about it counts.
func (o *options) runs(name string) bool {
	chosen := false
	for _, word := range o.controllers {
		switch word {
		case "*", name:
			chosen = true
		case "-" + name:
			chosen = false
		}
	}
	return chosen
}
