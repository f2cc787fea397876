// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rhumb.run/rhumb/test/e2e/rig"
)

// What the seed's YAML calls things.
const (
	Name  = "demo"
	Image = "localhost:5000/apps/demo"
	// Examples is where that YAML lies.
	Examples = "examples/simple-supply-chain"

	controllerImage = "localhost:5000/rhumb/controller"
	port            = 8080
)

// Story tells the main job in one namespace of one lab.
type Story struct {
	Lab       rig.Lab
	Cluster   *rig.Cluster
	Watch     *Watch
	Namespace string
}

// Open connects to a lab that runs and follows the namespace from now on. The
// watch needs the API's kinds: install first.
func Open(ctx context.Context, lab rig.Lab, namespace string, tell func(Change)) (*Story, error) {
	k, err := lab.Kubeconfig(ctx)
	if err != nil {
		return nil, err
	}
	c, err := rig.Connect(k)
	if err != nil {
		return nil, err
	}
	return &Story{Lab: lab, Cluster: c, Namespace: namespace, Watch: Follow(ctx, c.Dynamic, namespace, tell, kinds...)}, nil
}

// Kubectl runs kubectl in the story's namespace.
func (s *Story) Kubectl(ctx context.Context, args ...string) (string, error) {
	return s.Lab.Kubectl(ctx, append([]string{"-n", s.Namespace}, args...)...)
}

// Push builds the application with a text and pushes it under the tag that the
// Workload names. It returns the digest and when the push began.
func (s *Story) Push(ctx context.Context, text string) (digest string, began time.Time, err error) {
	bin, err := s.Lab.Repo.App(ctx, text)
	if err != nil {
		return "", time.Time{}, err
	}
	began = time.Now()
	digest, err = s.Lab.Push(ctx, Image, bin)
	return digest, began, err
}

// ApplyAdmin applies what the platform team writes.
func (s *Story) ApplyAdmin(ctx context.Context) error {
	_, err := s.Kubectl(ctx, "apply", "-f", s.Lab.Repo.Path(Examples, "admin"))
	return err
}

// ApplyWorkload applies what the developer writes.
func (s *Story) ApplyWorkload(ctx context.Context) error {
	_, err := s.Kubectl(ctx, "apply", "-f", s.Lab.Repo.Path(Examples, "workload.yaml"))
	return err
}

// Reset removes a Workload that an earlier run left, and waits until everything
// that it stamped is gone too.
func (s *Story) Reset(ctx context.Context) error {
	if _, err := s.Kubectl(ctx, "delete", "workload", Name, "--ignore-not-found"); err != nil {
		return err
	}
	return s.Watch.Until(ctx, "the earlier Workload's objects to go", func() (bool, string) {
		left := len(s.Watch.List(Workloads)) + len(s.Watch.List(ImageRepositories)) +
			len(s.Watch.List(Deployments)) + len(s.Watch.List(Pods))
		return left == 0, fmt.Sprintf("%d objects", left)
	})
}

// Deployed waits until the Deployment names a digest.
func (s *Story) Deployed(ctx context.Context, digest string) error {
	return s.Watch.Until(ctx, "the Deployment to name "+digest, func() (bool, string) {
		d := s.Watch.Get(Deployments, Name)
		if d == nil {
			return false, s.state()
		}
		images := strings.Join(Images(d), " ")
		return strings.Contains(images, digest), images + "; " + s.state()
	})
}

// Created waits until a pod with a digest exists, and returns when it was seen.
func (s *Story) Created(ctx context.Context, digest string) (pod string, at time.Time, err error) {
	err = s.Watch.Until(ctx, "a pod with "+digest, func() (bool, string) {
		for _, p := range s.Watch.List(Pods) {
			if strings.Contains(strings.Join(Images(p), " "), digest) {
				pod, at = p.GetName(), s.Watch.Born(p)
				return true, ""
			}
		}
		return false, s.state()
	})
	return pod, at, err
}

// Answers asks every pod until one says text, and returns which.
func (s *Story) Answers(ctx context.Context, want string) (pod string, err error) {
	err = rig.Until(ctx, fmt.Sprintf("a pod to answer %q", want), 100*time.Millisecond, func() (bool, string) {
		missing := s.state()
		for _, p := range s.Watch.List(Pods) {
			if text(p.Object, "status", "phase") != "Running" || p.GetDeletionTimestamp() != nil {
				continue
			}
			got, err := s.Cluster.Ask(ctx, s.Namespace, p.GetName(), port)
			if err == nil && got == want {
				pod = p.GetName()
				return true, ""
			}
			missing = fmt.Sprintf("pod %s answered %q (%v)", p.GetName(), got, err)
		}
		return false, missing
	})
	return pod, err
}

// Rolled waits until all pods of the Deployment run a digest and no other is left.
func (s *Story) Rolled(ctx context.Context, digest string) error {
	return s.Watch.Until(ctx, "only pods with "+digest, func() (bool, string) {
		pods := s.Watch.List(Pods)
		for _, p := range pods {
			if !strings.Contains(strings.Join(Images(p), " "), digest) || Condition(p, "Ready") != "True" {
				return false, p.GetName() + " with " + strings.Join(Images(p), " ")
			}
		}
		return len(pods) > 0, "no pod"
	})
}

// Ready waits until the Workload is Ready, and tells of a digest.
func (s *Story) Ready(ctx context.Context, digest string) error {
	return s.Watch.Until(ctx, "the Workload to be Ready with "+digest, func() (bool, string) {
		w := s.Watch.Get(Workloads, Name)
		if w == nil || Condition(w, "Ready") != "True" {
			return false, s.state()
		}
		for _, r := range Resources(w) {
			if strings.Contains(r.Output, digest) {
				return true, ""
			}
		}
		return false, s.state()
	})
}

// state is what the Workload says of itself, for whoever waits in vain.
func (s *Story) state() string {
	w := s.Watch.Get(Workloads, Name)
	if w == nil {
		return "no Workload"
	}
	return "the Workload says: " + strings.Join(Changes(nil, w), "; ")
}
