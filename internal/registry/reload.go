// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"encoding/json"
	"time"

	"github.com/go-logr/logr"
)

const reloadEvery = 10 * time.Second

// File keeps hosts in step with a registries file. A file that cannot be read any more changes nothing: what was read last
// stays.
type File struct {
	path  string
	hosts *Hosts
	log   logr.Logger
	last  string
	every time.Duration
}

// NewFile reads the file once; an error then is the caller's.
func NewFile(path string, hosts *Hosts, log logr.Logger) (*File, error) {
	f := &File{path: path, hosts: hosts, log: log, every: reloadEvery}
	return f, f.load()
}

// NeedLeaderElection is false: whoever serves artifacts reaches registries too.
func (f *File) NeedLeaderElection() bool { return false }

// Start looks at the file every few seconds, since a mounted ConfigMap changes by a rename that few watches survive.
func (f *File) Start(ctx context.Context) error {
	t := time.NewTicker(f.every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			if err := f.load(); err != nil {
				f.log.Error(err, "registries file not taken, the one before stays")
			}
		}
	}
}

func (f *File) load() error {
	hosts, err := LoadConfig(f.path)
	if err != nil {
		return err
	}
	text, err := json.Marshal(hosts)
	if err != nil || string(text) == f.last {
		return err
	}
	f.last = string(text)
	f.hosts.SetFile(hosts)
	f.log.Info("registries file taken", "path", f.path, "registries", len(hosts))
	return nil
}
