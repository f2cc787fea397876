// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"fmt"

	"rhumb.run/rhumb/test/e2e/rig"
)

// Install builds the controller, pushes its image to the lab's registry, and
// applies dist/rhumb.yaml with that image; it returns when Rhumb is available.
func Install(ctx context.Context, lab rig.Lab) (image string, err error) {
	bin, err := lab.Repo.Controller(ctx)
	if err != nil {
		return "", err
	}
	digest, err := lab.Push(ctx, controllerImage+":dev", bin)
	if err != nil {
		return "", err
	}
	image = controllerImage + "@" + digest
	manifest, err := lab.Repo.Manifest(ctx, image)
	if err != nil {
		return "", err
	}
	if _, err := lab.Kubectl(ctx, "apply", "-f", manifest); err != nil {
		return "", fmt.Errorf("installing Rhumb: %w", err)
	}
	_, err = lab.Kubectl(ctx, "rollout", "status", "--timeout=120s", "-n", SystemNamespace, "deployment/"+SystemDeployment)
	return image, err
}

// Where config/install puts the controller.
const (
	SystemNamespace  = "rhumb-system"
	SystemDeployment = "rhumb-controller"
)
