// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"

	"rhumb.run/rhumb/lab/internal/layout"
)

// tail returns the last n lines of a file, each indented and cut to a width
// that can be read.
func tail(file string, n int) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "  (no log: " + err.Error() + ")"
	}
	lines := strings.Split(strings.TrimRight(string(raw), "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	for i, l := range lines {
		lines[i] = fmt.Sprintf("  %.300s", l)
	}
	return strings.Join(lines, "\n")
}

// registryUp asks the registry whether it speaks the distribution protocol.
func registryUp(s layout.Settings) func(context.Context) error {
	url := fmt.Sprintf("http://127.0.0.1:%d/v2/", s.RegistryPort)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, resp.Status)
		}
		return nil
	}
}
