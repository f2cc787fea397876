// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"rhumb.run/rhumb/test/e2e/cloner"
	"rhumb.run/rhumb/test/e2e/rig"
	"rhumb.run/rhumb/test/e2e/story"
)

// far is the pace at which the lab's Docker Hub sends each blob here, or the
// copy would be over before it could be told.
const far = "1Mi"

// cloning tells the story of the image cloner.
type cloning struct {
	out  *teller
	lab  rig.Lab
	s    *cloner.Story
	said chan string // what the controller writes
	told brief
	runs *rig.Inside
	bars []string
}

// tellCloning tells all of it, from the beginning each time: what an earlier
// run left is removed first.
func tellCloning(ctx context.Context, out *teller, lab rig.Lab) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	d := &cloning{out: out, lab: lab, said: make(chan string, 1000)}
	defer func() {
		if d.runs != nil {
			_ = d.runs.Stop()
		}
	}()
	for _, act := range []func(context.Context) error{d.prepare, d.start, d.clone, d.again, d.away, d.close} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prepare gets a lab whose Docker Hub has the image, and whose registry does not.
func (d *cloning) prepare(ctx context.Context) error {
	d.out.Step("starting a Kubernetes with a registry, localhost:5000, and a Docker Hub of its own, under .rhumb/demo-cloner")
	if err := d.lab.Remove(ctx); err != nil {
		return err
	}
	if err := d.lab.Up(ctx, cloner.LabArgs()...); err != nil {
		return err
	}
	d.out.Step("an nginx, out of Debian packages, for two platforms: docker.io/library/" + cloner.Image)
	digest, err := cloner.Fill(ctx, d.lab)
	if err != nil {
		return err
	}
	d.out.Log("docker.io/library/" + cloner.Image + "@" + digest)
	if _, err := d.lab.Hub(ctx, "--pace", far); err != nil {
		return err
	}
	d.s, err = cloner.Open(ctx, d.lab, d.out.Change)
	return err
}

// start runs the controller as the seed does.
func (d *cloning) start(ctx context.Context) error {
	d.out.Step("building rhumb-controller (3 minutes on a cold cache)")
	var err error
	d.runs, err = d.s.Run(ctx, func(line string) {
		if words, ok := d.told.of(line); ok {
			d.out.Log(words)
		}
		select {
		case d.said <- line:
		default: // nobody listens, and it is told already
		}
	})
	if err == nil {
		d.out.Step("IMAGE_CLONER_REGISTRY=localhost:5000 IMAGE_CLONER_USER=testuser IMAGE_CLONER_PASS=… rhumb-controller --controllers=imagecloner")
		err = d.says(ctx, "Starting workers")
	}
	return err
}

// brief is what a log is read for: what is done about the application, once
// each while nothing else is done, and whatever goes wrong.
type brief struct {
	mu     sync.Mutex
	lately []string
}

// anew has it tell again what it told already.
func (b *brief) anew() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lately = nil
}

