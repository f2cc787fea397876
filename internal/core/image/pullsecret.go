// SPDX-License-Identifier: Apache-2.0

package image

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// RegistryAnnotation says on a basic-auth Secret which registry it is for. The annotations of kpack and Tekton are read too.
const RegistryAnnotation = "source.apps.tanzu.vmware.com/registry"

const (
	kpackAnnotation  = "kpack.io/docker"
	tektonAnnotation = "tekton.dev/docker-"
)

// ParseSecret reads the logins of a Secret, each bound to its host. Errors never quote the data.
func ParseSecret(s *corev1.Secret) (Logins, error) {
	from := "Secret " + s.Namespace + "/" + s.Name
	switch s.Type {
	case corev1.SecretTypeDockerConfigJson:
		return ParseDockerConfig(s.Data[corev1.DockerConfigJsonKey], from)
	case corev1.SecretTypeDockercfg:
		return parseDockerCfg(s.Data[corev1.DockerConfigKey], from)
	case corev1.SecretTypeBasicAuth:
		return parseBasicAuth(s, from)
	default:
		return nil, fmt.Errorf("its type is %q, want %s, %s or %s",
			s.Type, corev1.SecretTypeDockerConfigJson, corev1.SecretTypeDockercfg, corev1.SecretTypeBasicAuth)
	}
}

type dockerAuth struct {
	Username      string `json:"username"`
	Password      string `json:"password"`
	Auth          string `json:"auth"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// ParseDockerConfig reads a Docker config.json.
func ParseDockerConfig(data []byte, from string) (Logins, error) {
	var f struct {
		Auths map[string]dockerAuth `json:"auths"`
	}
	if json.Unmarshal(data, &f) != nil {
		// The decoder's error may quote what it met.
		return nil, errors.New("its " + corev1.DockerConfigJsonKey + " is not the JSON of a Docker config")
	}
	return logins(f.Auths, from)
}

func parseDockerCfg(data []byte, from string) (Logins, error) {
	var f map[string]dockerAuth
	if json.Unmarshal(data, &f) != nil {
		return nil, errors.New("its " + corev1.DockerConfigKey + " is not the JSON of a Docker config")
	}
	return logins(f, from)
}

func logins(auths map[string]dockerAuth, from string) (Logins, error) {
	out := make(Logins, 0, len(auths))
	for key, a := range auths {
		host, path := splitKey(key)
		l := Login{
			Host: host, Path: path, From: from, Username: a.Username, Password: Secret(a.Password),
			IdentityToken: Secret(a.IdentityToken), RegistryToken: Secret(a.RegistryToken),
		}
		if a.Auth != "" {
			raw, err := base64.StdEncoding.DecodeString(a.Auth)
			user, pass, ok := strings.Cut(strings.TrimRight(string(raw), "\x00"), ":")
			if err != nil || !ok {
				return nil, fmt.Errorf("its entry for %q has an auth that is not base64 of user:password", host)
			}
			l.Username, l.Password = user, Secret(pass)
		}
		if l.Username == "" && l.IdentityToken == "" && l.RegistryToken == "" {
			continue
		}
		out = append(out, l)
	}
	// The most specific first, the rest in a fixed order, since a map has none.
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i].Host+"/"+out[i].Path, out[j].Host+"/"+out[j].Path
		if len(out[i].Path) != len(out[j].Path) {
			return len(out[i].Path) > len(out[j].Path)
		}
		if sa, sb := strings.Count(a, "*"), strings.Count(b, "*"); sa != sb {
			return sa < sb
		}
		return a < b
	})
	return out, nil
}

// splitKey reads the key of an auths entry: a host, a host with a path, or the URL of an API's root.
func splitKey(key string) (host, path string) {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	host, path, _ = strings.Cut(key, "/")
	path = strings.Trim(path, "/")
	if path == "v1" || path == "v2" {
		path = ""
	}
	return CanonicalHost(host), path
}

// parseBasicAuth takes a user and password only with the registry they are for: sent to whatever host an image names, they
// would be anybody's who can write an ImageRepository.
func parseBasicAuth(s *corev1.Secret, from string) (Logins, error) {
	var hosts []string
	for k, v := range s.Annotations {
		if k == RegistryAnnotation || k == kpackAnnotation || strings.HasPrefix(k, tektonAnnotation) {
			hosts = append(hosts, v)
		}
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("it is of type %s and does not say which registry it is for: annotate it with %s: <host>",
			corev1.SecretTypeBasicAuth, RegistryAnnotation)
	}
	slices.Sort(hosts)
	out := make(Logins, 0, len(hosts))
	for _, h := range slices.Compact(hosts) {
		host, path := splitKey(h)
		out = append(out, Login{
			Host: host, Path: path, From: from,
			Username: string(s.Data[corev1.BasicAuthUsernameKey]), Password: Secret(s.Data[corev1.BasicAuthPasswordKey]),
		})
	}
	return out, nil
}
