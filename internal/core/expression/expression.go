// SPDX-License-Identifier: Apache-2.0

// Package expression is a condition over a pod, as people write it in CEL.
//
//	text ─Parse─▶ Expression ─True(Pod)─▶ yes, no, or why neither
//
// What an expression may read is the fields of Pod and nothing else, so that a misspelt one is found when it is parsed. It has
// no access to time, chance or the world, and a bound on what it costs.
package expression

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
)

// Pod is what an expression reads as pod. Where no pod is made yet, it is the one that a template describes.
type Pod struct {
	Name      string `cel:"name"`
	Namespace string `cel:"namespace"`
	// Kind is that at the top of its owners; Pod, if none of those that make pods made it.
	Kind        string            `cel:"kind"`
	Labels      map[string]string `cel:"labels"`
	Annotations map[string]string `cel:"annotations"`
	// NamespaceLabels are here since "namespace" is a reserved word of CEL, which no variable can have.
	NamespaceLabels map[string]string `cel:"namespaceLabels"`
}

// Expression is a condition that was understood.
type Expression struct {
	program cel.Program
}

// maxCost bounds one evaluation: some milliseconds, where an honest condition takes microseconds.
const maxCost = 100_000

// environment is costly to make, and the same for all.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		ext.NativeTypes(reflect.TypeFor[Pod](), ext.ParseStructTags(true)),
		cel.Variable("pod", cel.ObjectType("expression.Pod")),
		ext.Strings(),
	)
})

// Parse understands an expression, or says in one line what is wrong with it.
func Parse(text string) (*Expression, error) {
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("preparing CEL: %w", err)
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, errors.New(words(issues))
	}
	if !ast.OutputType().IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("it is a %s, and has to be a condition: true or false", ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost))
	if err != nil {
		return nil, err
	}
	return &Expression{program}, nil
}

// words are the faults of an expression, each with its column, without the drawing that CEL makes of them.
func words(issues *cel.Issues) string {
	var out []string
	for _, e := range issues.Errors() {
		text := strings.ReplaceAll(e.Message, "expression.Pod", "pod")
		if strings.Contains(text, "has() macro") {
			text += `; a key of a map is asked for with "in": 'example.com/skip' in pod.annotations`
		}
		out = append(out, fmt.Sprintf("column %d: %s", max(e.Location.Column(), 0)+1, text))
	}
	return strings.Join(out, "; ")
}

// True evaluates an expression.
func (e *Expression) True(pod Pod) (bool, error) {
	out, _, err := e.program.Eval(map[string]any{"pod": &pod})
	if err != nil {
		return false, err
	}
	return out.Value() == true, nil
}
