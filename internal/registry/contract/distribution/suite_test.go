// SPDX-License-Identifier: Apache-2.0

package distribution_test

import (
	"net/http"
	"testing"

	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/registry/contract/distribution"
)

func TestDistribution(t *testing.T) {
	contract.Run(t, func(*testing.T) http.Handler { return distribution.New() })
}
