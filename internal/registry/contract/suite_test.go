// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"io"
	"log"
	"net/http"
	"testing"

	ggcr "github.com/google/go-containerregistry/pkg/registry"

	"rhumb.run/rhumb/internal/registry/contract"
)

func TestInMemory(t *testing.T) {
	contract.Run(t, func(*testing.T) http.Handler {
		return ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)), ggcr.WithReferrersSupport(true))
	})
}
