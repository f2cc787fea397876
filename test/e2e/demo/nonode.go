// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"rhumb.run/rhumb/test/e2e/rig"
	"rhumb.run/rhumb/test/e2e/story"
)

// hook is where the controller hears of pushes. The lab's registry is told once,
// so a second run must listen on the same port.
const hook = "127.0.0.1:9790"

// withoutNode tells as much as a control plane alone can show: the chain runs,
// the Deployment object follows each push, no pod ever starts.
func (d *demo) withoutNode(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	d.out.Step("starting a Kubernetes without a node, with a registry on localhost:5000, under .rhumb/demo")
	if err := d.lab.Up(ctx, "--no-node", "--registry-port", "5000", "--notify", "http://"+hook+"/hooks/registry"); err != nil {
		return err
	}
	d.ledger.Add(time.Now(), "lab", "control plane", "Ready")
	d.out.Step("kubectl apply -f config/crd; running rhumb-controller as a process of this machine")
	stop, err := d.controller(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if e := stop(); err == nil {
			err = e
		}
	}()
	s, err := d.open(ctx)
	if err != nil {
		return err
	}
	if err := d.upToDeployment(ctx, s); err != nil {
		return err
	}
	d.ledger.Show(d.out)
	d.out.Note("\nThe control plane stays up. To look around:\n\n    export KUBECONFIG=$PWD/.rhumb/demo/kubeconfig PATH=$PWD/bin:$PATH\n    kubectl get workloads\n" +
		"\n`make clean-demo` removes all of it.")
	return nil
}

// controller installs the API and runs the controller beside it.
func (d *demo) controller(ctx context.Context) (stop func() error, err error) {
	if _, err := d.lab.Kubectl(ctx, "apply", "-f", d.lab.Repo.Path("config", "crd")); err != nil {
		return nil, err
	}
	if _, err := d.lab.Kubectl(ctx, "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"); err != nil {
		return nil, err
	}
	c, err := rig.StartController(ctx, d.lab, "--leader-elect=false", "--artifact-bind-address", hook, "--artifact-address", hook)
	if err != nil {
		return nil, err
	}
	d.ledger.Add(time.Now(), "install", "process rhumb-controller", fmt.Sprint("pid ", c.PID()))
	return c.Stop, nil
}

// upToDeployment pushes twice, and sees the Deployment follow.
func (d *demo) upToDeployment(ctx context.Context, s *story.Story) error {
	first, _, err := d.push(ctx, s, firstText)
	if err != nil {
		return err
	}
	if err := d.apply(ctx, s); err != nil {
		return err
	}
	if err := s.Deployed(ctx, first); err != nil {
		return err
	}
	if err := d.shell(ctx, s); err != nil {
		return err
	}
	second, began, err := d.push(ctx, s, secondText)
	if err != nil {
		return err
	}
	if err := s.Deployed(ctx, second); err != nil {
		return err
	}
	d.ledger.Bar("second push to the Deployment's new image", time.Since(began), barSecondPod)
	d.out.Note("\nNothing runs without a node, so that the Workload is not Ready; `kubectl get workloads -o wide` tells the cause.")
	return nil
}
