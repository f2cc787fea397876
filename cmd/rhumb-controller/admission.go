// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"rhumb.run/rhumb/internal/admission"
)

const (
	// webhookService and webhookSecret are named in config/install and config/rbac.
	webhookService = "rhumb-webhook"
	webhookSecret  = "rhumb-webhook"
	// webhookConfiguration has the name of Cartographer's, whose place it takes: left
	// alone, that would ask a service which is not there, and let nobody edit a chain.
	webhookConfiguration = "cartographer-validating-webhook-configuration"
	// podsConfiguration is that by which we are asked about pods.
	podsConfiguration = "rhumb-images"
)

// addAdmission answers the API server on every replica: about pods, too, if
// there is somebody who knows of their images.
func addAdmission(mgr manager.Manager, o options, images admission.Images) error {
	server := &admission.Server{Address: o.webhook, Images: images}
	if o.certDir != "" {
		folder, err := admission.Folder(o.certDir)
		if err != nil {
			return err
		}
		server.Certificate = folder.GetCertificate
		return together(mgr, server, folder)
	}
	clients, err := kubernetes.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	keeper := &admission.Keeper{
		Clients:       clients,
		Namespace:     o.leaderNamespace,
		Secret:        webhookSecret,
		Configuration: webhookConfiguration,
		Names:         append([]string{webhookService + "." + o.leaderNamespace + ".svc"}, o.webhookNames...),
		Clock:         clock.RealClock{},
		Log:           ctrl.Log.WithName("admission"),
	}
	if images != nil {
		keeper.Mutating = podsConfiguration
	}
	server.Certificate = keeper.Certificate
	return together(mgr, server, keeper)
}

func together(mgr manager.Manager, parts ...manager.Runnable) error {
	for _, part := range parts {
		if err := mgr.Add(part); err != nil {
			return fmt.Errorf("adding the admission webhook: %w", err)
		}
	}
	return nil
}
