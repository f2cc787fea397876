// SPDX-License-Identifier: Apache-2.0

package main

import (
	goflag "flag"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// aliases are flags as Cartographer spelled them, so that the args of its
// Deployment keep working. A port of 0 means off, there as here.
type aliases struct {
	webhookPort, metricsPort, pprofPort int
	dev                                 bool
}

// addZapFlags adds the flags for logging that the image cloner has always had.
func addZapFlags(f *pflag.FlagSet, to *zap.Options) {
	to.Development = true
	flags := goflag.NewFlagSet("", goflag.ContinueOnError)
	to.BindFlags(flags)
	flags.VisitAll(func(one *goflag.Flag) { one.Usage = "with --log-format=console: " + one.Usage })
	f.AddGoFlagSet(flags)
}

// zapped reports whether one of them was given.
func zapped(f *pflag.FlagSet) bool {
	given := false
	f.Visit(func(one *pflag.Flag) { given = given || strings.HasPrefix(one.Name, "zap-") })
	return given
}

// unset tells a port that nobody named from 0, which turns a server off.
const unset = -1

func addAliases(f *pflag.FlagSet) *aliases {
	a := &aliases{}
	f.IntVar(&a.webhookPort, "Port", unset, "in Cartographer's words: --webhook-bind-address=:<port>; 0 turns it off")
	f.IntVar(&a.metricsPort, "metrics-port", unset, "in Cartographer's words: --metrics-bind-address=:<port>; 0 turns it off")
	f.IntVar(&a.pprofPort, "pprof-port", unset, "in Cartographer's words: --pprof-bind-address=:<port>; 0 turns it off")
	f.BoolVar(&a.dev, "dev", false, "in Cartographer's words: --log-format=text")
	return a
}

func (a *aliases) apply(o *options) {
	if a.webhookPort != unset {
		o.webhook = address(a.webhookPort)
	}
	if a.metricsPort != unset {
		o.metrics = address(a.metricsPort)
	}
	if a.pprofPort != unset {
		o.pprof = address(a.pprofPort)
	}
	if a.dev {
		o.logFormat = "text"
	}
}

func address(port int) string {
	if port == 0 {
		return "0"
	}
	return ":" + strconv.Itoa(port)
}

// withTwoDashes spells flags that are known by a whole word as we do: -cert-dir
// as --cert-dir. All else, such as the value -imagerepository of --controllers,
// stays as it is.
func withTwoDashes(f *pflag.FlagSet, args []string) []string {
	out := make([]string, 0, len(args))
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && !strings.HasPrefix(name, "-") && f.Lookup(name) != nil {
			arg = "-" + arg
		}
		out = append(out, arg)
	}
	return out
}
