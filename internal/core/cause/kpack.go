// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What kpack and the lifecycle of Cloud Native Buildpacks say, and where they say it.

var builderNotReady = regexp.MustCompile(`^Error: Builder '([^']+)' is not ready in namespace '([^']*)'(?:; Message: (.*))?$`)

// ofBuilder is about the builder, where an Image passes on what that says of itself.
func ofBuilder(s said) (said, finding) {
	m := groups(builderNotReady, s.message)
	if m == nil {
		return s, finding{}
	}
	s.kind, s.namespace = "ClusterBuilder", m[2]
	see := "kubectl describe clusterbuilder.kpack.io " + m[1]
	if s.namespace != "" {
		s.kind, see = "Builder", fmt.Sprintf("kubectl -n %s describe builder.kpack.io %s", s.namespace, m[1])
	}
	by := s.subject
	s.subject, s.message = s.kind+" "+m[1], builderNotReady.FindStringSubmatch(s.message)[3]
	return s, finding{rank: specific, what: fmt.Sprintf("%s, with which %s is built, is not ready", s.subject, by), quote: clean(s.message), fix: "see " + see}
}

// steps of a build that talk to registries, or fetch the source.
var remoteSteps = []string{"prepare", "analyze", "restore", "export", "completion", "rebase"}

// remote is a step of kpack's build pod that a server refused. Its words are in its log, the last of them first.
func (p pod) remote(c container) (finding, bool) {
	if p.Object.GetLabels()["kpack.io/build"] == "" || !slices.Contains(remoteSteps, c.name) {
		return finding{}, false
	}
	for l := range backward(p.Tails[c.name]) {
		s := p.said(strings.TrimPrefix(line(l), "ERROR: "))
		s.kind = "Build"
		f, ok := fetch(s)
		if !ok {
			continue
		}
		f.what = strings.Replace(f.what, p.subject, fmt.Sprintf("%s: %s", p.subject, p.called(c)), 1)
		f.fix = strings.Replace(f.fix, " of "+p.subject, " of "+name(p.root), 1)
		if strings.Contains(l, "failed to get blob") {
			f.fix = "see that whoever serves the source still has it, and that pods of the namespace may reach it"
		}
		f.fix += buildAgain(p.Object.GetNamespace(), p.Object.GetLabels()["kpack.io/build"])
		return f, true
	}
	return finding{}, false
}

var failedBuild = regexp.MustCompile(`Build '([^']+)' in namespace '([^']+)' failed`)

// afterBuild is what else helps where it was a build that failed.
func afterBuild(message string) string {
	if m := groups(failedBuild, message); m != nil {
		return buildAgain(m[2], m[1])
	}
	return ""
}

// buildAgain is what has kpack try again: of a build that failed it takes only another spec for a reason.
func buildAgain(namespace, build string) string {
	return fmt.Sprintf("; then: kubectl -n %s annotate build %s image.kpack.io/additionalBuildNeeded=", namespace, build)
}

// undetected is a source that no buildpack takes.
func (p pod) undetected(c container) (finding, bool) {
	if p.Object.GetLabels()["kpack.io/build"] == "" || c.name != "detect" || !strings.Contains(strings.ToLower(p.Tails[c.name]), "no buildpack") {
		return finding{}, false
	}
	return finding{
		what: p.subject + ": none of the builder's buildpacks takes the source",
		fix:  "check branch and subPath of the source, and the order of the builder; read more with " + p.logs(c.name, false),
	}, true
}

// diagnostic is how compilers, and interpreters that cannot read a file, name a place in it.
var diagnostic = regexp.MustCompile(`(?:^|[\s'"(])[\w@./+-]*[\w-]\.(?:go|java|kt|kts|scala|groovy|rs|c|cc|cpp|h|ts|tsx|js|jsx|mjs|cjs|rb|py|cs|fs|swift|php|ex|hs)(?::\[?\d+|\(\d+,\d+\))`)

// firstDiagnostic is the first line of a log that says what is wrong in a file, -1 if none does. Lines of a stack say
// where, not what.
func firstDiagnostic(lines []string) int {
	return slices.IndexFunc(lines, func(l string) bool {
		return diagnostic.MatchString(l) && !strings.HasPrefix(l, "at ") && !strings.HasPrefix(l, "from ")
	})
}

// backward are the lines of a log, the last one first.
func backward(log string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, l := range slices.Backward(strings.Split(log, "\n")) {
			if strings.TrimSpace(l) != "" && !yield(l) {
				return
			}
		}
	}
}
