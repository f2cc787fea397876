// SPDX-License-Identifier: Apache-2.0

package story

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/fault"
	"rhumb.run/rhumb/internal/memory"
	"rhumb.run/rhumb/internal/paper"
)

// Told is what a story came to: the text of each want file, by its name.
type Told map[string]string

// blueprintsWanted is the one want file that is told only if the story has it.
const blueprintsWanted = "blueprint.yaml"

// wantFiles are the names of want files, in the order in which they are written.
var wantFiles = []string{blueprintsWanted, "objects.yaml", "status.yaml", "events.txt", "writes.txt", "fault.txt", "after.txt"}

var wanted = func() map[string]bool {
	out := map[string]bool{}
	for _, name := range wantFiles {
		out[name] = true
	}
	return out
}()

var classNames = map[fault.Class]string{fault.Wait: "wait", fault.Reject: "reject", fault.Deny: "deny", fault.Retry: "retry"}

func tell(w *memory.World, raw []byte, d Walked, words *owner.Words) (Told, error) {
	var objects, events, writes strings.Builder
	for i, o := range w.Objects() {
		one, err := text(o.Object)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			objects.WriteString("---\n")
		}
		objects.WriteString(one)
	}
	for _, e := range d.Events {
		fmt.Fprintf(&events, "%s: %s\n", e.Reason, e.Message)
	}
	for _, one := range w.Writes {
		fmt.Fprintln(&writes, one)
	}
	status, err := statusText(raw, d, words)
	if err != nil {
		return nil, err
	}
	told := Told{"objects.yaml": objects.String(), "status.yaml": status, "events.txt": events.String(), "writes.txt": writes.String()}
	if class, _ := fault.Of(d.Err); class != fault.None {
		told["fault.txt"] = classNames[class] + "\n"
	}
	if d.After > 0 {
		told["after.txt"] = d.After.String() + "\n"
	}
	return told, nil
}

// statusText is the status as it is written to the owner.
func statusText(raw []byte, d Walked, words *owner.Words) (string, error) {
	var status map[string]any
	if err := json.Unmarshal(raw, &status); err != nil {
		return "", fmt.Errorf("encoding status: %w", err)
	}
	if d.Blueprint != "" {
		status[words.BlueprintRef] = map[string]any{"kind": words.BlueprintKind, "name": d.Blueprint}
	}
	return text(status)
}

// Check names each want file that says something else than what was told. YAML
// is compared by what it means, text as it stands.
func (s *Story) Check(told Told) []string {
	var out []string
	for _, name := range wantFiles {
		want, got := any(s.Want[name]), any(told[name])
		if strings.HasSuffix(name, ".yaml") {
			var err error
			if want, err = meaning(s.Want[name]); err != nil {
				out = append(out, fmt.Sprintf("reading want/%s: %v", name, err))
				continue
			}
			got, _ = meaning(told[name])
		}
		if !reflect.DeepEqual(want, got) {
			out = append(out, fmt.Sprintf("want/%s:\n%s", name, paper.Diff(want, got)))
		}
	}
	return out
}

func meaning(doc string) ([]any, error) {
	out := []any{}
	err := eachDocument([]byte(doc), func(one []byte) error {
		raw, err := yaml.YAMLToJSONStrict(one)
		if err != nil {
			return err
		}
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			return err
		}
		out = append(out, v)
		return nil
	})
	return out, err
}

// Rewrite is the story's file with what was told in the place of what was wanted.
func (s *Story) Rewrite(told Told) []byte {
	a := &txtar.Archive{Comment: append(bytes.TrimRight(s.archive.Comment, "\n"), '\n', '\n')}
	for _, f := range s.archive.Files {
		if !strings.HasPrefix(f.Name, wantPrefix) {
			a.Files = append(a.Files, f)
		}
	}
	for _, name := range wantFiles {
		if told[name] != "" {
			a.Files = append(a.Files, txtar.File{Name: wantPrefix + name, Data: []byte(told[name])})
		}
	}
	return txtar.Format(a)
}