// of makes a line for people out of one of the log's, which has a time, a level,
// the name of its writer, and more, with tabs between.
func (b *brief) of(line string) (string, bool) {
	f := strings.SplitN(line, "\t", 4)
	if len(f) < 3 {
		return line, true // it is no line of the log's
	}
	words := strings.ReplaceAll(strings.Join(f[3:], ""), "\t", "  ")
	switch {
	case f[1] == "ERROR":
		words = "ERROR " + f[2] + "  " + words
	case f[2] == "image-copies":
	case f[2] != "controller.image-cloner" || strings.Contains(words, `"namespace": "kube-system"`):
		return "", false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Contains(b.lately, words) {
		return "", false
	}
	b.lately = append(b.lately, words)
	if len(b.lately) > 3 {
		b.lately = b.lately[1:]
	}
	return words, true
}

// says waits until the controller writes a text.
func (d *cloning) says(ctx context.Context, text string) error {
	for {
		select {
		case line := <-d.said:
			if strings.Contains(line, text) {
				return nil
			}
		case <-time.After(time.Second):
			if !d.runs.Alive() {
				return fmt.Errorf("waiting for the controller to say %q: it ended", text)
			}
		case <-ctx.Done():
			return fmt.Errorf("waiting for the controller to say %q: %w", text, ctx.Err())
		}
	}
}

// clone applies the application, and sees it run from the copy.
func (d *cloning) clone(ctx context.Context) error {
	d.out.Step("kubectl apply -f " + cloner.Examples + "/deploy-nginx.yml")
	began := time.Now()
	if err := d.s.Apply(ctx); err != nil {
		return err
	}
	if err := d.s.Rewritten(ctx, cloner.Name, cloner.Copy); err != nil {
		return err
	}
	d.bars = append(d.bars, fmt.Sprintf("kubectl apply to a ready pod from the copy\t%.1f s", time.Since(began).Seconds()))
	if err := d.shell(ctx, "get deployment nginx -o wide"); err != nil {
		return err
	}
	if err := d.shell(ctx, "get deployment nginx -o jsonpath={.metadata.annotations.rhumb\\.run/original-images}"); err != nil {
		return err
	}
	return d.answer(ctx)
}

// answer asks each pod for its page.
func (d *cloning) answer(ctx context.Context) error {
	for _, p := range d.s.Pods(cloner.Name) {
		var title string
		err := rig.Until(ctx, p.GetName()+" to answer", 200*time.Millisecond, func() (bool, string) {
			var err error
			title, err = d.s.Answer(ctx, p.GetName())
			return err == nil && title == cloner.Welcome, fmt.Sprint(title, err)
		})
		if err != nil {
			return err
		}
		d.out.Step(fmt.Sprintf("pod %s, image %s, answers %q", p.GetName(), strings.Join(story.Images(p), ", "), title))
	}
	return nil
}

func (d *cloning) shell(ctx context.Context, line string) error {
	out, err := d.s.Kubectl(ctx, strings.Fields(line)...)
	if err != nil {
		return err
	}
	d.out.Shell("kubectl -n "+cloner.Namespace+" "+line, out)
	d.out.Note("")
	return nil
}

// again shows that the next look does nothing.
func (d *cloning) again(ctx context.Context) error {
	before, err := d.lab.Hub(ctx)
	if err != nil {
		return err
	}
	d.told.anew()
	for len(d.said) > 0 {
		<-d.said
	}
	d.out.Step("kubectl label deployment nginx seen=again: the controller looks again")
	if _, err := d.s.Kubectl(ctx, "label", "deployment", cloner.Name, "seen=again"); err != nil {
		return err
	}
	if err := d.says(ctx, "image already cloned"); err != nil {
		return err
	}
	after, err := d.lab.Hub(ctx)
	if err != nil {
		return err
	}
	asked := func(h rig.Hub) (n int) {
		for _, k := range h.Requests {
			n += k
		}
		return n
	}
	d.out.Step(fmt.Sprintf("Docker Hub was asked %d times in all, %d of them for this look; it was shown %d passwords",
		asked(after), asked(after)-asked(before), len(after.Logins)))
	if asked(after) != asked(before) || len(after.Logins) > 0 {
		return fmt.Errorf("the hub saw %v, then %v, and logins %v", before.Requests, after.Requests, after.Logins)
	}
	return nil
}

// away takes the Hub away, has the node forget the image, and starts pods.
func (d *cloning) away(ctx context.Context) error {
	d.out.Step("rhumb-lab component stop hub: Docker Hub is gone; and the node forgets that it ever had an nginx")
	if err := d.lab.Component(ctx, "stop", "hub"); err != nil {
		return err
	}
	if err := d.s.Scale(ctx, cloner.Name, 0); err != nil {
		return err
	}
	if err := d.s.Unlearn(ctx, "/nginx"); err != nil {
		return err
	}
	d.out.Step("a pod with the image as it was written: kubectl run original --image=" + cloner.Image)
	if _, err := d.s.Kubectl(ctx, "run", "original", "--image="+cloner.Image); err != nil {
		return err
	}
	d.out.Step("kubectl scale deployment nginx --replicas=2")
	began := time.Now()
	if err := d.s.Scale(ctx, cloner.Name, 2); err != nil {
		return err
	}
	d.bars = append(d.bars, fmt.Sprintf("scaled up with Docker Hub gone, to two ready pods\t%.1f s", time.Since(began).Seconds()))
	if err := d.answer(ctx); err != nil {
		return err
	}
	return d.shell(ctx, "get pods -o custom-columns=NAME:.metadata.name,IMAGE:.spec.containers[0].image,PHASE:.status.phase,WAITS:.status.containerStatuses[0].state.waiting.reason")
}

func (d *cloning) close(context.Context) error {
	d.out.Table("DURATION\tTOOK", d.bars)
	d.out.Note("\nThe lab stays up, its controller does not. To look around:\n\n" +
		"    export KUBECONFIG=$PWD/.rhumb/demo-cloner/kubeconfig PATH=$PWD/bin:$PATH\n    kubectl -n demo-system describe deployment nginx\n" +
		"    rhumb images list -A\n" +
		"    rhumb-lab component start hub --data-dir .rhumb/demo-cloner\n\n`make clean-demo-cloner` removes all of it.")
	return nil
}
