// SPDX-License-Identifier: Apache-2.0

package draft

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/view"
)

// Flags are what a command line asks for. What is nil was not said; an empty
// text takes the value away, as KEY- does in a list.
type Flags struct {
	Labels, Annotations, Env, BuildEnv, Params, ParamsYAML, ServiceRefs []string

	App, Type, GitRepo, GitBranch, GitTag, GitCommit   *string
	Image, SourceImage, SubPath, ServiceAccount        *string
	LimitCPU, LimitMemory, RequestCPU, RequestMemory   *string
	MavenArtifact, MavenGroup, MavenType, MavenVersion *string
	Debug, LiveUpdate                                  *bool
}

// Over changes a Workload as the flags ask for.
func (f *Flags) Over(w *v1alpha1.Workload) error {
	for _, change := range []func(*v1alpha1.Workload) error{f.metadata, f.source, f.params, f.maven, f.environment, f.resources, f.services} {
		if err := change(w); err != nil {
			return err
		}
	}
	return nil
}

func (f *Flags) metadata(w *v1alpha1.Workload) error {
	for _, l := range f.Labels {
		key, value, keep, err := pair("--label", l)
		if err != nil {
			return err
		}
		setLabel(w, key, value, keep)
	}
	for label, value := range map[string]*string{view.AppLabel: f.App, view.TypeLabel: f.Type} {
		if value != nil {
			setLabel(w, label, *value, *value != "")
		}
	}
	if f.ServiceAccount != nil {
		w.Spec.ServiceAccountName = *f.ServiceAccount
	}
	return nil
}

func setLabel(w *v1alpha1.Workload, key, value string, keep bool) {
	if !keep {
		delete(w.Labels, key)
		return
	}
	w.Labels = joined(w.Labels, map[string]string{key: value})
}

// pair reads KEY=VALUE, or KEY- which takes it away.
func pair(flag, text string) (key, value string, keep bool, err error) {
	key, value, keep = strings.Cut(text, "=")
	if !keep {
		var removed bool
		if key, removed = strings.CutSuffix(text, "-"); !removed {
			return "", "", false, fmt.Errorf("%s %s is neither KEY=VALUE nor KEY-", flag, text)
		}
	}
	if key == "" {
		return "", "", false, fmt.Errorf("%s %s has no key", flag, text)
	}
	return key, value, keep, nil
}

func (f *Flags) params(w *v1alpha1.Workload) error {
	// Annotations are for what templates make, so they are a param; on the Workload itself nobody would read them.
	if err := f.paramMap(w, "annotations", "--annotation", f.Annotations); err != nil {
		return err
	}
	for _, p := range f.Params {
		key, value, keep, err := pair("--param", p)
		if err != nil {
			return err
		}
		putParam(w, key, value, keep)
	}
	for _, p := range f.ParamsYAML {
		key, text, keep, err := pair("--param-yaml", p)
		if err != nil {
			return err
		}
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			return fmt.Errorf("--param-yaml %s is not YAML: %w", key, err)
		}
		putParam(w, key, value, keep)
	}
	if f.Debug != nil {
		putParam(w, "debug", "true", *f.Debug)
	}
	if f.LiveUpdate != nil {
		putParam(w, "live-update", "true", *f.LiveUpdate)
	}
	return nil
}

// paramMap changes single keys of a param that is a map.
func (f *Flags) paramMap(w *v1alpha1.Workload, name, flag string, pairs []string) error {
	if len(pairs) == 0 {
		return nil
	}
	there := map[string]any{}
	if raw := rawParam(w, name); raw != nil {
		if err := json.Unmarshal(raw, &there); err != nil {
			return fmt.Errorf("%s: param %q is no map of keys and values", flag, name)
		}
	}
	for _, p := range pairs {
		key, value, keep, err := pair(flag, p)
		if err != nil {
			return err
		}
		if keep {
			there[key] = value
		} else {
			delete(there, key)
		}
	}
	putParam(w, name, there, len(there) > 0)
	return nil
}

