// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

// server is an API server that knows our kinds and rules.
type server struct {
	config *rest.Config
	client dynamic.Interface
	mapper meta.RESTMapper
}

var installed = sync.OnceValues(install)

func connect(t *testing.T) *server {
	t.Helper()
	if os.Getenv("RHUMB_TEST_KUBECONFIG") == "" {
		t.Fatal("no control plane: run `make test`, or test/with-control-plane go test ./config")
	}
	s, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// install gives the server of this test run all that a cluster is given, and waits until it works. The webhook is left
// out: nobody would answer for it, and every test that shares the server would wait for that.
func install() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("RHUMB_TEST_KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	config.WarningHandler = rest.NoWarnings{}
	s := &server{config: config}
	if s.client, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	for _, pattern := range []string{"install/namespace.yaml", "crd/*.yaml", "admission/*.yaml", "rbac/*.yaml", "install/controller.yaml", "install/services.yaml"} {
		if err := s.refresh(); err != nil {
			return nil, err
		}
		files, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if err := s.applyFile(ctx, file); err != nil {
				return nil, err
			}
		}
	}
	return s, s.works(ctx)
}

// refresh learns which kinds there are.
func (s *server) refresh() error {
	client, err := discovery.NewDiscoveryClientForConfig(s.config)
	if err != nil {
		return err
	}
	groups, err := restmapper.GetAPIGroupResources(client)
	if err != nil {
		return err
	}
	s.mapper = restmapper.NewDiscoveryRESTMapper(groups)
	return nil
}

func (s *server) applyFile(ctx context.Context, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, c := range split(text) {
		object, err := c.object()
		if err != nil {
			return err
		}
		if object == nil {
			continue
		}
		at, err := s.at(object)
		if err != nil {
			return err
		}
		_, err = at.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: "test", Force: true})
		if err != nil {
			return err
		}
	}
	return nil
}

// at is where an object of this kind is written.
func (s *server) at(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := s.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	return s.client.Resource(mapping.Resource).Namespace(object.GetNamespace()), nil
}

// works waits until the kinds are served and the policies are obeyed: both happen a little after they were written.
func (s *server) works(ctx context.Context) error {
	probes := split([]byte(`
apiVersion: carto.run/v1alpha1
kind: ClusterTemplate
metadata: {name: probe}
spec: {template: {apiVersion: v1}}
---
apiVersion: carto.run/v1alpha1
kind: ClusterDelivery
metadata: {name: probe}
spec: {selector: {"?": ""}, resources: []}
---
apiVersion: carto.run/v1alpha1
kind: ClusterDelivery
metadata: {name: probe}
spec: {selector: {a: b}, resources: [{name: a, templateRef: {kind: ClusterTemplate, name: a}, sources: [{name: a, resource: a}]}]}
`))
	return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		if err := s.refresh(); err != nil {
			return false, nil //nolint:nilerr // asked again
		}
		for _, p := range probes {
			object, err := p.object()
			if err != nil {
				return false, err
			}
			if err := s.dryRun(ctx, object); err == nil || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy") {
				return false, nil
			}
		}
		return true, nil
	})
}

// dryRun asks whether the server would take an object.
func (s *server) dryRun(ctx context.Context, object *unstructured.Unstructured) error {
	at, err := s.at(object)
	if err != nil {
		return err
	}
	_, err = at.Create(ctx, object, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
	})
	return err
}

// document is one of a file's YAML documents, with what its comments say of it:
//
//	refused  by the API server alone, and in the same words by all others
//	schema   by the API server alone; nobody else is asked
//	webhook  by the webhook; the API server's own rules let it in
//	warned   of by the webhook, which lets it in
//	at       the field that whoever refuses it names
type document struct {
	text             []byte
	why, refused, at string
	accepted         bool
}

func split(text []byte) []document {
	var out []document
	for part := range bytes.SplitSeq(append([]byte("\n"), text...), []byte("\n---\n")) {
		d := document{text: part}
		for line := range strings.Lines(string(part)) {
			line = strings.TrimSpace(line)
			if why, ok := strings.CutPrefix(line, "# why: "); ok {
				d.why = why
			}
			if at, ok := strings.CutPrefix(line, "# at: "); ok {
				d.at = at
			}
			for _, by := range []string{"# refused: ", "# schema: "} {
				if refused, ok := strings.CutPrefix(line, by); ok {
					d.refused = refused
				}
			}
			d.accepted = d.accepted || line == "# accepted" || strings.HasPrefix(line, "# webhook: ")
		}
		out = append(out, d)
	}
	return out
}

func (d document) object() (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(d.text, &object.Object); err != nil {
		return nil, err
	}
	if len(object.Object) == 0 {
		return nil, nil
	}
	return object, nil
}

// Each document of testdata is taken, or refused with the words that its comment gives.
func TestRules(t *testing.T) {
	s := connect(t)
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range split(text) {
			t.Run(filepath.Base(file)+"/"+d.why, func(t *testing.T) {
				if d.why == "" || d.accepted == (d.refused != "") {
					t.Fatalf("a document says why, and either refused or accepted:\n%s", d.text)
				}
				object, err := d.object()
				if err != nil {
					t.Fatal(err)
				}
				err = s.dryRun(t.Context(), object)
				switch {
				case d.accepted && err != nil:
					t.Errorf("refused: %v", err)
				case !d.accepted && err == nil:
					t.Errorf("accepted, want %q", d.refused)
				case !d.accepted && (!strings.Contains(err.Error(), d.refused) || !isRefusal(err)):
					t.Errorf("refused with %q, want %q", err, d.refused)
				case !strings.Contains(fmt.Sprint(err), d.at):
					t.Errorf("refused with %q, want it to name %s", err, d.at)
				}
			})
		}
	}
}

func isRefusal(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err)
}
