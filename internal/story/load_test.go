// SPDX-License-Identifier: Apache-2.0

package story_test

import (
	"strings"
	"testing"

	"rhumb.run/rhumb/internal/story"
)

const chain = `-- blueprint.yaml --
apiVersion: carto.run/v1alpha1
kind: ClusterSupplyChain
metadata: {name: web}
spec:
  selector: {type: web}
  resources: [{name: only, templateRef: {kind: ClusterTemplate, name: only}}]
-- templates.yaml --
apiVersion: carto.run/v1alpha1
kind: ClusterTemplate
metadata: {name: only}
spec: {template: {apiVersion: v1, kind: ConfigMap, metadata: {name: only}, data: {a: b}}}
`

const who = `-- owner.yaml --
apiVersion: carto.run/v1alpha1
kind: Workload
metadata: {name: app, namespace: dev, uid: u-1, labels: {type: web}}
spec: {}
`

const prose = "A story.\n\n"

func TestLoadRefuses(t *testing.T) {
	cases := map[string]struct{ why, text, want string }{
		"NoProse":     {"a story that says nothing", chain + who, "a story begins with prose"},
		"NoOwner":     {"a story of nobody", prose + chain, "a story needs an owner.yaml"},
		"NoName":      {"an owner whom nobody can find", prose + strings.Replace(who, "name: app, ", "", 1), "the owner needs a name"},
		"File":        {"a file that nobody reads", prose + who + "-- wants/objects.yaml --\n", "reading wants/objects.yaml: no such file in a story: there are blueprint.yaml, "},
		"Want":        {"something to want that nobody compares", prose + who + "-- want/object.yaml --\n", "reading want/object.yaml: no such file in a story"},
		"Field":       {"a field that no owner has", prose + strings.Replace(who, "spec: {}", "spec: {serviceAcount: x}", 1), `unknown field "serviceAcount"`},
		"ChainField":  {"a field that no chain has", prose + who + strings.Replace(chain, "selector:", "selectors:", 1), `unknown field "selectors"`},
		"Kind":        {"a kind of template that there is not", prose + who + strings.Replace(chain, "kind: ClusterTemplate\n", "kind: ClusterTemplat\n", 1), "document 1: no such template kind [ClusterTemplat]"},
		"Fault":       {"a fault of another form", prose + who + "-- faults.txt --\nrefuse create configmaps/x\n", `"refuse create configmaps/x" is not of the form`},
		"FaultNoText": {"a fault without a why", prose + who + "-- faults.txt --\ndeny create configmaps/x\n", `is not of the form`},
		"Object":      {"an object without a kind", prose + who + "-- observed/objects.yaml --\nmetadata: {name: x}\n", "Object 'Kind' is missing"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := story.Load([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: err = %v, want %q", c.why, err, c.want)
			}
		})
	}
}

// TestLoadFillsIn: what only an API server knows need not be made up.
func TestLoadFillsIn(t *testing.T) {
	s, err := story.Load([]byte(prose + strings.Replace(who, "namespace: dev, uid: u-1, ", "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if s.Owner.GetNamespace() != "default" || s.Owner.GetUID() == "" {
		t.Errorf("namespace %q, uid %q; want both", s.Owner.GetNamespace(), s.Owner.GetUID())
	}
}

func check(t *testing.T, text string) []string {
	t.Helper()
	s, err := story.Load([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	told, err := s.Tell(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Check(told)
}

// rewritten is the story with what was told as what is wanted.
func rewritten(t *testing.T, text string) string {
	t.Helper()
	s, err := story.Load([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	told, err := s.Tell(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return string(s.Rewrite(told))
}

// What happened and was not listed fails a story, whatever it is.
func TestCheckIsStrict(t *testing.T) {
	whole := rewritten(t, prose+chain+who)
	if wrong := check(t, whole); len(wrong) > 0 {
		t.Fatalf("rewritten, it still fails: %v", wrong)
	}
	if again := rewritten(t, whole); again != whole {
		t.Errorf("rewritten twice, it changed:\n%s", again)
	}
	cases := map[string]struct{ why, from, to, want string }{
		"Write":     {"a write that is not listed", "-- want/writes.txt --\ncreate configmaps/only\n", "", "want/writes.txt"},
		"Event":     {"an event that is not listed", "StampedObjectApplied: Created object [configmaps/only]\n", "", "want/events.txt"},
		"Field":     {"a field that is not listed", "data: {a: b}\n-- want", "-- want", "want/objects.yaml"},
		"Time":      {"another time", "2024-01-01T12:00:00Z", "2024-01-01T12:00:01Z", "want/status.yaml"},
		"Fault":     {"a fault that did not happen", "-- want/writes.txt --", "-- want/fault.txt --\ndeny\n-- want/writes.txt --", "want/fault.txt"},
		"Duplicate": {"YAML that says a thing twice", "supplyChainRef:", "supplyChainRef: {}\nsupplyChainRef:", "reading want/status.yaml"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(whole, c.from) {
				t.Fatalf("%q is not in the story:\n%s", c.from, whole)
			}
			wrong := check(t, strings.Replace(whole, c.from, c.to, 1))
			if len(wrong) != 1 || !strings.HasPrefix(wrong[0], c.want) {
				t.Errorf("%s: %q, want one about %s", c.why, wrong, c.want)
			}
		})
	}
}

// YAML is compared by what it means: how it is laid out is the reader's business.
func TestCheckReadsYAML(t *testing.T) {
	whole := rewritten(t, prose+chain+who)
	if wrong := check(t, strings.Replace(whole, "supplyChainRef: {kind: ClusterSupplyChain, name: web}", "supplyChainRef:\n  name: \"web\"\n  kind: ClusterSupplyChain", 1)); len(wrong) > 0 {
		t.Error(wrong)
	}
}
