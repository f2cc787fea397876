// SPDX-License-Identifier: Apache-2.0

package cloner

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/test/e2e/rig"
	"rhumb.run/rhumb/test/e2e/story"
)

// What the seed's YAML calls things, and what becomes of its image.
const (
	Namespace = "demo-system"
	Name      = "nginx"
	Image     = "nginx:1.21.4-alpine"
	Registry  = "localhost:5000"
	Copy      = Registry + "/" + Image
	// Welcome is what a pod of it says.
	Welcome = "Welcome to nginx!"
	// Examples is where that YAML lies.
	Examples = "examples/image-cloner"
	// SystemNamespace is where the image cloner runs when it runs in the cluster.
	SystemNamespace = "image-cloner-system"

	hubImage        = "docker.io/library/" + Image
	controllerImage = Registry + "/rhumb/controller"
)

// LabArgs are what `rhumb-lab up` needs to be told for this story.
func LabArgs() []string { return []string{"--api-port", "0", "--outside", "docker.io=hub"} }

// Story tells it in one lab.
type Story struct {
	Lab     rig.Lab
	Cluster *rig.Cluster
	Watch   *story.Watch
}

// Open connects to a lab that runs.
func Open(ctx context.Context, lab rig.Lab, tell func(story.Change)) (*Story, error) {
	k, err := lab.Kubeconfig(ctx)
	if err != nil {
		return nil, err
	}
	c, err := rig.Connect(k)
	if err != nil {
		return nil, err
	}
	return &Story{lab, c, story.Follow(ctx, c.Dynamic, Namespace, tell, story.Deployments, story.Pods)}, nil
}

// Kubectl runs kubectl in the application's namespace.
func (s *Story) Kubectl(ctx context.Context, args ...string) (string, error) {
	return s.Lab.Kubectl(ctx, append([]string{"-n", Namespace}, args...)...)
}

// Fill puts the application's image, for two platforms, into the lab's Docker
// Hub, and returns the digest of its index.
func Fill(ctx context.Context, lab rig.Lab) (string, error) {
	if _, err := lab.Repo.Run(ctx, nil, lab.Repo.Path("lab", "hub", "nginx")); err != nil {
		return "", err
	}
	return lab.PushWith(ctx, hubImage,
		"--layer", lab.Repo.Path("bin", "hub", "nginx-1.tar.gz"), "--layer", lab.Repo.Path("bin", "hub", "nginx-2.tar.gz"),
		"--entrypoint", "nginx", "--arg", "-g", "--arg", "daemon off;", "--user", "0", "--platform", "linux/amd64", "--platform", "linux/arm64")
}

// Run runs the image cloner as the seed does: a program beside the cluster, that
// is told the seed's three variables. It is in the lab's network, where Docker
// Hub is.
func (s *Story) Run(ctx context.Context, line func(string)) (*rig.Inside, error) {
	bin := s.Lab.Repo.Path("bin", "rhumb-controller")
	if _, err := s.Lab.Repo.Run(ctx, []string{"CGO_ENABLED=0"}, "go", "build", "-o", bin, "./cmd/rhumb-controller"); err != nil {
		return nil, err
	}
	env := []string{"IMAGE_CLONER_REGISTRY=" + Registry, "IMAGE_CLONER_USER=testuser", "IMAGE_CLONER_PASS=testpass"}
	return s.Lab.Start(env, line, bin, "--controllers=imagecloner")
}

// Install runs the image cloner in the cluster, as dist/image-cloner.yaml says.
func (s *Story) Install(ctx context.Context) error {
	return s.install(ctx, "image-cloner.yaml", SystemNamespace, "image-cloner")
}

// InstallAll runs all of Rhumb in the cluster, as dist/rhumb.yaml says.
func (s *Story) InstallAll(ctx context.Context) error {
	return s.install(ctx, "rhumb.yaml", story.SystemNamespace, story.SystemDeployment)
}

// install pushes the controller, in an image that trusts the lab's Docker Hub,
// and applies a file that names it.
func (s *Story) install(ctx context.Context, file, namespace, deployment string) error {
	bin, err := s.Lab.Repo.Controller(ctx)
	if err != nil {
		return err
	}
	digest, err := s.Lab.PushWith(ctx, controllerImage+":cloner", "--binary", bin, "--ca", s.Lab.Dir+"/pki/authorities.crt")
	if err != nil {
		return err
	}
	if _, err := s.Lab.Repo.Manifest(ctx, controllerImage+"@"+digest); err != nil {
		return err
	}
	if _, err := s.Lab.Kubectl(ctx, "apply", "-f", s.Lab.Repo.Path("dist", file)); err != nil {
		return err
	}
	_, err = s.Lab.Kubectl(ctx, "rollout", "status", "--timeout=120s", "-n", namespace, "deployment/"+deployment)
	return err
}

