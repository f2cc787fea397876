// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

// An object whose images are put back so often in that time is somebody else's: every further change would be a rollout for nothing.
const (
	mostChanges = 3
	fightTime   = 10 * time.Minute
	// maxNote is what an event has room for, less the sign that it was cut.
	maxNote = 1020
)

// contests notice that somebody puts back what we write.
type contests struct {
	now func() time.Time

	mu    sync.Mutex
	wrote map[User][]change
	lost  map[User]lost
}

// lost is an object that was given up.
type lost struct {
	policy, manager string
	since           time.Time
}

type change struct {
	at   time.Time
	what string
}

func newContests() *contests {
	return &contests{now: time.Now, wrote: map[User][]change{}, lost: map[User]lost{}}
}

// what tells one change from another.
func what(images map[string]string) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(images)) {
		fmt.Fprintf(&b, "%s=%s ", key, images[key])
	}
	return b.String()
}

// Wrote notes a change.
func (c *contests) Wrote(user User, made *clone.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrote[user] = append(c.recent(user), change{c.now(), what(made.Images)})
}

// recent are changes that are not long ago; the lock is held.
func (c *contests) recent(user User) []change {
	return slices.DeleteFunc(c.wrote[user], func(w change) bool { return c.now().Sub(w.at) > fightTime })
}

// Over reports whether a change has been made in vain so often that it is not to be made again. The object's annotations
// remember it for those who come after us.
func (c *contests) Over(user User, s state, next *clone.Change) bool {
	if remembered(s.Own, next) {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrote[user] = c.recent(user)
	in := 0
	for _, w := range c.wrote[user] {
		if w.what == what(next.Images) {
			in++
		}
	}
	return in >= mostChanges
}

// remembered reports whether an object's annotations say that just this change was made in vain: of other images, by another
// policy or to another place it is another one.
func remembered(own map[string]string, next *clone.Change) bool {
	return strings.HasPrefix(own[clone.ReasonAnnotation], clone.ReasonContested+": ") &&
		own[clone.OriginalsAnnotation] == next.Keep.String() &&
		own[clone.PolicyAnnotation] == next.Policy.Name && own[clone.TargetAnnotation] == strings.Join(next.Under, ",")
}

// Forget drops what is known of an object that is gone.
func (c *contests) Forget(user User) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.wrote, user)
	delete(c.lost, user)
}

// Lost notes that an object was given up; true if that is news.
func (c *contests) Lost(user User, policy, manager string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost[user].policy == policy {
		return false
	}
	c.lost[user] = lost{policy, manager, c.now()}
	return true
}

// Peace notes that nobody fights over an object; it is the policy that lost it before.
func (c *contests) Peace(user User) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.lost[user].policy
	delete(c.lost, user)
	return was
}

const maxContested = 20

// Of are the objects that a policy gave up.
func (c *contests) Of(policy string) []v1alpha1.ContestedWorkload {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []v1alpha1.ContestedWorkload
	for user, l := range c.lost {
		if l.policy == policy {
			out = append(out, v1alpha1.ContestedWorkload{Object: user.String(), Manager: l.manager, Since: metav1.Time{Time: l.since.Truncate(time.Second)}})
		}
	}
	slices.SortFunc(out, func(a, b v1alpha1.ContestedWorkload) int { return strings.Compare(a.Object, b.Object) })
	return out[:min(len(out), maxContested)]
}

// giveUp says on the object, once, who puts its images back, and leaves it.
func (r *Reconciler) giveUp(ctx context.Context, user User, s state, next *clone.Change) error {
	text := strings.TrimPrefix(s.Own[clone.ReasonAnnotation], clone.ReasonContested+": ")
	if text != s.Own[clone.ReasonAnnotation] { // said already, maybe by those before us
		who, _, _ := strings.Cut(text, " ")
		r.tellLost(user, next.Policy.Name, who)
		return nil
	}
	who, err := r.opponent(ctx, user)
	if err != nil {
		return err
	}
	r.tellLost(user, next.Policy.Name, who)
	words := fmt.Sprintf("%s put back the original images %d times within %d minutes: they stay; choose strategy Admission in policy %s, or leave the object out of it, or have %s use %s",
		who, mostChanges, int(fightTime/time.Minute), next.Policy.Name, who, strings.Join(slices.Sorted(maps.Values(next.Images)), ", "))
	if err := r.annotate(ctx, user, s, map[string]any{
		clone.ReasonAnnotation:    clone.ReasonContested + ": " + words,
		clone.OriginalsAnnotation: next.Keep.String(),
		clone.PolicyAnnotation:    next.Policy.Name,
		clone.TargetAnnotation:    strings.Join(next.Under, ","),
	}); err != nil {
		return client.IgnoreNotFound(err)
	}
	rewritesTotal.WithLabelValues(resultContested).Inc()
	r.events.Eventf(s.object, nil, corev1.EventTypeWarning, clone.ReasonContested, "Rewrite", "%s", image.Bound(words, maxNote))
	return nil
}

func (r *Reconciler) tellLost(user User, policy, manager string) {
	if r.contests.Lost(user, policy, manager) {
		r.told(policy)
	}
}

// annotate changes annotations alone, so that nothing rolls out.
func (r *Reconciler) annotate(ctx context.Context, user User, s state, annotations map[string]any) error {
	_, err := r.patch(ctx, user, map[string]any{"metadata": map[string]any{
		"uid": s.UID, "resourceVersion": s.Version, "annotations": annotations,
	}})
	return err
}

// opponent is who owns the images of an object, as its managed fields say.
func (r *Reconciler) opponent(ctx context.Context, user User) (string, error) {
	o := made[user.Kind]()
	if err := r.live.Get(ctx, user.NamespacedName, o); err != nil {
		return "", client.IgnoreNotFound(err)
	}
	who, last := "somebody", time.Time{}
	for _, f := range o.GetManagedFields() {
		if f.Manager == fieldManager || f.Subresource != "" || f.FieldsV1 == nil || f.Time == nil || !strings.Contains(f.FieldsV1.GetRawString(), `"f:image"`) {
			continue
		}
		if f.Time.After(last) {
			who, last = f.Manager, f.Time.Time
		}
	}
	return who, nil
}
