// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/owner"
)

// statuses remembers what was written until the watch shows it, and since when
// a status has been waiting to be written.
type statuses struct {
	mu      sync.Mutex
	written map[types.NamespacedName]writtenStatus
	waiting map[types.NamespacedName]time.Time
}

type writtenStatus struct {
	uid     types.UID
	version string
	status  v1alpha1.OwnerStatus

	blueprint string
}

func newStatuses() *statuses {
	return &statuses{written: map[types.NamespacedName]writtenStatus{}, waiting: map[types.NamespacedName]time.Time{}}
}

// refresh gives the owner the status that it has, whether or not the watch shows it yet.
func (s *statuses) refresh(object client.Object, o *owner.Owner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := client.ObjectKeyFromObject(object)
	w, ok := s.written[key]
	if !ok {
		return
	}
	order, err := resourceversion.CompareResourceVersion(object.GetResourceVersion(), w.version)
	if w.uid != object.GetUID() || err != nil || order >= 0 {
		delete(s.written, key)
		return
	}
	o.Status, o.Blueprint = w.status, w.blueprint
}

// wrote remembers the server's answer to a status write.
func (s *statuses) wrote(answer client.Object, status v1alpha1.OwnerStatus, blueprint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := client.ObjectKeyFromObject(answer)
	s.written[key] = writtenStatus{answer.GetUID(), answer.GetResourceVersion(), status, blueprint}
	delete(s.waiting, key)
}

// since is when the status began to differ from the one that is written.
func (s *statuses) since(object client.Object, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := client.ObjectKeyFromObject(object)
	if at, ok := s.waiting[key]; ok {
		return at
	}
	s.waiting[key] = now
	return now
}

// version is the resource version of the newest state that is known of the owner.
func (s *statuses) version(object client.Object) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w, ok := s.written[client.ObjectKeyFromObject(object)]; ok && w.uid == object.GetUID() {
		return w.version
	}
	return object.GetResourceVersion()
}

// shown forgets what was written once the watch shows it.
func (s *statuses) shown(object client.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := client.ObjectKeyFromObject(object)
	if w, ok := s.written[key]; ok {
		if order, err := resourceversion.CompareResourceVersion(object.GetResourceVersion(), w.version); err != nil || order >= 0 {
			delete(s.written, key)
		}
	}
}

// settled says that nothing is left to write.
func (s *statuses) settled(object client.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, client.ObjectKeyFromObject(object))
}

func (s *statuses) forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.written, key)
	delete(s.waiting, key)
}
