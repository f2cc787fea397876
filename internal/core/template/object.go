// SPDX-License-Identifier: Apache-2.0

package template

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Object is a template as the API server stores it.
type Object interface {
	metav1.Object
	runtime.Object
}
