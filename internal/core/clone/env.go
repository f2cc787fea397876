// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rhumb.run/rhumb/internal/core/image"
)

// The environment of the image cloner, as its users have it, and four variables of our own.
const (
	EnvRegistry   = "IMAGE_CLONER_REGISTRY"
	EnvUser       = "IMAGE_CLONER_USER"
	EnvPassword   = "IMAGE_CLONER_PASS"
	EnvSkip       = "IMAGE_CLONER_SKIP_NAMESPACES"
	EnvPullSecret = "IMAGE_CLONER_PULL_SECRET"
	EnvPush       = "IMAGE_CLONER_PUSH_ENDPOINT"
	EnvInsecure   = "IMAGE_CLONER_INSECURE"
	EnvKinds      = "IMAGE_CLONER_KINDS"
	EnvDryRun     = "IMAGE_CLONER_DRY_RUN"
)

const (
	defaultRegistry   = "localhost:5000"
	defaultPullSecret = "cr-token"
)

// neverTouched are namespaces in which the cluster itself lives.
var neverTouched = []string{"kube-system", "local-path-storage"}

// FromEnv is the policy that the environment describes. lookup is os.LookupEnv.
func FromEnv(lookup func(string) (string, bool)) (*Policy, error) {
	get := func(name, fallback string) string {
		if v, ok := lookup(name); ok && strings.TrimSpace(v) != "" {
			return strings.TrimSpace(v)
		}
		return fallback
	}
	target, err := ParseTarget(get(EnvRegistry, defaultRegistry))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", EnvRegistry, err)
	}
	target.Naming = Flat
	if push := get(EnvPush, ""); push != "" {
		at, err := ParseTarget(push)
		if err != nil || at.Path != "" {
			return nil, fmt.Errorf("reading %s: %q is no registry: want host[:port]", EnvPush, push)
		}
		target.Push = at.Host
	}
	insecure, err := strconv.ParseBool(get(EnvInsecure, "false"))
	if err != nil {
		return nil, fmt.Errorf("reading %s: want true or false", EnvInsecure)
	}
	dry, err := strconv.ParseBool(get(EnvDryRun, "false"))
	if err != nil {
		return nil, fmt.Errorf("reading %s: want true or false", EnvDryRun)
	}
	kinds := list(get(EnvKinds, "Deployment"))
	for _, kind := range kinds {
		if !slices.Contains(patchable, kind) {
			return nil, fmt.Errorf("reading %s: %q is none of %s", EnvKinds, kind, strings.Join(patchable, ", "))
		}
	}
	secret, set := lookup(EnvPullSecret)
	if !set {
		secret = defaultPullSecret
	}
	return &Policy{
		Name:   EnvName,
		Target: target,
		Match: Match{
			Except: append(slices.Clone(neverTouched), list(get(EnvSkip, ""))...),
			Kinds:  kinds,
		},
		Strategy: Workload, Order: TargetFirst, Refresh: Never, ReadyFirst: true, Rollouts: defaultRollouts,
		PullSecret: strings.TrimSpace(secret), DryRun: dry, Push: Access{Host: target.Pushed(image.Ref{Host: target.Host}).Host, Insecure: insecure},
	}, nil
}

func list(s string) []string {
	var out []string
	for v := range strings.SplitSeq(s, ",") {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}
