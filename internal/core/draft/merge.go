// SPDX-License-Identifier: Apache-2.0

package draft

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// Merge lays a file over what is there: what the file has wins, and what it
// lacks stays.
func Merge(there, file *v1alpha1.Workload) *v1alpha1.Workload {
	out := there.DeepCopy()
	out.Labels = joined(out.Labels, file.Labels)
	out.Annotations = joined(out.Annotations, file.Annotations)
	to, from := &out.Spec, file.DeepCopy().Spec
	for _, p := range from.Params {
		setParam(to, p)
	}
	mergeSource(to, &from)
	for _, e := range from.Env {
		to.Env = withEnv(to.Env, e)
	}
	for _, e := range from.Build.Env {
		to.Build.Env = withEnv(to.Build.Env, e)
	}
	mergeResources(to, from.Resources)
	if from.ServiceAccountName != "" {
		to.ServiceAccountName = from.ServiceAccountName
	}
	for _, c := range from.ServiceClaims {
		to.ServiceClaims = withClaim(to.ServiceClaims, c)
	}
	return out
}

// Replace puts a file in the place of what is there. What is not the
// developer's stays: identity, status, and what kubectl notes for itself.
func Replace(there, file *v1alpha1.Workload) *v1alpha1.Workload {
	out := there.DeepCopy()
	out.Labels = maps.Clone(file.Labels)
	out.Annotations = maps.Clone(file.Annotations)
	for k, v := range there.Annotations {
		if foreign(k) {
			out.Annotations = joined(out.Annotations, map[string]string{k: v})
		}
	}
	out.Spec = file.DeepCopy().Spec
	return out
}

// mergeSource: an owner comes from git, from an image with code, or from a
// built image. A file that says which leaves nothing of the others.
func mergeSource(to, from *v1alpha1.WorkloadSpec) {
	if from.Image != nil {
		to.Image = from.Image
		if from.Source == nil {
			to.Source = nil
		}
	}
	if from.Source == nil {
		return
	}
	s := sourceOf(to)
	if from.Source.Subpath != nil {
		s.Subpath = from.Source.Subpath
	}
	if from.Source.Image != nil {
		s.Image = from.Source.Image
		if from.Source.Git == nil {
			s.Git = nil
		}
	}
	if g := from.Source.Git; g != nil {
		mergeGit(s, g)
		if from.Source.Image == nil {
			s.Image = nil
		}
	}
	if from.Image == nil && (from.Source.Git != nil || from.Source.Image != nil) {
		to.Image = nil
	}
}

func mergeGit(s *v1alpha1.Source, from *v1alpha1.GitSource) {
	if s.Git == nil {
		s.Git = &v1alpha1.GitSource{}
	}
	if from.URL != nil {
		s.Git.URL = from.URL
	}
	if from.Ref == nil {
		return
	}
	if s.Git.Ref == nil {
		s.Git.Ref = &v1alpha1.GitRef{}
	}
	for _, f := range []struct{ to, from **string }{
		{&s.Git.Ref.Branch, &from.Ref.Branch}, {&s.Git.Ref.Tag, &from.Ref.Tag}, {&s.Git.Ref.Commit, &from.Ref.Commit},
	} {
		if *f.from != nil {
			*f.to = *f.from
		}
	}
}

func mergeResources(to *v1alpha1.WorkloadSpec, from *corev1.ResourceRequirements) {
	if from == nil {
		return
	}
	if to.Resources == nil {
		to.Resources = &corev1.ResourceRequirements{}
	}
	to.Resources.Limits = joined(to.Resources.Limits, from.Limits)
	to.Resources.Requests = joined(to.Resources.Requests, from.Requests)
	if len(from.Claims) > 0 {
		to.Resources.Claims = from.Claims
	}
}

// joined is both maps; what is in the second wins.
func joined[M ~map[K]V, K comparable, V any](there, over M) M {
	if len(over) == 0 {
		return there
	}
	out := maps.Clone(there)
	if out == nil {
		out = M{}
	}
	maps.Copy(out, over)
	return out
}

func sourceOf(s *v1alpha1.WorkloadSpec) *v1alpha1.Source {
	if s.Source == nil {
		s.Source = &v1alpha1.Source{}
	}
	return s.Source
}

func setParam(s *v1alpha1.WorkloadSpec, p v1alpha1.OwnerParam) {
	s.Params = with(s.Params, p, func(o v1alpha1.OwnerParam) bool { return o.Name == p.Name })
}

func dropParam(s *v1alpha1.WorkloadSpec, name string) {
	s.Params = slices.DeleteFunc(s.Params, func(o v1alpha1.OwnerParam) bool { return o.Name == name })
}

func withEnv(all []corev1.EnvVar, e corev1.EnvVar) []corev1.EnvVar {
	return with(all, e, func(o corev1.EnvVar) bool { return o.Name == e.Name })
}

func withClaim(all []v1alpha1.WorkloadServiceClaim, c v1alpha1.WorkloadServiceClaim) []v1alpha1.WorkloadServiceClaim {
	return with(all, c, func(o v1alpha1.WorkloadServiceClaim) bool { return o.Name == c.Name })
}

// with puts an item in the place of the one that it replaces, or at the end.
func with[T any](all []T, item T, same func(T) bool) []T {
	if at := slices.IndexFunc(all, same); at >= 0 {
		all[at] = item
		return all
	}
	return append(all, item)
}
