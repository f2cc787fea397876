// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/cluster"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

// copies is what a cluster says of its images: whose policies there are, and how the copies are.
type copies struct {
	policies clone.Policies
	// invalid are policies that cannot be followed, and why.
	invalid []string
	// byTarget and byOrigin are the ClonedImages by full names.
	byTarget, byOrigin map[string]*v1alpha1.ClonedImage
}

// readCopies reads policies and copies. Those of files take the place of those of the cluster that have their names.
func readCopies(ctx context.Context, c *cluster.Cluster, files []v1alpha1.ImageClonePolicy) (*copies, error) {
	out := &copies{byTarget: map[string]*v1alpha1.ClonedImage{}, byOrigin: map[string]*v1alpha1.ClonedImage{}}
	live, err := c.ClonePolicies(ctx)
	if err != nil {
		return nil, err
	}
	ours := map[string]bool{}
	all := []*clone.Policy{}
	for _, p := range append(files, live...) {
		if ours[p.Name] {
			continue
		}
		ours[p.Name] = true
		compiled, problems := clone.Compile(&p)
		for _, x := range problems {
			out.invalid = append(out.invalid, fmt.Sprintf("policy %s: %s: %s", p.Name, strings.Join(x.Path, "."), x.Message))
		}
		if compiled != nil {
			all = append(all, compiled)
		}
	}
	out.policies = clone.InOrder(all)
	known, err := c.ClonedImages(ctx)
	if err != nil {
		return nil, err
	}
	for i := range known {
		out.byTarget[fullName(known[i].Spec.Target)] = &known[i]
		out.byOrigin[fullName(known[i].Spec.Origin)] = &known[i]
	}
	return out, nil
}

// fullName makes names equal that mean the same.
func fullName(s string) string {
	r, err := image.Parse(s)
	if err != nil {
		return s
	}
	return clone.FullName(r)
}

// of is what is known of the copy that a choice is about.
func (c *copies) of(choice clone.Choice) *v1alpha1.ClonedImage {
	if choice.Copied {
		if found := c.byTarget[fullName(choice.Image)]; found != nil {
			return found
		}
		at, _, _ := strings.Cut(choice.Image, "@")
		return c.byTarget[fullName(at)]
	}
	if choice.Copy.Written != "" {
		if found := c.byTarget[clone.FullName(choice.Copy)]; found != nil {
			return found
		}
	}
	return c.byOrigin[clone.FullName(choice.Origin)]
}
