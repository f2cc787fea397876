// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"context"
	"encoding/json"
	"fmt"
)

// Upstream is the folder of a project's own files, in the version that
// lab/neighbours/<name>/go.mod pins: definitions of its kinds, for example.
// Only the first time they are fetched.
func (r Repo) Upstream(ctx context.Context, name, module string) (string, error) {
	var pins struct {
		Require []struct{ Path, Version string }
	}
	dir := r.Path("lab", "neighbours", name)
	if err := r.decode(ctx, &pins, "go", "-C", dir, "mod", "edit", "-json"); err != nil {
		return "", err
	}
	for _, pin := range pins.Require {
		if pin.Path != module {
			continue
		}
		var got struct{ Dir string }
		if err := r.decode(ctx, &got, "go", "-C", dir, "mod", "download", "-json", pin.Path+"@"+pin.Version); err != nil {
			return "", err
		}
		return got.Dir, nil
	}
	return "", fmt.Errorf("finding %s: %s/go.mod does not require it", module, dir)
}

// decode runs a program and reads the JSON that it prints.
func (r Repo) decode(ctx context.Context, into any, name string, args ...string) error {
	out, err := r.Run(ctx, nil, name, args...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		return fmt.Errorf("reading what %s printed: %w", name, err)
	}
	return nil
}