func (f *Flags) maven(w *v1alpha1.Workload) error {
	const name = "maven"
	asked := map[string]*string{"artifactId": f.MavenArtifact, "groupId": f.MavenGroup, "type": f.MavenType, "version": f.MavenVersion}
	var pairs []string
	for _, key := range []string{"artifactId", "groupId", "type", "version"} {
		switch v := asked[key]; {
		case v == nil:
		case *v == "":
			pairs = append(pairs, key+"-")
		default:
			pairs = append(pairs, key+"="+*v)
		}
	}
	return f.paramMap(w, name, "--maven-artifact, -group, -type or -version", pairs)
}

func rawParam(w *v1alpha1.Workload, name string) []byte {
	for _, p := range w.Spec.Params {
		if p.Name == name {
			return p.Value.Raw
		}
	}
	return nil
}

func putParam(w *v1alpha1.Workload, name string, value any, keep bool) {
	if !keep {
		dropParam(&w.Spec, name)
		return
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return // what came out of YAML goes into JSON
	}
	setParam(&w.Spec, v1alpha1.OwnerParam{Name: name, Value: v1alpha1.JSON{Raw: raw}})
}

func (f *Flags) environment(w *v1alpha1.Workload) error {
	for _, e := range []struct {
		flag  string
		pairs []string
		into  *[]corev1.EnvVar
	}{{"--env", f.Env, &w.Spec.Env}, {"--build-env", f.BuildEnv, &w.Spec.Build.Env}} {
		for _, p := range e.pairs {
			key, value, keep, err := pair(e.flag, p)
			if err != nil {
				return err
			}
			if keep {
				*e.into = withEnv(*e.into, corev1.EnvVar{Name: key, Value: value})
			} else {
				*e.into = slices.DeleteFunc(*e.into, func(o corev1.EnvVar) bool { return o.Name == key })
			}
		}
	}
	return nil
}

func (f *Flags) resources(w *v1alpha1.Workload) error {
	for _, r := range []struct {
		flag  string
		value *string
		name  corev1.ResourceName
		limit bool
	}{
		{"--limit-cpu", f.LimitCPU, corev1.ResourceCPU, true},
		{"--limit-memory", f.LimitMemory, corev1.ResourceMemory, true},
		{"--request-cpu", f.RequestCPU, corev1.ResourceCPU, false},
		{"--request-memory", f.RequestMemory, corev1.ResourceMemory, false},
	} {
		if r.value == nil {
			continue
		}
		if w.Spec.Resources == nil {
			w.Spec.Resources = &corev1.ResourceRequirements{}
		}
		into := &w.Spec.Resources.Requests
		if r.limit {
			into = &w.Spec.Resources.Limits
		}
		if *r.value == "" {
			delete(*into, r.name)
			continue
		}
		q, err := resource.ParseQuantity(*r.value)
		if err != nil || q.Sign() < 0 {
			return fmt.Errorf("%s %s is no quantity: write 500m or 2 for CPU, 512Mi or 1Gi for memory", r.flag, *r.value)
		}
		*into = joined(*into, corev1.ResourceList{r.name: q})
	}
	if r := w.Spec.Resources; r != nil && len(r.Limits)+len(r.Requests)+len(r.Claims) == 0 {
		w.Spec.Resources = nil
	}
	return nil
}

func (f *Flags) services(w *v1alpha1.Workload) error {
	for _, s := range f.ServiceRefs {
		name, ref, keep, err := pair("--service-ref", s)
		if err != nil {
			return err
		}
		if !keep {
			w.Spec.ServiceClaims = slices.DeleteFunc(w.Spec.ServiceClaims, func(c v1alpha1.WorkloadServiceClaim) bool { return c.Name == name })
			continue
		}
		parts := strings.Split(ref, ":")
		if len(parts) != 3 || slices.Contains(parts, "") {
			return fmt.Errorf("--service-ref %s is not NAME=APIVERSION:KIND:NAME", s)
		}
		w.Spec.ServiceClaims = withClaim(w.Spec.ServiceClaims, v1alpha1.WorkloadServiceClaim{
			Name: name, Ref: &v1alpha1.WorkloadServiceClaimReference{APIVersion: parts[0], Kind: parts[1], Name: parts[2]},
		})
	}
	return nil
}
