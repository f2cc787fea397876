// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rhumb.run/rhumb/test/e2e/rig"
	"rhumb.run/rhumb/test/e2e/source"
	"rhumb.run/rhumb/test/e2e/story"
)

const (
	helloText = "Hello World!"
	againText = "Hello again, World!"
	// goodbye is a Workload that the demo deletes: a second one of the Node.js application.
	goodbye = "hello-goodbye"
	// shown is a ConfigMap that says what an earlier run has shown.
	shown = "demo-source"

	barChange = 25 * time.Second
	barRhumb  = 500 * time.Millisecond
)

// sources tells the story from git to a URL.
type sources struct {
	out    *teller
	lab    rig.Lab
	s      *source.Story
	clones map[string]*source.Clone
	rows   []string
	bars   []string
}

// tellSources tells all of it. What an earlier run has shown for good is told
// and not done again, so that a second run builds nothing.
func tellSources(ctx context.Context, out *teller, lab rig.Lab) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	d := &sources{out: out, lab: lab, clones: map[string]*source.Clone{}}
	for _, act := range []func(context.Context) error{d.prepare, d.push, d.apply, d.change, d.remove, d.close} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prepare gets a lab with Rhumb in it.
func (d *sources) prepare(ctx context.Context) error {
	d.out.Step("starting a Kubernetes with git, Flux, kpack and an ingress controller, under .rhumb/demo-source")
	if err := d.lab.Up(ctx, append([]string{"--api-port", "0"}, source.LabArgs()...)...); err != nil {
		return err
	}
	d.out.Step("building rhumb-controller (3 minutes on a cold cache), pushing its image, kubectl apply -f dist/rhumb.yaml")
	if _, err := story.Install(ctx, d.lab); err != nil {
		return err
	}
	if _, err := d.lab.Repo.Run(ctx, nil, "go", "build", "-o", d.lab.Repo.Path("bin", "rhumb"), "./cmd/rhumb"); err != nil {
		return err
	}
	var err error
	d.s, err = source.Open(ctx, d.lab, "default", func(c story.Change) {
		if c.Live == nil || c.Live.GetKind() != "Pod" { // pods tell by their logs
			d.out.Change(c)
		}
	})
	return err
}

// push puts the applications into the lab's git server.
func (d *sources) push(ctx context.Context) error {
	for _, a := range source.Apps {
		d.out.Step("git push: examples/apps/" + a.Name + " → https://github.com/" + a.Repository)
		c, err := d.s.PushApp(ctx, a)
		if err != nil {
			return err
		}
		d.clones[a.Name] = c
	}
	return nil
}

// apply applies the YAML of the example and sees each application answer.
func (d *sources) apply(ctx context.Context) error {
	d.out.Step("kubectl apply: templates, supply chain and builder of " + source.Examples + "/admin")
	if err := d.s.ApplyAdmin(ctx); err != nil {
		return err
	}
	began := time.Now()
	for _, a := range source.Apps {
		d.out.Step("kubectl apply -f " + source.Examples + "/" + a.Name + ".yaml")
		if err := d.s.ApplyWorkload(ctx, a); err != nil {
			return err
		}
	}
	stop := d.tail(ctx)
	defer stop()
	if err := d.sayGoodbye(ctx); err != nil {
		return err
	}
	if err := d.answers(ctx); err != nil {
		return err
	}
	for _, a := range source.Apps {
		if err := d.row(ctx, a, a.Name, began); err != nil {
			return err
		}
	}
	for _, a := range source.Apps {
		text, err := d.s.Answer(ctx, a)
		if err != nil {
			return err
		}
		d.out.Shell(a.Curl(), text)
	}
	return nil
}

// answers waits for all applications at once.
func (d *sources) answers(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, a := range source.Apps {
		want := helloText
		if d.changed(a) {
			want = againText
		}
		group.Go(func() error { return d.s.Answers(ctx, a, want) })
	}
	return group.Wait()
}

// row enters how long an application took; one that is as it was took nothing.
func (d *sources) row(ctx context.Context, a source.App, what string, began time.Time) error {
	commit, err := d.clones[a.Name].Head(ctx)
	if err != nil {
		return err
	}
	times, err := d.s.Trace.Of(a.Name, commit, began)
	if err != nil { // an earlier run did it, and the watch knows no beginning
		d.rows = append(d.rows, fmt.Sprintf("%s\t%s\t-\t-\t-\t-\tas it was", what, a.Language))
		return nil //nolint:nilerr // it is what the row says.
	}
	d.rows = append(d.rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", what, a.Language,
		seconds(times.Fetch), seconds(times.Build), seconds(times.Start), seconds(times.Rhumb), seconds(times.All)))
	return nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// changed says whether an earlier run has changed an application already.
func (d *sources) changed(a source.App) bool { return d.clones[a.Name].Has("main.go", "Hello again,") }

