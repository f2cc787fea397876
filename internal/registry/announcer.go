// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const announcerPatience = 10 * time.Second

// Announcer keeps hosts in step with the cluster's local-registry-hosting ConfigMap. It watches that one object.
type Announcer struct {
	hosts     *Hosts
	inCluster bool
	log       logr.Logger
	client    kubernetes.Interface
	arrived   func()
}

// NewAnnouncer makes an announcer; until it has looked once, polls wait for it. inCluster says whether the controller shares
// the network of the cluster's pods.
func NewAnnouncer(config *rest.Config, hosts *Hosts, inCluster bool, log logr.Logger) (*Announcer, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Announcer{hosts: hosts, inCluster: inCluster, log: log, client: client, arrived: hosts.expect()}, nil
}

// NeedLeaderElection is false: whoever serves artifacts reaches registries too.
func (a *Announcer) NeedLeaderElection() bool { return false }

// Start watches until the context ends.
func (a *Announcer) Start(ctx context.Context) error {
	lw := cache.NewListWatchFromClient(a.client.CoreV1().RESTClient(), "configmaps", AnnouncedNamespace,
		fields.OneTermEqualSelector("metadata.name", AnnouncedName))
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: lw, ObjectType: &corev1.ConfigMap{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    a.take,
			UpdateFunc: func(_, o any) { a.take(o) },
			DeleteFunc: func(any) { a.hosts.SetAnnounced(nil) },
		},
	})
	go func() {
		wait, cancel := context.WithTimeout(ctx, announcerPatience)
		defer cancel()
		if !cache.WaitForCacheSync(wait.Done(), informer.HasSynced) && ctx.Err() == nil {
			a.log.Info("local registry announcement not read yet, going on without",
				"configMap", AnnouncedNamespace+"/"+AnnouncedName)
		}
		a.arrived()
	}()
	informer.RunWithContext(ctx)
	return nil
}

func (a *Announcer) take(o any) {
	cm, ok := o.(*corev1.ConfigMap)
	if !ok || cm.Name != AnnouncedName {
		return
	}
	hosts, err := ParseAnnounced(cm.Data, a.inCluster)
	if err != nil {
		a.log.Error(err, "local registry announcement not taken, the one before stays")
		return
	}
	a.hosts.SetAnnounced(hosts)
	for _, h := range hosts {
		a.log.Info("local registry announcement taken", "host", h.Host, "reachedAt", h.endpoints()[0].String())
	}
}
