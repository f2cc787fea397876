// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // the one storage the lab uses
	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"

	"rhumb.run/rhumb/lab/internal/program"
)

// Main runs the registry until it is told to stop and returns its exit code.
func Main(args []string) int {
	o := Options{Secret: rand.Text()}
	flags := pflag.NewFlagSet("registry", pflag.ContinueOnError)
	flags.StringVar(&o.Root, "root", "", "directory of the images")
	flags.StringArrayVar(&o.Listen, "listen", nil, "address to listen on; may be repeated")
	flags.StringArrayVar(&o.Notify, "notify", nil, "URL that each push is posted to; may be repeated")
	return program.Main(flags, args, func(ctx context.Context) error { return serve(ctx, o) })
}

func serve(ctx context.Context, o Options) error {
	return program.Serve(ctx, "the registry", &http.Server{Handler: Handler(ctx, o)}, o.Listen...)
}

// Handler is the registry, for whoever lets others in by rules of their own.
func Handler(ctx context.Context, o Options) http.Handler {
	logrus.SetFormatter(&calm{next: &logrus.TextFormatter{DisableColors: true}, every: 10 * time.Minute, now: time.Now})
	logrus.SetLevel(logrus.WarnLevel)
	return handlers.NewApp(ctx, configure(o))
}