// change commits to one application and sees the new text at its URL.
func (d *sources) change(ctx context.Context) error {
	a := source.Apps[0]
	if d.changed(a) {
		d.out.Step("an earlier run has changed " + a.Name + " already; `make clean-demo-source` begins anew")
		return nil
	}
	commit, err := d.clones[a.Name].Head(ctx)
	if err != nil {
		return err
	}
	if err := d.s.Rests(ctx, a, commit); err != nil {
		return err
	}
	stop := d.tail(ctx)
	defer stop()
	d.out.Step(fmt.Sprintf("a commit to %s: it shall say %q", a.Repository, againText))
	_, pushed, err := d.clones[a.Name].Edit(ctx, "main.go", "Hello", "Hello again,")
	if err != nil {
		return err
	}
	d.out.Step("pushed")
	if err := d.s.Answers(ctx, a, againText); err != nil {
		return err
	}
	if err := d.row(ctx, a, a.Name+", changed", pushed); err != nil {
		return err
	}
	text, err := d.s.Answer(ctx, a)
	if err != nil {
		return err
	}
	d.out.Shell(a.Curl(), text)
	return d.barsOf(ctx, a, pushed)
}

// barsOf enters what a change may take.
func (d *sources) barsOf(ctx context.Context, a source.App, pushed time.Time) error {
	commit, err := d.clones[a.Name].Head(ctx)
	if err != nil {
		return err
	}
	times, err := d.s.Trace.Of(a.Name, commit, pushed)
	if err != nil {
		return err
	}
	for _, b := range []struct {
		what       string
		took, most time.Duration
	}{{"push to new text at the URL", times.All, barChange}, {"of which Rhumb's own hops", times.Rhumb, barRhumb}} {
		verdict := "met"
		if b.took > b.most {
			verdict = "MISSED"
		}
		d.bars = append(d.bars, fmt.Sprintf("%s\t%s\t≤ %s\t%s", b.what, seconds(b.took), seconds(b.most), verdict))
	}
	return nil
}

// sayGoodbye applies the Workload that is going to be deleted, unless an
// earlier run has shown that.
func (d *sources) sayGoodbye(ctx context.Context) error {
	if d.hasShown(ctx) {
		return nil
	}
	d.out.Step("kubectl apply: Workload " + goodbye + ", which will be deleted again")
	return d.s.ApplyAs(ctx, source.Apps[2], goodbye)
}

func (d *sources) hasShown(ctx context.Context) bool {
	_, err := d.s.Kubectl(ctx, "get", "configmap", shown)
	return err == nil
}

// remove deletes a Workload and shows that nothing of it is left.
func (d *sources) remove(ctx context.Context) error {
	if d.hasShown(ctx) {
		d.out.Step("an earlier run has deleted Workload " + goodbye + " already")
		return nil
	}
	if err := d.s.Answers(ctx, source.App{Name: goodbye}, helloText); err != nil {
		return err
	}
	d.out.Step("kubectl delete workload " + goodbye)
	if err := d.s.Delete(ctx, goodbye); err != nil {
		return err
	}
	const line = "get workload,deploy,replicaset,pod,image,build,gitrepo,service,ingress -l app.kubernetes.io/part-of=" + goodbye
	out, err := d.s.Kubectl(ctx, strings.Fields(line)...)
	if err != nil {
		return err
	}
	if strings.TrimSpace(out) == "" {
		out = "No resources found in default namespace."
	}
	d.out.Shell("kubectl "+line, out)
	_, err = d.s.Kubectl(ctx, "create", "configmap", shown)
	return err
}

// close prints the tables, and holds every build to account.
func (d *sources) close(ctx context.Context) error {
	const line = "get workload,deploy,pod,image,build,gitrepo,service,ingress"
	out, err := d.s.Kubectl(ctx, strings.Fields(line)...)
	if err != nil {
		return err
	}
	d.out.Shell("kubectl "+line, out)
	d.out.Table("APPLICATION\tLANGUAGE\tFETCH\tBUILD\tSTART\tRHUMB\tALL", d.rows)
	if len(d.bars) > 0 {
		d.out.Table("DURATION\tTOOK\tBAR (warm caches)\t", d.bars)
	}
	d.out.Note("\nThe lab stays up. To look around:\n\n    export KUBECONFIG=$PWD/.rhumb/demo-source/kubeconfig PATH=$PWD/bin:$PATH\n" +
		"    rhumb workload get hello-golang\n\n`make clean-demo-source` removes all of it.")
	return d.account()
}

// account refuses a build that failed, and one too many.
func (d *sources) account() error {
	for _, a := range source.Apps {
		builds, want := d.s.BuildsOf(a.Name), 1
		if d.changed(a) {
			want = 2
		}
		for name, succeeded := range builds {
			if succeeded != "True" {
				return fmt.Errorf("build %s did not succeed", name)
			}
		}
		if len(builds) != want {
			return fmt.Errorf("%s was built %d times, want %d", a.Name, len(builds), want)
		}
	}
	return nil
}

// tail shows the logs of everything that works for the applications, as they
// come, until it is stopped.
func (d *sources) tail(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, a := range source.Apps {
		all.Go(func() {
			err := d.lab.Lines(ctx, func(line string) { d.out.Log(line) }, "workload", "tail", a.Name, "--since", "5s")
			if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
				d.out.Note(err.Error())
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}
