// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rhumb.run/rhumb/test/e2e/rig"
	"rhumb.run/rhumb/test/e2e/story"
)

const (
	firstText  = "Hello from the first build"
	secondText = "Hello from the second build"

	barFirstAnswer = 60 * time.Second
	barSecondPod   = 10 * time.Second
)

// demo is one telling of the story.
type demo struct {
	out    *teller
	lab    rig.Lab
	ledger *ledger
}

// tell prints a change and keeps what the table needs.
func (d *demo) tell(c story.Change) {
	d.out.Change(c)
	d.ledger.Change(c)
}

// onNode tells the whole story, pods included.
func (d *demo) onNode(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	s, err := d.prepare(ctx)
	if err != nil {
		return err
	}
	if err := d.first(ctx, s); err != nil {
		return err
	}
	if err := d.shell(ctx, s); err != nil {
		return err
	}
	if err := d.second(ctx, s); err != nil {
		return err
	}
	d.ledger.Show(d.out)
	d.out.Note("\nThe lab stays up. To look around:\n\n    export KUBECONFIG=$PWD/.rhumb/demo/kubeconfig PATH=$PWD/bin:$PATH\n    kubectl get workloads\n" +
		"\n`make clean-demo` removes all of it.")
	return nil
}

// prepare gets a lab with Rhumb in it, and nothing left of an earlier run.
func (d *demo) prepare(ctx context.Context) (*story.Story, error) {
	d.out.Step("starting a Kubernetes with one node, in namespaces of its own, under .rhumb/demo")
	if err := d.lab.Up(ctx, "--api-port", "0"); err != nil {
		return nil, err
	}
	d.ledger.Add(time.Now(), "lab", "node", "Ready")
	d.out.Step("building rhumb-controller (3 minutes on a cold cache), pushing its image, kubectl apply -f dist/rhumb.yaml")
	image, err := story.Install(ctx, d.lab)
	if err != nil {
		return nil, err
	}
	d.ledger.Add(time.Now(), "install", "deployment/"+story.SystemDeployment, image)
	return d.open(ctx)
}

// open connects to the lab; an earlier run's Workload goes first.
func (d *demo) open(ctx context.Context) (*story.Story, error) {
	s, err := story.Open(ctx, d.lab, "default", d.tell)
	if err != nil {
		return nil, err
	}
	if s.Watch.Get(story.Workloads, story.Name) != nil {
		d.out.Step("removing the Workload of an earlier run")
		if err := s.Reset(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// push builds the application with a text and pushes it.
func (d *demo) push(ctx context.Context, s *story.Story, text string) (digest string, began time.Time, err error) {
	d.out.Step(fmt.Sprintf("building a web server that says %q, pushing it to %s", text, story.Image))
	digest, began, err = s.Push(ctx, text)
	if err == nil {
		d.ledger.Add(time.Now(), "push", story.Image, digest)
	}
	return digest, began, err
}

// apply applies the YAML of the example, unchanged.
func (d *demo) apply(ctx context.Context, s *story.Story) error {
	d.out.Step("kubectl apply -f " + story.Examples + "/admin")
	if err := s.ApplyAdmin(ctx); err != nil {
		return err
	}
	d.out.Step("kubectl apply -f " + story.Examples + "/workload.yaml")
	if err := s.ApplyWorkload(ctx); err != nil {
		return err
	}
	d.ledger.Add(time.Now(), "apply", "workload/"+story.Name, "")
	return nil
}

// first goes from nothing to an application that answers.
func (d *demo) first(ctx context.Context, s *story.Story) error {
	digest, _, err := d.push(ctx, s, firstText)
	if err != nil {
		return err
	}
	if err := d.apply(ctx, s); err != nil {
		return err
	}
	pod, err := s.Answers(ctx, firstText)
	if err != nil {
		return err
	}
	answered := time.Now()
	d.ledger.Add(answered, "answer", "pod/"+pod, firstText)
	d.ledger.Bar("make demo to the first answer", answered.Sub(d.out.began), barFirstAnswer)
	d.out.Step(fmt.Sprintf("pod %s answers %q", pod, firstText))
	return s.Ready(ctx, digest)
}

// second pushes another build under the same tag, and touches nothing else.
func (d *demo) second(ctx context.Context, s *story.Story) error {
	digest, began, err := d.push(ctx, s, secondText)
	if err != nil {
		return err
	}
	pod, created, err := s.Created(ctx, digest)
	if err != nil {
		return err
	}
	d.ledger.Add(created, "roll", "pod/"+pod, digest)
	d.ledger.Bar("second push to the new pod's creation", created.Sub(began), barSecondPod)
	if pod, err = s.Answers(ctx, secondText); err != nil {
		return err
	}
	d.ledger.Add(time.Now(), "answer", "pod/"+pod, secondText)
	d.out.Step(fmt.Sprintf("pod %s answers %q", pod, secondText))
	return s.Ready(ctx, digest)
}

// shell types what a user would, to see the same.
func (d *demo) shell(ctx context.Context, s *story.Story) error {
	for _, line := range []string{
		"kubectl get clusterimagetemplates.carto.run",
		"kubectl get clustertemplates.carto.run",
		"kubectl get clustersupplychains.carto.run",
		"kubectl get workloads.carto.run",
		"kubectl get imagerepositories",
		"kubectl describe imagerepositories",
	} {
		out, err := s.Kubectl(ctx, strings.Fields(line)[1:]...)
		if err != nil {
			return err
		}
		d.out.Shell(line, out)
	}
	d.out.Note("")
	return nil
}

// short cuts a digest to what a person compares.
func short(digest string) string {
	const n = len("sha256:") + 12
	if len(digest) > n {
		return digest[:n] + "…"
	}
	return digest
}
