// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"fmt"
	"time"

	"github.com/distribution/distribution/v3/configuration"
)

// Options says where the registry keeps its data, where it listens and whom
// it tells of pushes.
type Options struct {
	Root   string
	Listen []string
	Notify []string
	Secret string
}

// configure fills in by hand what distribution's own YAML reader would default.
func configure(o Options) *configuration.Configuration {
	c := &configuration.Configuration{
		Version: "0.1",
		Storage: configuration.Storage{
			"filesystem":  {"rootdirectory": o.Root},
			"delete":      {"enabled": true},
			"maintenance": {"uploadpurging": map[interface{}]interface{}{"enabled": false}},
		},
		Catalog: configuration.Catalog{MaxEntries: 1000},
	}
	c.Log.Level = "warn"
	c.Log.AccessLog.Disabled = true
	c.HTTP.Secret = o.Secret
	for i, url := range o.Notify {
		c.Notifications.Endpoints = append(c.Notifications.Endpoints, configuration.Endpoint{
			Name:      fmt.Sprintf("notify-%d", i),
			URL:       url,
			Timeout:   2 * time.Second,
			Threshold: 3,
			Backoff:   2 * time.Second,
			// distribution looks at Actions only when a media type is ignored too.
			Ignore: configuration.Ignore{
				MediaTypes: []string{"application/octet-stream"},
				Actions:    []string{"pull", "mount"},
			},
		})
	}
	return c
}
