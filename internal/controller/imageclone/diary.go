// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"sync"

	"github.com/go-logr/logr"

	"rhumb.run/rhumb/internal/core/clone"
)

// diary tells people what is done about their Deployments in the words that the image cloner of old used, which somebody may
// look for: a look at an object is told of, but not each of the looks that a copy on its way takes.
type diary struct {
	log logr.Logger

	mu      sync.Mutex
	pending map[User]map[Key]bool
}

func newDiary(log logr.Logger) *diary {
	return &diary{log: log, pending: map[User]map[Key]bool{}}
}

func (d *diary) of(user User) logr.Logger {
	return d.log.WithValues("name", user.Name, "namespace", user.Namespace).V(1)
}

// Tell tells of a look at an object.
func (d *diary) Tell(user User, s clone.Subject, verdicts []clone.Verdict) {
	log := d.of(user)
	waits, inspected := false, false
	for _, v := range verdicts {
		if v.Policy == nil || v.Policy.Name != clone.EnvName || !v.Policy.Match.For(s) || d.told(user, v) {
			continue
		}
		if v.Why == clone.ReasonNotReady {
			waits = true
			continue
		}
		if !inspected {
			log.Info("inspecting deployment")
			inspected = true
		}
		log.Info("checking deployment container", "image", v.Image)
		switch {
		case v.Copied:
			log.Info("image already cloned", "image", v.Image)
		case v.Why == clone.ReasonCopying:
			log.Info("cloning deployment image", "image", v.Image)
		case v.Failure != nil:
			log.Info("image not cloned", "image", v.Image, "reason", v.Failure.Reason, "message", v.Failure.Error())
		}
	}
	if waits { // it is the Deployment that is not ready, and not one image or the other
		log.Info("deployment not ready yet")
	}
}

// told reports whether there is nothing new to tell of an image: its copy was told of, and is on its way or used now.
func (d *diary) told(user User, v clone.Verdict) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := KeyOf(v.Choice)
	mine := d.pending[user]
	if v.Why == clone.ReasonCopying || v.To != "" {
		was := mine[key]
		if mine == nil {
			mine = map[Key]bool{}
			d.pending[user] = mine
		}
		mine[key] = true
		return was
	}
	delete(mine, key)
	if len(mine) == 0 {
		delete(d.pending, user)
	}
	return false
}

// Changing tells what an object's images are to be.
func (d *diary) Changing(user User, verdicts []clone.Verdict) {
	for _, v := range verdicts {
		if v.To != "" && v.Policy.Name == clone.EnvName {
			d.of(user).Info("updating deployment image", "From", v.Image, "To", v.To)
		}
	}
}

// Changed tells what they are now.
func (d *diary) Changed(user User, verdicts []clone.Verdict) {
	for _, v := range verdicts {
		if v.To != "" && v.Policy.Name == clone.EnvName {
			d.of(user).Info("deployment image reference updated", "image", v.To)
		}
	}
}

// Forget drops what is known of an object that is gone.
func (d *diary) Forget(user User) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.pending, user)
}
