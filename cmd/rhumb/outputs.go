// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/paper"
)

// readOutputs takes what steps yield from flags and from a file; a flag has the last word.
func readOutputs(flags []string, file string) (map[string]output.Output, error) {
	given := map[string]output.Output{}
	if file != "" {
		r := &paper.Reader{}
		docs, err := r.Read(file)
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			if err := outputsOf(d, given); err != nil {
				return nil, err
			}
		}
	}
	for _, f := range flags {
		key, value, found := strings.Cut(f, "=")
		at := strings.LastIndex(key, ".")
		if !found || at <= 0 {
			return nil, usagef("--output %s is not STEP.NAME=VALUE; the format of what is printed is -o", f)
		}
		if err := put(given, key[:at], key[at+1:], value); err != nil {
			return nil, usagef("--output %s: %w", key, err)
		}
	}
	return given, nil
}

// outputsOf reads {step: {image: …}} and {step: {source: {url: …, revision: …}}}.
func outputsOf(d *paper.Document, given map[string]output.Output) error {
	var steps map[string]map[string]any
	if err := json.Unmarshal(d.JSON, &steps); err != nil {
		return fmt.Errorf("%s: outputs are written as {STEP: {image: VALUE}}", d.Place(""))
	}
	for step, values := range steps {
		for name, value := range values {
			inner, isSource := value.(map[string]any)
			if name != "source" || !isSource {
				inner = map[string]any{name: value}
			}
			for name, value := range inner {
				if err := put(given, step, name, value); err != nil {
					return fmt.Errorf("%s: %w", d.Place(step), err)
				}
			}
		}
	}
	return nil
}

func put(given map[string]output.Output, step, name string, value any) error {
	if !slices.Contains(output.Names, name) {
		return fmt.Errorf("a step yields %s, not %q", strings.Join(output.Names, ", "), name)
	}
	if given[step] == nil {
		given[step] = output.Output{}
	}
	given[step][name] = value
	if name == output.URL {
		if _, there := given[step][output.Revision]; !there {
			given[step][output.Revision] = nil
		}
	}
	return nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}
