// SPDX-License-Identifier: Apache-2.0

package distribution_test

import (
	"net/http"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory" // the storage of the test's registry

	"rhumb.run/rhumb/internal/registry/contract"
)

func TestDistribution(t *testing.T) {
	contract.Run(t, func(t *testing.T) http.Handler {
		c := &configuration.Configuration{Storage: configuration.Storage{"inmemory": configuration.Parameters{}}}
		c.Log.Level = "error"
		c.Log.AccessLog.Disabled = true
		c.HTTP.Secret = "of the test"
		c.Storage["delete"] = configuration.Parameters{"enabled": true}
		c.Validation.Manifests.URLs.Allow = []string{"^https://example.com/"}
		return handlers.NewApp(t.Context(), c)
	})
}
