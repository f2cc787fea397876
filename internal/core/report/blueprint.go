// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// Blueprint is the status of a blueprint. Missing names the resource of each
// template that is not there, in the blueprint's order.
func Blueprint(before v1alpha1.BlueprintStatus, generation int64, missing []string, now time.Time) v1alpha1.BlueprintStatus {
	c := condition(v1alpha1.BlueprintTemplatesReady, metav1.ConditionTrue, v1alpha1.ReadyReason, "")
	if len(missing) > 0 {
		c = condition(v1alpha1.BlueprintTemplatesReady, metav1.ConditionFalse, v1alpha1.NotFoundTemplatesReadyReason,
			fmt.Sprintf("did not find the template of the resource(s) [%s]", strings.Join(missing, ", ")))
	}
	return v1alpha1.BlueprintStatus{
		ObservedGeneration: generation,
		Conditions:         since(now, before.Conditions, withReady([]metav1.Condition{c})),
	}
}
