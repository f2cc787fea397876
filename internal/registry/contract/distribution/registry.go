// SPDX-License-Identifier: Apache-2.0

package distribution

import (
	"context"
	"io"
	"net/http"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory" // the storage of a test's registry
	"github.com/sirupsen/logrus"
)

// New makes an empty registry. It deletes what it is told to, and takes layers that lie at example.com.
func New() http.Handler {
	c := &configuration.Configuration{Storage: configuration.Storage{
		"inmemory": {},
		"delete":   {"enabled": true},
		// Looking for what was uploaded halfway would outlive the test.
		"maintenance": {"uploadpurging": map[any]any{"enabled": false}},
	}}
	c.HTTP.Secret = "of the test"
	c.Validation.Manifests.URLs.Allow = []string{"^https://example.com/"}
	logrus.SetOutput(io.Discard) // its one logger tells of every 404, which tests ask for
	return handlers.NewApp(context.Background(), c)
}
