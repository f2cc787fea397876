// SPDX-License-Identifier: Apache-2.0

package arch

import "strings"

// Module is the path of the root module.
const Module = "rhumb.run/rhumb"

// Layer is a set of folders with one rule about what they may import.
type Layer struct {
	Name string
	// Dirs are the folders of the layer, each with all below it.
	Dirs []string
	// May names the layers whose packages it imports.
	May []string
	// Peers says whether two folders of Dirs (or two children of one, where
	// Dirs is a single parent) may import each other.
	Peers bool
	// Libs, if set, are the only modules from outside that it may import.
	Libs []string
	// Never are imports, of the standard library too, that it must not have.
	Never []string
	// Why is told to whoever breaks the rule.
	Why string
}

// pure is what no code without input and output has a use for.
var pure = []string{
	"crypto/rand", "log", "log/slog", "math/rand", "net", "net/http", "os", "os/exec", "os/signal", "syscall", "testing",
}

// coreLibs compute; none of them opens a connection or a file.
var coreLibs = []string{
	"cel.dev/cel-go",
	"github.com/pmezard/go-difflib",
	"go.yaml.in/yaml/v3",
	"k8s.io/api",
	"k8s.io/apimachinery",
	"k8s.io/client-go/util/jsonpath",
	"sigs.k8s.io/yaml",
}

// Adapters are the folders that touch the world, each its own corner of it.
var Adapters = []string{
	"internal/admission",
	"internal/archive",
	"internal/artifact",
	"internal/cluster",
	"internal/git",
	"internal/kube",
	"internal/registry",
	"internal/store",
	"internal/upload",
	"internal/web",
	"internal/ytt",
}

// Layers is the picture of ARCHITECTURE.md as data, from the bottom up.
var Layers = []Layer{
	{
		Name: "api", Dirs: []string{"api"}, Peers: true,
		Libs:  []string{"k8s.io/api", "k8s.io/apimachinery"},
		Never: pure,
		Why:   "others import our types: whatever api needs, everyone who uses it must build",
	},
	{
		Name: "fault", Dirs: []string{"internal/fault"}, May: []string{"api"}, Libs: coreLibs, Never: pure,
		Why: "what an error asks of the loop is a word that every layer can say",
	},
	{
		Name: "core", Dirs: []string{"internal/core"}, May: []string{"api", "fault"}, Peers: true, Libs: coreLibs, Never: pure,
		Why: "the same walk runs in a cluster, in a test and on paper: IO and time arrive as arguments",
	},
	{
		Name: "config", Dirs: []string{"config"}, May: []string{"api"}, Peers: true,
		Why: "what a cluster is given is made of the types alone",
	},
	{
		Name: "loop", Dirs: []string{"internal/loop"}, May: []string{"api", "fault", "core"},
		Why: "the shape of a Reconcile knows no story and no adapter",
	},
	{
		Name: "controller", Dirs: []string{"internal/controller"}, May: []string{"api", "fault", "core", "loop"},
		Why: "a story declares the port that it needs; cmd hands it the adapter that fits",
	},
	{
		Name: "adapter", Dirs: Adapters, May: []string{"api", "fault", "core"},
		Why: "an adapter is a peer: what two of them share belongs to core, what joins them to cmd",
	},
	{
		Name: "offline", Dirs: []string{"internal/lint", "internal/memory", "internal/paper", "internal/preview", "internal/story", "internal/suite"},
		May: []string{"api", "config", "fault", "core"}, Peers: true,
		Why: "what works without a cluster has none to reach: engines and files are handed in by cmd",
	},
	{
		Name: "cmd", Dirs: []string{"cmd"}, May: []string{"api", "fault", "core", "loop", "controller", "adapter", "offline", "config"},
		Why: "wiring sees both sides, and is the only place that does",
	},
	{
		Name: "testkit", Dirs: []string{"internal/testkit"}, May: []string{"api", "config", "fault", "core", "loop", "offline"}, Peers: true,
		Why: "what stands where an adapter would may know what an adapter knows",
	},
	{
		Name: "arch", Dirs: []string{"internal/arch"},
		Why: "who checks the tree must not hang in it",
	},
	{
		Name: "test", Dirs: []string{"test"}, May: []string{"api", "config"}, Peers: true,
		Why: "journeys and benchmarks see what a user sees: binaries, YAML and the API",
	},
	{
		Name: "examples", Dirs: []string{"examples"}, Libs: []string{},
		Why: "an example is read before it is run: the standard library is enough",
	},
}

// layerOf finds the layer of a folder, and the part of it that counts as one
// peer: internal/kube for an adapter, internal/controller/owner for a story.
func layerOf(dir string) (layer *Layer, peer string) {
	for i := range Layers {
		l := &Layers[i]
		for _, d := range l.Dirs {
			if !under(dir, d) {
				continue
			}
			if len(l.Dirs) > 1 || dir == d {
				return l, d
			}
			first, _, _ := strings.Cut(strings.TrimPrefix(dir, d+"/"), "/")
			return l, d + "/" + first
		}
	}
	return nil, ""
}

// under says whether path is root or lies below it.
func under(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

func underAny(path string, roots []string) bool {
	for _, r := range roots {
		if under(path, r) {
			return true
		}
	}
	return false
}
