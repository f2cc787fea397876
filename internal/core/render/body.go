// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/runtime"
)

// Body makes the object that a template describes for a context, in whatever
// language the template is written.
type Body func(ctx context.Context, data any) (map[string]any, error)

// BodyOf reads a template that is written either with $(…)$ or in ytt, which
// engine evaluates.
func BodyOf(template *runtime.RawExtension, ytt string, engine Engine) (Body, error) {
	written := template != nil && len(template.Raw) > 0
	switch {
	case written && ytt != "":
		return nil, errors.New("invalid template: must specify one of template or ytt, found both")
	case ytt != "":
		return yttBody(ytt, engine), nil
	case written:
		t, err := Compile(template.Raw)
		if err != nil {
			return nil, err
		}
		return func(_ context.Context, data any) (map[string]any, error) { return t.Render(data) }, nil
	}
	return nil, errors.New("invalid template: must specify one of template or ytt, found neither")
}
