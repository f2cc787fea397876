// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Layout is the data directory of one lab.
type Layout struct {
	Root string
}

// Lock is held for as long as a supervisor runs; it contains its process id.
func (l Layout) Lock() string { return filepath.Join(l.Root, "lock") }

// Settings holds what the last "up" was asked for.
func (l Layout) Settings() string { return filepath.Join(l.Root, "settings.json") }

// Kubeconfig is the administrator's, for use on the machine.
func (l Layout) Kubeconfig() string { return filepath.Join(l.Root, "kubeconfig") }

// InsideKubeconfig is the administrator's, for use inside the namespaces.
func (l Layout) InsideKubeconfig() string { return l.Etc("admin.kubeconfig") }

// PKI is a file among keys and certificates.
func (l Layout) PKI(file string) string { return filepath.Join(l.Root, "pki", file) }

// Etc is a configuration file rendered by every start.
func (l Layout) Etc(file string) string { return filepath.Join(l.Root, "etc", file) }

// State is the directory of a component that a restart keeps.
func (l Layout) State(component string) string { return filepath.Join(l.Root, component) }

// Log is the file that a component's output goes to.
func (l Layout) Log(component string) string { return filepath.Join(l.Root, "logs", component+".log") }

// Logs is the directory of all logs.
func (l Layout) Logs() string { return filepath.Join(l.Root, "logs") }

// Run is a file that is worth nothing once the lab is down: sockets, mostly.
func (l Layout) Run(file string) string { return filepath.Join(l.Root, "run", file) }

// Control is the socket on which a running lab answers.
func (l Layout) Control() string { return l.Run("control.sock") }

// Forward is the socket of the n-th forwarded port.
func (l Layout) Forward(n int) string { return l.Run(fmt.Sprintf("forward-%d.sock", n)) }

// GitPassword holds the password of the one who may push to the git server.
func (l Layout) GitPassword() string { return filepath.Join(l.Root, "git", "password") }

// GitRepositories is the directory of what was pushed to the git server.
func (l Layout) GitRepositories() string { return filepath.Join(l.Root, "git", "repositories") }

// GitSecret holds what notifications of pushes to the git server are signed
// with, if they are.
func (l Layout) GitSecret() string { return filepath.Join(l.Root, "git", "notify-secret") }

// RegistryPassword holds the password of the one who may push to the registry
// under its outside names.
func (l Layout) RegistryPassword() string { return filepath.Join(l.Root, "registry", "password") }

// HubPassword holds the password of the one who may push to the hub.
func (l Layout) HubPassword() string { return filepath.Join(l.Root, "hub", "password") }

// HubImages is the directory of what was pushed to the hub.
func (l Layout) HubImages() string { return filepath.Join(l.Root, "hub", "images") }

// HubSocket is where the hub listens to whoever runs the lab.
func (l Layout) HubSocket() string { return l.Run("hub.sock") }

// Authorities is a bundle of whom the lab's images trust: the machine's
// authorities and the lab's own.
func (l Layout) Authorities() string { return l.PKI("authorities.crt") }

// Dirs lists the directories to make before anything is written.
func (l Layout) Dirs() []string {
	return []string{
		l.Root, l.State("pki"), l.State("etcd"), l.State("etc"), l.State("run"), l.State("logs"),
		l.State("registry"), l.State("containerd"), l.State("kubelet"), l.State("pods"), l.State("volumes"),
		l.Etc("cni"), l.Etc("hosts"), l.Run("tmp"),
	}
}

// Default is the data directory used when none is named: $RHUMB_LAB_DIR, then
// $XDG_DATA_HOME/rhumb-lab, then ~/.local/share/rhumb-lab. A lab with a name
// of its own gets a directory of its own beside it.
func Default(getenv func(string) string, name string) (string, error) {
	dir := getenv("RHUMB_LAB_DIR")
	if dir == "" {
		base := getenv("XDG_DATA_HOME")
		if base == "" {
			home := getenv("HOME")
			if home == "" {
				return "", errors.New("no home directory is known: name a data directory with --data-dir or RHUMB_LAB_DIR")
			}
			base = filepath.Join(home, ".local", "share")
		}
		dir = filepath.Join(base, "rhumb-lab")
	}
	if name != "" {
		dir += "-" + name
	}
	return filepath.Abs(dir)
}

var notInNames = regexp.MustCompile(`[^a-z0-9-]+`)

// Name derives a lab's name from its data directory: short, fit for a cgroup
// and different for different directories.
func Name(root string) string {
	sum := sha256.Sum256([]byte(root))
	base := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(filepath.Base(root)), "-"), "-")
	if len(base) > 20 {
		base = base[:20]
	}
	return strings.Trim(base+"-"+hex.EncodeToString(sum[:3]), "-")
}

// Exists says whether a lab was ever started here.
func (l Layout) Exists() bool {
	_, err := os.Stat(l.Settings())
	return err == nil
}
