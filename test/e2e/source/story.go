// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"rhumb.run/rhumb/test/e2e/rig"
	"rhumb.run/rhumb/test/e2e/story"
)

// The kinds of the story that the image's story does not know.
var (
	GitRepositories = schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: "v1beta1", Resource: "gitrepositories"}
	Images          = schema.GroupVersionResource{Group: "kpack.io", Version: "v1alpha1", Resource: "images"}
	Builds          = schema.GroupVersionResource{Group: "kpack.io", Version: "v1alpha1", Resource: "builds"}
)

// Examples is where the YAML lies.
const Examples = "examples/source-to-url"

// user may push to the lab's git server, and to its registry by outside names.
const user = "lab"

// App is an application of the example, and where its Workload looks for it.
type App struct{ Name, Language, Repository, Branch string }

// Apps are the example's, in its order.
var Apps = []App{
	{"hello-golang", "Go", "making/hello-golang", "master"},
	{"hello-tanzu", "Java", "tanzu-japan/hello-tanzu", "main"},
	{"hello-nodejs", "Node.js", "making/hello-nodejs", "master"},
	{"hello-ruby", "Ruby", "making/hello-ruby", "main"},
}

// Host is the name under which an application answers.
func (a App) Host() string { return a.Name + "-127-0-0-1.sslip.io" }

// LabArgs are what `rhumb-lab up` needs to be told for this story.
func LabArgs() []string {
	args := []string{"--with", "git,flux,kpack,ingress", "--outside", "github.com=git"}
	for _, host := range []string{"ghcr.io", "gcr.io", "index.docker.io"} {
		args = append(args, "--outside", host+"=registry")
	}
	return args
}

// Story tells it in one namespace of one lab. The example's service account is
// in the namespace "default", and so is the story, unless a journey says else.
type Story struct {
	Lab       rig.Lab
	Cluster   *rig.Cluster
	Watch     *story.Watch
	Trace     *Trace
	Namespace string
}

// Open connects to a lab that runs, with Rhumb in it.
func Open(ctx context.Context, lab rig.Lab, namespace string, tell func(story.Change)) (*Story, error) {
	k, err := lab.Kubeconfig(ctx)
	if err != nil {
		return nil, err
	}
	c, err := rig.Connect(k)
	if err != nil {
		return nil, err
	}
	s := &Story{Lab: lab, Cluster: c, Namespace: namespace, Trace: NewTrace()}
	both := func(c story.Change) {
		s.Trace.Note(c)
		tell(c)
	}
	s.Watch = story.Follow(ctx, c.Dynamic, namespace, both,
		story.Workloads, GitRepositories, Images, Builds, story.Deployments, story.Pods)
	return s, nil
}

// Kubectl runs kubectl in the story's namespace.
func (s *Story) Kubectl(ctx context.Context, args ...string) (string, error) {
	return s.Lab.Kubectl(ctx, append([]string{"-n", s.Namespace}, args...)...)
}

// password is that of user, on the git server or the registry.
func (s *Story) password(of string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(s.Lab.Dir, of, "password"))
	if err != nil {
		return "", fmt.Errorf("reading the password of the lab's %s: %w", of, err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// ApplyAdmin applies what the platform team writes, with the places filled in
// that the original leaves to sed and the shell.
func (s *Story) ApplyAdmin(ctx context.Context) error {
	token, err := s.password("registry")
	if err != nil {
		return err
	}
	// The account is to have its secret before kpack pushes a builder with it: kpack does not notice that it changes.
	for _, step := range []func() error{
		func() error { return s.applyFilled(ctx, "dockerconfig", token) },
		func() error { return s.useSecret(ctx) },
		func() error { return s.applyFilled(ctx, "clusterbuilder", token) },
		func() error { return s.applyFilled(ctx, "supply-chain-templates", token) },
		func() error { return s.applyFilled(ctx, "supply-chain", token) },
		func() error { return s.applyFilled(ctx, "rights", token) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	_, err = s.Kubectl(ctx, "wait", "--for=condition=Ready", "--timeout=180s", "clusterbuilder.kpack.io/base")
	return err
}

// useSecret lets the namespace's service account push to the registry, and nodes pull from it.
func (s *Story) useSecret(ctx context.Context) error {
	_, err := s.Kubectl(ctx, "patch", "serviceaccount", "default", "-p",
		`{"secrets":[{"name":"regsecret"}],"imagePullSecrets":[{"name":"regsecret"}]}`)
	return err
}

func (s *Story) applyFilled(ctx context.Context, name, token string) error {
	raw, err := os.ReadFile(s.Lab.Repo.Path(Examples, "admin", name+".yaml"))
	if err != nil {
		return fmt.Errorf("reading the example: %w", err)
	}
	filled := strings.NewReplacer("CHANGE_ME", user, "${GITHUB_USERNAME}", user, "${GITHUB_API_TOKEN}", token).Replace(string(raw))
	return s.ApplyText(ctx, filled)
}

// ApplyText applies YAML.
func (s *Story) ApplyText(ctx context.Context, text string) error {
	file, err := os.CreateTemp("", "apply-*.yaml") // readable by us alone: it may hold a password
	if err != nil {
		return fmt.Errorf("writing YAML for kubectl: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if _, err := file.WriteString(text); err != nil {
		return fmt.Errorf("writing YAML for kubectl: %w", errors.Join(err, file.Close()))
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("writing YAML for kubectl: %w", err)
	}
	_, err = s.Kubectl(ctx, "apply", "-f", file.Name())
	return err
}

// ApplyWorkload applies what the developer of an application writes.
func (s *Story) ApplyWorkload(ctx context.Context, a App) error {
	_, err := s.Kubectl(ctx, "apply", "-f", s.Lab.Repo.Path(Examples, a.Name+".yaml"))
	return err
}

// ApplyAs applies an application's Workload under another name.
func (s *Story) ApplyAs(ctx context.Context, a App, name string) error {
	raw, err := os.ReadFile(s.Lab.Repo.Path(Examples, a.Name+".yaml"))
	if err != nil {
		return fmt.Errorf("reading the example: %w", err)
	}
	return s.ApplyText(ctx, strings.Replace(string(raw), "name: "+a.Name, "name: "+name, 1))
}

// Delete deletes a Workload and waits until nothing of it is left.
func (s *Story) Delete(ctx context.Context, name string) error {
	if _, err := s.Kubectl(ctx, "delete", "workload", name, "--ignore-not-found"); err != nil {
		return err
	}
	return rig.Until(ctx, "everything of "+name+" to go", pause, func() (bool, string) {
		left, err := s.Left(ctx, name)
		return err == nil && left == "", fmt.Sprint(left, err)
	})
}

// Left lists what carries an application's label; the example's templates give
// it to everything.
func (s *Story) Left(ctx context.Context, name string) (string, error) {
	out, err := s.Kubectl(ctx, "get", "workload,deploy,replicaset,pod,image,build,gitrepo,service,ingress", "-o", "name",
		"-l", label+"="+name)
	return strings.TrimSpace(out), err
}

// label is what the example's templates put on everything.
const label = "app.kubernetes.io/part-of"
