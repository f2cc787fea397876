// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pause is between two tries to read a log that cannot be read.
const pause = time.Second

// maxLine is where a line is broken: nobody reads it, and it must not fill the memory.
const maxLine = 256 << 10

// reader reads one container, through all its lives.
type reader struct {
	pod  *podTail
	name string
	// once says that the container is done for good when it ended well.
	once bool

	read mark
	// last is the instance that was read to its end.
	last   instance
	lived  bool
	told   bool
	failed string
	tries  int
}

// maxTries bounds how often the log of a container that has ended is asked for.
const maxTries = 5

// mark is how far a log was read: the time of the last line, and how many lines
// had that time. A stream that is opened again begins somewhere before it.
type mark struct {
	at time.Time
	n  int
}

// run reads each life of the container, and waits for the next.
func (r *reader) run(ctx context.Context) {
	for ctx.Err() == nil {
		pod, gone, changed := r.pod.now()
		this, alive := life(pod, r.name)
		fresh := alive && (!r.lived || this.id != r.last.id)
		switch {
		case fresh:
			if r.lived && this.restarts > r.last.restarts+1 {
				r.stream(ctx, pod, &corev1.PodLogOptions{Previous: true}) //nolint:errcheck // it may be gone already
			}
			if !r.whole(ctx, pod, this) {
				continue
			}
			r.last, r.lived = this, true
			continue
		case gone, over(pod), r.once && r.lived && this.ended && this.well:
			return
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

// whole reads one life to its end, and says whether it did.
func (r *reader) whole(ctx context.Context, pod *corev1.Pod, this instance) bool {
	err := r.stream(ctx, pod, &corev1.PodLogOptions{Follow: true})
	if ctx.Err() != nil {
		return false
	}
	now, gone := r.ask(ctx, pod)
	if gone {
		r.pod.end()
		return true
	}
	after, alive := life(now, r.name)
	if err == nil && (!alive || after.id != this.id || after.ended) {
		return true
	}
	if err != nil {
		if r.tries++; after.ended && (apierrors.IsNotFound(err) || r.tries >= maxTries) {
			r.tries = 0
			return true // the log went with the container
		}
		r.trouble(pod.Name, err)
	}
	// The line broke, or the log is not there yet: from where it was left.
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
	_, lost, _ := r.pod.now()
	return lost
}

// ask looks at the pod itself: the news of its end may still be on its way.
func (r *reader) ask(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, bool) {
	now, err := r.pod.tail.cluster.kube.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), err == nil && now.UID != pod.UID:
		return pod, true
	case err != nil:
		return pod, false
	}
	return now, false
}

// trouble tells once why a log cannot be read.
func (r *reader) trouble(pod string, err error) {
	text := err.Error()
	if text == r.failed || apierrors.IsBadRequest(err) { // it is waiting to start
		return
	}
	r.failed = text
	r.pod.tail.say(Line{Pod: pod, Container: r.name, Step: r.pod.step, Text: text, Trouble: true})
}

// stream hands on the lines that were not handed on before.
func (r *reader) stream(ctx context.Context, pod *corev1.Pod, o *corev1.PodLogOptions) error {
	o.Container, o.Timestamps = r.name, true
	switch since := r.pod.tail.options.Since; {
	case !r.read.at.IsZero():
		// The server counts in whole seconds: what comes twice is left out below.
		o.SinceTime = &metav1.Time{Time: r.read.at.Truncate(time.Second)}
	case since > 0 && r.pod.old:
		seconds := max(1, int64((since+time.Second-1)/time.Second))
		o.SinceSeconds = &seconds
	}
	from, err := r.pod.tail.cluster.kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, o).Stream(ctx)
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // it was only read
	if !r.told {
		r.told = true
		r.pod.tail.say(Line{Pod: pod.Name, Container: r.name, Step: r.pod.step, Began: true})
	}
	return r.lines(pod.Name, from)
}

func (r *reader) lines(pod string, from io.Reader) error {
	old, skipped := r.read, 0
	in := bufio.NewReaderSize(from, maxLine)
	for {
		raw, err := in.ReadSlice('\n')
		if len(raw) > 0 {
			at, text := stamp(strings.TrimRight(string(raw), "\r\n"))
			switch {
			case !at.IsZero() && at.Before(old.at):
			case !at.IsZero() && at.Equal(old.at) && skipped < old.n:
				skipped++
			default:
				r.read.pass(at)
				r.pod.tail.say(Line{Pod: pod, Container: r.name, Step: r.pod.step, Text: text, Time: at})
			}
		}
		switch {
		case err == nil, errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil
		default:
			return err
		}
	}
}

func (m *mark) pass(at time.Time) {
	if at.IsZero() {
		return
	}
	if at.Equal(m.at) {
		m.n++
		return
	}
	*m = mark{at, 1}
}

// stamp takes the time from the beginning of a line. A line without one is all text.
func stamp(line string) (time.Time, string) {
	first, rest, _ := strings.Cut(line, " ")
	at, err := time.Parse(time.RFC3339Nano, first)
	if err != nil {
		return time.Time{}, line
	}
	return at, rest
}
