// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
)

// podTail follows one pod.
type podTail struct {
	tail *tail
	step string
	// old says that the pod was there before anybody looked: of its log, only the end is wanted.
	old bool

	mu   sync.Mutex
	pod  *corev1.Pod
	gone bool
	// changed is closed when the pod is another than before.
	changed chan struct{}
}

// run reads the init containers one after another, as they run, and then all
// the others at once. Init containers that stay (sidecars) are read beside.
func (p *podTail) run(ctx context.Context) {
	pod, _, _ := p.now()
	for _, c := range pod.Spec.InitContainers {
		r := &reader{pod: p, name: c.Name, once: c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways}
		if r.once {
			r.run(ctx)
		} else {
			p.tail.containers.Go(func() { r.run(ctx) })
		}
	}
	for _, c := range pod.Spec.Containers {
		r := &reader{pod: p, name: c.Name}
		p.tail.containers.Go(func() { r.run(ctx) })
	}
}

func (p *podTail) update(pod *corev1.Pod) { p.turn(pod, false) }

func (p *podTail) end() { p.turn(nil, true) }

func (p *podTail) turn(pod *corev1.Pod, gone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pod != nil {
		p.pod = pod
	}
	p.gone = p.gone || gone
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *podTail) now() (pod *corev1.Pod, gone bool, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pod, p.gone, p.changed
}

// instance is one life of a container: each restart is another.
type instance struct {
	id       string
	restarts int32
	ended    bool
	// well says that it ended as it should.
	well bool
}

// life finds the present instance of a container, which may have ended.
func life(pod *corev1.Pod, name string) (instance, bool) {
	for _, all := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, s := range all {
			if s.Name != name {
				continue
			}
			switch {
			case s.State.Running != nil:
				return instance{id: s.ContainerID, restarts: s.RestartCount}, true
			case s.State.Terminated != nil:
				return instance{s.State.Terminated.ContainerID, s.RestartCount, true, s.State.Terminated.ExitCode == 0}, true
			case s.LastTerminationState.Terminated != nil:
				return instance{s.LastTerminationState.Terminated.ContainerID, s.RestartCount, true, false}, true
			}
		}
	}
	return instance{}, false
}

// over says whether no container of the pod will start again.
func over(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}
