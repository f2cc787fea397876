// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"golang.org/x/tools/txtar"

	"rhumb.run/rhumb/internal/lint"
)

const page = "../../docs/reference/cli.md"

var consoleBlock = regexp.MustCompile("(?ms)^```console\n(.*?)^```")

// shell runs what the documentation shows, in a folder that has the examples.
type shell struct {
	code int
}

func newShell(t *testing.T) *shell {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS("../../examples")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	return &shell{}
}

// run answers a command; shown is the answer that is written down, which is
// what cat writes into its file.
func (s *shell) run(t *testing.T, command, shown string) string {
	t.Helper()
	words := strings.Fields(strings.ReplaceAll(command, `"`, ""))
	switch {
	case words[0] == "cat":
		if err := os.MkdirAll(filepath.Dir(words[1]), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(words[1], []byte(shown), 0o644); err != nil {
			t.Fatal(err)
		}
		return shown
	case command == "echo $?":
		return strconv.Itoa(s.code) + "\n"
	case filepath.Base(words[0]) == "rhumb":
		var out bytes.Buffer
		s.code = run(t.Context(), &streams{strings.NewReader(""), &out, &out}, words)
		return out.String()
	}
	t.Fatalf("nobody can try %q here", command)
	return ""
}

// What the page shows is what is printed: with -update, it is written there.
func TestReferenceShowsWhatIsPrinted(t *testing.T) {
	path, err := filepath.Abs(page)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := newShell(t)
	tried := 0
	now := consoleBlock.ReplaceAllStringFunc(string(text), func(block string) string {
		var out strings.Builder
		for part := range strings.SplitSeq("\n"+consoleBlock.FindStringSubmatch(block)[1], "\n$ ") {
			command, shown, _ := strings.Cut(part, "\n")
			if strings.TrimSpace(command) == "" {
				continue
			}
			tried++
			if !strings.HasSuffix(shown, "\n") && shown != "" {
				shown += "\n"
			}
			out.WriteString("$ " + command + "\n" + s.run(t, command, shown))
		}
		return "```console\n" + out.String() + "```"
	})
	switch {
	case tried < 10:
		t.Errorf("only %d commands are shown", tried)
	case *update:
		if err := os.WriteFile(path, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	case now != string(text):
		t.Errorf("docs/reference/cli.md shows something else than what is printed: read what -update changes. Now it is:\n%s", now)
	}
}

// What the page shows of get is what is shown of these facts.
func TestReferenceShowsGet(t *testing.T) {
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	golden, err := txtar.ParseFile("../../internal/core/view/testdata/get.txtar")
	if err != nil {
		t.Fatal(err)
	}
	shown, _, _ := strings.Cut(string(golden.Files[len(golden.Files)-1].Data), "To see logs")
	if !strings.Contains(string(raw), "$ rhumb workload get shop\n"+shown) {
		t.Errorf("docs/reference/cli.md shows something else than:\n%s", shown)
	}
}

// Every command, every flag and every rule is on the page.
func TestReferenceHasEverything(t *testing.T) {
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, cmd := range newRoot(&streams{}, "rhumb").Commands() {
		if cmd.Hidden || cmd.Name() == "help" || cmd.Name() == "completion" {
			continue
		}
		if !strings.Contains(text, "\n## rhumb "+cmd.Name()+"\n") {
			t.Errorf("there is nothing about %s", cmd.Name())
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) { everyFlag(t, text, "## rhumb "+cmd.Name(), f) })
		for _, verb := range cmd.Commands() {
			heading := "### rhumb " + cmd.Name() + " " + verb.Name()
			if !strings.Contains(text, "\n"+heading+"\n") {
				t.Errorf("there is nothing about %s %s", cmd.Name(), verb.Name())
			}
			verb.Flags().VisitAll(func(f *pflag.Flag) { everyFlag(t, text, heading, f) })
		}
	}
	for _, rule := range ruleNames() {
		if !strings.Contains(text, "| `"+rule+"` |") {
			t.Errorf("there is nothing about the rule %s", rule)
		}
	}
}

// everyFlag looks for a flag below a heading. What several verbs have is told
// once: of all at the noun (the chains' at workload), and those of create at apply, which it names.
func everyFlag(t *testing.T, text, heading string, f *pflag.Flag) {
	t.Helper()
	about := below(text, heading)
	if noun, isVerb := strings.CutPrefix(heading, "###"); isVerb {
		of := "workload"
		if strings.HasPrefix(noun, " rhumb images ") {
			of = "images"
		}
		all, _, _ := strings.Cut(below(text, "## rhumb "+of), "\n### ")
		about += all
		if noun == " rhumb workload create" {
			about += below(text, "### rhumb workload apply")
		}
	}
	if f.Name != "help" && !strings.Contains(about, "`--"+f.Name) {
		t.Errorf("there is nothing about --%s at %s", f.Name, heading)
	}
}

// below is the text from a heading to the next of its level or above.
func below(text, heading string) string {
	_, about, _ := strings.Cut(text, "\n"+heading+"\n")
	about, _, _ = strings.Cut(about, "\n## ")
	if strings.HasPrefix(heading, "###") {
		about, _, _ = strings.Cut(about, "\n### ")
	}
	return about
}

// What the README tells to type works as it stands.
func TestReadmeCommands(t *testing.T) {
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	s := newShell(t)
	tried := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		command, ok := strings.CutPrefix(line, "    bin/rhumb ")
		if !ok {
			continue
		}
		command, _, _ = strings.Cut(command, " #")
		out := s.run(t, "rhumb "+command, "")
		if s.code != 0 {
			t.Errorf("rhumb %s: exit code %d: %s", strings.TrimSpace(command), s.code, out)
		}
		tried[strings.Fields(command)[0]] = true
	}
	for _, command := range []string{"render", "test", "lint"} {
		if !tried[command] {
			t.Errorf("the README does not show rhumb %s", command)
		}
	}
}

func ruleNames() []string {
	var out []string
	for _, r := range lint.Rules {
		out = append(out, r.ID)
	}
	return out
}
