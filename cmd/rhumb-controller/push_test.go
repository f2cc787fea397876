// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// gitRepositoryKind is Flux's kind as far as it matters here.
const gitRepositoryKind = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gitrepositories.source.toolkit.fluxcd.io}
spec:
  group: source.toolkit.fluxcd.io
  scope: Namespaced
  names: {kind: GitRepository, listKind: GitRepositoryList, plural: gitrepositories, singular: gitrepository}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}`

const gitChain = `
apiVersion: carto.run/v1alpha1
kind: ClusterSourceTemplate
metadata: {name: NS-source}
spec:
  urlPath: .status.artifact.url
  revisionPath: .status.artifact.revision
  template:
    apiVersion: source.toolkit.fluxcd.io/v1
    kind: GitRepository
    metadata: {name: $(workload.metadata.name)$}
    spec: {interval: 1h, url: $(workload.spec.source.git.url)$, ref: $(workload.spec.source.git.ref)$}
---
apiVersion: carto.run/v1alpha1
kind: ClusterSupplyChain
metadata: {name: NS}
spec:
  selector: {bed: NS}
  resources:
  - {name: source, templateRef: {kind: ClusterSourceTemplate, name: NS-source}}`

const ofTeam = "https://git.example.com/team/app"

func fromGit(name, branch string) string {
	return fmt.Sprintf(`
apiVersion: carto.run/v1alpha1
kind: Workload
metadata: {name: %s}
spec: {serviceAccountName: builder, source: {git: {url: %q, ref: {branch: %s}}}}`, name, ofTeam, branch)
}

func (b *bed) gitRepositories() dynamic.ResourceInterface {
	return b.client.Resource(schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "gitrepositories"}).Namespace(b.ns)
}

// pushes tells the controller's hook of a push to a repository's main branch, as Gitea would.
func pushes(t *testing.T, address, repository string) {
	t.Helper()
	body := fmt.Sprintf(`{"ref":"refs/heads/main","repository":{"clone_url":%q}}`, repository)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/hooks/git", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusAccepted {
		t.Errorf("the hook answered %s", resp.Status)
	}
}

const requestedAt = "reconcile.fluxcd.io/requestedAt"

// asked waits until the GitRepository app was asked to look, other than at a time known before.
func (b *bed) asked(before string) *unstructured.Unstructured {
	b.t.Helper()
	var got *unstructured.Unstructured
	b.until("app is asked to look", func() (bool, string) {
		u, err := b.gitRepositories().Get(context.Background(), "app", metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		got = u
		at := u.GetAnnotations()[requestedAt]
		return at != "" && at != before, at
	})
	return got
}

// A push has whoever fetches it look at once: as the account that stamped it, and without another stamp or an undoing of it.
func TestPushIsPassedOn(t *testing.T) {
	b := newBed(t)
	b.have(gitRepositoryKind, b.gitRepositories())
	b.watchesImages(nil)
	address := freeAddress(t)
	b.flags = append(b.flags, "--artifact-bind-address="+address)
	var c counter
	b.start(c.wrap)
	b.apply(granted("builder", `{apiGroups: [source.toolkit.fluxcd.io], resources: [gitrepositories], verbs: [create, patch]}`) + "\n---" + gitChain +
		"\n---" + fromGit("app", "main") + "\n---" + fromGit("other", "other"))
	b.workload("app", "Unknown", "MissingValueAtPath")
	b.workload("other", "Unknown", "MissingValueAtPath")
	reads, writes := c.reads.Load(), c.writes.Load()

	pushes(t, address, "https://git.example.com/team/app.git")
	first := b.asked("")
	managers := map[string]bool{}
	for _, f := range first.GetManagedFields() {
		managers[f.Manager] = true
	}
	if !managers["rhumb"] || !managers["rhumb-push"] {
		t.Errorf("written by %v", managers)
	}
	pushes(t, address, "ssh://git@git.example.com/team/app.git")
	second := b.asked(first.GetAnnotations()[requestedAt])
	if second.GetGeneration() != first.GetGeneration() || second.GetGeneration() != 1 {
		t.Errorf("the spec was written again: generation %d", second.GetGeneration())
	}
	pushes(t, address, "https://git.example.com/team/nobodys")

	// What its controller says of it is a turn of the Workload, after which all is as it was.
	b.mergeStatus(b.gitRepositories(), "app", `{status: {artifact: {url: "http://flux/a.tar.gz", revision: "main@sha1:a"}}}`)
	last := b.workload("app", "True", "Ready")
	at := b.asked("").GetAnnotations()[requestedAt]
	if at != second.GetAnnotations()[requestedAt] {
		t.Errorf("asked again at %s, or not any more, with %v", at, last.Object["status"])
	}
	if u := b.object(b.gitRepositories(), "other"); u.GetAnnotations()[requestedAt] != "" {
		t.Error("who follows another branch was asked")
	}
	// Two questions and one status.
	if got := c.writes.Load() - writes; got != 3 {
		t.Errorf("%d writes, want 3", got)
	}
	if got := c.reads.Load() - reads; got != 0 {
		t.Errorf("%d reads for what is in memory", got)
	}
}

// An account that may not write is not helped out: the interval holds.
func TestPushNeedsTheOwnersRights(t *testing.T) {
	b := newBed(t)
	b.have(gitRepositoryKind, b.gitRepositories())
	b.watchesImages(nil)
	address := freeAddress(t)
	said := &syncBuffer{}
	b.log = said
	b.flags = append(b.flags, "--artifact-bind-address="+address, "--log-level=info")
	b.start(nil)
	b.apply(granted("builder", `{apiGroups: [source.toolkit.fluxcd.io], resources: [gitrepositories], verbs: [create, patch]}`) + "\n---" + gitChain +
		"\n---" + fromGit("app", "main"))
	b.workload("app", "Unknown", "MissingValueAtPath")
	b.apply(granted("builder", `{apiGroups: [source.toolkit.fluxcd.io], resources: [gitrepositories], verbs: [get]}`))
	pushes(t, address, "https://git.example.com/team/app")
	b.until("the refusal is told", func() (bool, string) {
		return strings.Contains(said.String(), "push not passed on") && strings.Contains(said.String(), "builder"), said.String()
	})
	if u := b.object(b.gitRepositories(), "app"); u.GetAnnotations()[requestedAt] != "" {
		t.Error("it was asked with rights that the account does not have")
	}
}

// A replica that stands by has stamped nothing, and passes on what it hears all the same.
func TestPushToAReplicaThatStandsBy(t *testing.T) {
	b := newBed(t)
	b.have(gitRepositoryKind, b.gitRepositories())
	stop := b.start(nil)
	b.apply(granted("builder", `{apiGroups: [source.toolkit.fluxcd.io], resources: [gitrepositories], verbs: [create, patch]}`) + "\n---" + gitChain +
		"\n---" + fromGit("app", "main"))
	b.workload("app", "Unknown", "MissingValueAtPath")
	stop()

	b.apply(fmt.Sprintf(`
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: rhumb-controller}
spec: {holderIdentity: another, leaseDurationSeconds: 3600, acquireTime: %[1]q, renewTime: %[1]q}`, time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")))
	b.watchesImages(nil)
	address := freeAddress(t)
	b.flags = append(b.flags, "--artifact-bind-address="+address, "--leader-elect=true", "--leader-elect-namespace="+b.ns)
	b.start(nil)
	b.until("the hook listens", func() (bool, string) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil, fmt.Sprint(err)
	})
	pushes(t, address, "https://git.example.com/team/app.git")
	b.asked("")
}
