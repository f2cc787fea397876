// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Toolbox is the image that steps of builds and tests run in: a shell, the
// usual tools, curl, git and kubectl, taken from this machine. It costs neither a
// download nor a compiler, and is as small as what is in it.
const Toolbox = "toolbox"

// tools are the programs of the toolbox. The first is also its sh.
var tools = []string{
	"dash", "bash", "env", "cat", "cp", "mv", "rm", "ls", "ln", "mkdir", "mktemp", "chmod", "chown", "touch", "head", "tail", "sort", "uniq",
	"wc", "tr", "cut", "tee", "date", "sleep", "printf", "echo", "test", "true", "false", "id", "basename", "dirname", "seq", "sha256sum",
	"base64", "grep", "sed", "find", "xargs", "diff", "tar", "gzip", "curl", "git",
}

// library finds the files that ldd names.
var library = regexp.MustCompile(`(/\S+) \(0x[0-9a-f]+\)`)

// ToolboxFiles are the toolbox's content as SRC:DST: programs in /usr/bin and
// in /bin, where scripts look for them, the libraries that they need, and
// kubectl, which is the lab's own program by another name.
func ToolboxFiles(kubectl string) ([]string, error) {
	var missing []string
	sources := map[string]string{} // in the image → on this machine
	for _, t := range tools {
		src, err := exec.LookPath(t)
		if err != nil {
			missing = append(missing, t)
			continue
		}
		sources["/usr/bin/"+t] = src
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("the toolbox needs %s: install what brings them (lab/neighbours/packages.txt)", strings.Join(missing, ", "))
	}
	sources["/bin/sh"], sources["/bin/bash"] = sources["/usr/bin/dash"], sources["/usr/bin/bash"]
	if err := addGit(sources); err != nil {
		return nil, err
	}
	for _, program := range distinct(sources) {
		out, err := exec.Command("ldd", program).Output()
		if err != nil {
			return nil, fmt.Errorf("finding the libraries of %s: %w", program, err)
		}
		for _, m := range library.FindAllStringSubmatch(string(out), -1) {
			sources[m[1]] = m[1]
		}
	}
	sources["/usr/bin/kubectl"] = kubectl
	var out []string
	for dst, src := range sources {
		out = append(out, src+":"+dst)
	}
	slices.Sort(out)
	return out, nil
}

// addGit adds what git runs to speak HTTP, where it looks for it.
func addGit(sources map[string]string) error {
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return fmt.Errorf("asking git where its programs are: %w", err)
	}
	for _, helper := range []string{"git-remote-http", "git-remote-https"} {
		path := filepath.Join(strings.TrimSpace(string(out)), helper)
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return fmt.Errorf("finding %s of git: %w", helper, err)
		}
		sources[path] = real
	}
	return nil
}

func distinct(sources map[string]string) []string {
	var out []string
	for _, src := range sources {
		out = append(out, src)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
