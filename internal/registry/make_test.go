// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/registry/contract/distribution"
)

const ecrHost = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"

// amazon is the API beside an ECR: it makes repositories, or says why not.
func amazon(t *testing.T, made *atomic.Bool, calls *atomic.Int32, refuses string) *contract.Front {
	t.Helper()
	return contract.NewFront(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		switch to := r.Header.Get("X-Amz-Target"); {
		case !strings.HasSuffix(to, ".CreateRepository"): // nobody gets a login here
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"no"}`)
			return
		case refuses != "":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"__type":%q,"message":"not by you"}`, refuses)
			made.Store(refuses == "RepositoryAlreadyExistsException")
		case !strings.Contains(string(said), `"repositoryName":"mirror/app"`) || !strings.Contains(string(said), `"registryId":"123456789012"`):
			t.Errorf("it was asked for %s", said)
		default:
			made.Store(true)
			_, _ = io.WriteString(w, `{"repository":{"repositoryName":"mirror/app"}}`)
		}
		calls.Add(1)
	}))
}

// A repository that has to be there first is made where that is allowed, once; else the registry's words are told.
func TestRepositoriesAreMade(t *testing.T) {
	cases := map[string]struct {
		why     string
		allowed bool
		target  string
		chain   []string
		refuses string
		says    string // nothing if it is copied
		calls   int32
	}{
		"Made":      {"it was allowed", true, ecrHost, []string{registry.KeychainECR}, "", "", 1},
		"Raced":     {"somebody else has just made it", true, ecrHost, []string{registry.KeychainECR}, "RepositoryAlreadyExistsException", "", 1},
		"NotAsked":  {"nobody allowed it", false, ecrHost, []string{registry.KeychainECR}, "", "NAME_UNKNOWN: the repository does not exist", 0},
		"NoRight":   {"AWS does not let us", true, ecrHost, []string{registry.KeychainECR}, "AccessDeniedException", "AccessDeniedException: not by you", 1},
		"NoChain":   {"an operator turned our identity off", true, ecrHost, []string{registry.KeychainDocker}, "", "are turned off (--keychains)", 0},
		"Elsewhere": {"no other registry is known to want it", true, "registry.example.com", []string{registry.KeychainECR}, "", "is not Amazon ECR", 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var made atomic.Bool
			var calls atomic.Int32
			api := amazon(t, &made, &calls, tc.refuses)
			for key, v := range map[string]string{
				"AWS_ENDPOINT_URL_ECR": api.URL, "AWS_ACCESS_KEY_ID": "of-the-test", "AWS_SECRET_ACCESS_KEY": canary, "AWS_EC2_METADATA_DISABLED": "true",
				"AWS_PROFILE": "", "AWS_DEFAULT_PROFILE": "",
				"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none", "DOCKER_CONFIG": t.TempDir(), "AWS_ECR_CACHE_DIR": t.TempDir(),
			} {
				t.Setenv(key, v)
			}
			source, target := contract.NewFront(t, distribution.New()), contract.NewFront(t, distribution.New())
			target.Fault(contract.On(http.MethodPost, "upload", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if !made.Load() {
					contract.Status(http.StatusNotFound, "NAME_UNKNOWN: the repository does not exist")(w, r, next)
					return
				}
				next.ServeHTTP(w, r)
			}))
			digest := contract.Push(t, source.URL, "app:1", contract.Image(t, contract.Files{"a": "1"}))
			chain, err := registry.NewAmbient(tc.chain...)
			if err != nil {
				t.Fatal(err)
			}
			client := registry.NewClient(registry.Options{Hosts: contract.Reach(map[string]*contract.Front{contract.Host: source, tc.target: target}), Keychain: chain})
			copier := &registry.Copier{Client: client}
			to, err := image.Parse(tc.target + "/mirror/app:1")
			if err != nil {
				t.Fatal(err)
			}
			done, err := copier.Copy(t.Context(), registry.Job{Source: contract.Ref(t, "app:1"), Target: to, CreateRepository: tc.allowed})
			if calls.Load() != tc.calls {
				t.Errorf("%s: AWS was asked %d times to make it", tc.why, calls.Load())
			}
			if tc.says == "" {
				if err != nil || done.Digest != digest {
					t.Errorf("%s: %+v, %v", tc.why, done, err)
				}
				return
			}
			f, ok := errors.AsType[*registry.CopyFailure](err)
			if !ok || f.Source || f.Reason != image.ReasonPushRejected || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), canary) {
				t.Errorf("%s: %v", tc.why, err)
			}
		})
	}
}
