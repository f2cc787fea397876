// SPDX-License-Identifier: Apache-2.0

// Command gen completes the CustomResourceDefinitions that controller-gen made
// of the types: it adds the rules that hold between fields, and puts each
// definition into a file of its own.
//
//	types ─controller-gen─▶ stdin ─▶ + rules ─▶ config/crd/<plural>.<group>.yaml
//
// A rule across a whole blueprint is a screenful of CEL, most of which follows
// from what is wrong and what to say of it. Here only that much is written;
// short rules stand as markers at the types. It never changes what the types
// say of a field.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := generate(os.Stdin, filepath.Join("config", "crd")); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate completes every definition of the stream.
func generate(in io.Reader, dir string) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(in))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a definition: %w", err)
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(document, &crd); err != nil {
			return fmt.Errorf("decoding a definition: %w", err)
		}
		if crd.Name == "" {
			continue
		}
		if err := complete(&crd); err != nil {
			return fmt.Errorf("completing %s: %w", crd.Name, err)
		}
		if err := write(&crd, filepath.Join(dir, crd.Name+".yaml")); err != nil {
			return err
		}
	}
}

// complete adds the rules of the kind, where it has any.
func complete(crd *apiextensionsv1.CustomResourceDefinition) error {
	add := blueprintRules[crd.Spec.Names.Kind]
	if add == nil {
		return nil
	}
	root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	resources, ok := root.Properties["spec"].Properties["resources"]
	if !ok || resources.Items == nil || resources.Items.Schema == nil {
		return errors.New("finding spec.resources: not there")
	}
	b := add()
	root.XValidations = append(root.XValidations, b.whole()...)
	item := resources.Items.Schema
	item.XValidations = append(item.XValidations, b.resource()...)
	return nil
}

func write(crd *apiextensionsv1.CustomResourceDefinition, path string) error {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(crd)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", crd.Name, err)
	}
	delete(object, "status")
	text, err := yaml.Marshal(object)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", crd.Name, err)
	}
	text = append([]byte("# Generated from the types in api/ by `make generate`. Do not edit.\n---\n"), text...)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", crd.Name, err)
	}
	return nil
}