// Apply applies the application.
func (s *Story) Apply(ctx context.Context) error {
	_, err := s.Lab.Kubectl(ctx, "apply", "-f", s.Lab.Repo.Path(Examples, "deploy-nginx.yml"))
	return err
}

// Rewritten waits until a Deployment's images are those, in order, and all its pods have them.
func (s *Story) Rewritten(ctx context.Context, name string, images ...string) error {
	want := strings.Join(images, " ")
	return s.Watch.Until(ctx, name+" to run "+want, func() (bool, string) {
		d := s.Watch.Get(story.Deployments, name)
		if d == nil {
			return false, "there is no Deployment " + name
		}
		now := strings.Join(story.Images(d), " ")
		if now != want {
			return false, now
		}
		pods := s.Pods(name)
		for _, p := range pods {
			if got := strings.Join(story.Images(p), " "); got != want {
				return false, "pod " + p.GetName() + " runs " + got
			}
			if story.Condition(p, "Ready") != "True" {
				return false, "pod " + p.GetName() + " is not ready"
			}
		}
		replicas, _, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
		return int64(len(pods)) == replicas, fmt.Sprintf("%d pods of %d", len(pods), replicas)
	})
}

// Pods are a Deployment's that are not on their way out.
func (s *Story) Pods(name string) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, p := range s.Watch.List(story.Pods) {
		if p.GetLabels()["app"] == name && p.GetDeletionTimestamp() == nil {
			out = append(out, p)
		}
	}
	return out
}

// Answer asks a pod for its page, and returns the title of it.
func (s *Story) Answer(ctx context.Context, pod string) (string, error) {
	page, err := s.Cluster.Ask(ctx, Namespace, pod, 80)
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(page, "<title>")
	title, _, _ := strings.Cut(rest, "</title>")
	return title, nil
}

// Scale asks for a number of pods and waits until there are so many, ready.
func (s *Story) Scale(ctx context.Context, name string, replicas int) error {
	if _, err := s.Kubectl(ctx, "scale", "deployment", name, fmt.Sprintf("--replicas=%d", replicas)); err != nil {
		return err
	}
	return s.Watch.Until(ctx, fmt.Sprintf("%s to have %d pods", name, replicas), func() (bool, string) {
		ready, all := 0, 0
		for _, p := range s.Watch.List(story.Pods) {
			if p.GetLabels()["app"] == name {
				all++
				if story.Condition(p, "Ready") == "True" && p.GetDeletionTimestamp() == nil {
					ready++
				}
			}
		}
		return ready == replicas && all == replicas, fmt.Sprintf("%d ready of %d", ready, all)
	})
}

// Unlearn removes every image of a path from the node's store, with its data, as
// if it had never been there. Nothing may run from it.
func (s *Story) Unlearn(ctx context.Context, path string) error {
	out, err := s.Lab.Shell(ctx, "ctr", "images", "ls")
	if err != nil {
		return err
	}
	digests := map[string]bool{}
	rows := strings.Split(strings.TrimSpace(out), "\n")
	for _, row := range rows {
		if f := strings.Fields(row); len(f) > 2 && strings.Contains(f[0], path) {
			digests[f[2]] = true
		}
	}
	remove := []string{"ctr", "images", "rm", "--sync"}
	for _, row := range rows { // also by names that are only digests
		if f := strings.Fields(row); len(f) > 2 && digests[f[2]] {
			remove = append(remove, f[0])
		}
	}
	if len(digests) == 0 {
		return nil
	}
	_, err = s.Lab.Shell(ctx, remove...)
	return err
}

// Pulled says how often the node has fetched an image, as its events tell.
func (s *Story) Pulled(ctx context.Context, image string) (int, error) {
	out, err := s.Kubectl(ctx, "get", "events", "--field-selector", "reason=Pulled", "-o", `jsonpath={range .items[*]}{.message}{"\n"}{end}`)
	return strings.Count(out, fmt.Sprintf("Successfully pulled image %q", image)), err
}
