// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

func newImages(io *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "images",
		Aliases: []string{"image", "img"},
		Short:   "See, copy, verify, carry and restore the images of a cluster",
		Long: `images copies images whole, every platform under the same digest: to another
registry, into a folder or a tar, and out of it where no network leads. Logins are
those of docker and podman, and of the cloud that a registry belongs to.`,
		Args: exactly(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newImagesList(io), newPlan(io), newCopy(io), newVerify(io), newExport(io), newImport(io), newRestore(io))
	return cmd
}

// reach is how registries are reached.
type reach struct{ config string }

func (r *reach) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.config, "registries-config", "", "a file that says how registries are reached (mirrors, plain HTTP, CA), see docs/reference/registries.md")
}

// client asks registries as this person does. Those that a person names may be on this machine, where no TLS is expected of
// them; all else is as the file says.
func (r *reach) client(named []string, more ...registry.Host) (*registry.Client, error) {
	hosts := more
	said := map[string]bool{}
	if r.config != "" {
		file, err := registry.LoadConfig(r.config)
		if err != nil {
			return nil, fmt.Errorf("--registries-config: %w", err)
		}
		hosts = append(hosts, file...)
	}
	for _, h := range hosts {
		said[h.Host] = true
	}
	for _, h := range named {
		if !said[h] {
			said[h] = true
			hosts = append(hosts, registry.Host{Host: h, PlainHTTP: onThisMachine(h)})
		}
	}
	all := registry.NewHosts()
	all.SetFile(hosts)
	keys, err := registry.NewAmbient(registry.Keychains...)
	if err != nil {
		return nil, err
	}
	return registry.NewClient(registry.Options{Hosts: all, Keychain: keys}), nil
}

// onThisMachine says of a registry's name whether it can be no other machine's.
func onThisMachine(host string) bool {
	name := host
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		name = host[:i]
	}
	return name == "localhost" || strings.HasPrefix(name, "127.") || name == "[::1]"
}

// hostsOf are the registries of images.
func hostsOf(refs ...image.Ref) []string {
	var out []string
	for _, r := range refs {
		out = append(out, r.Host)
	}
	return out
}

// parseImage reads an image that a person names.
func parseImage(s string) (image.Ref, error) {
	r, err := image.Parse(s)
	if err != nil {
		return r, &usageError{err}
	}
	return r, nil
}

// registryOnly says of a target whether it names no repository: a host, or a path that ends in a slash.
func registryOnly(s string) bool {
	if strings.HasSuffix(s, "/") {
		return true
	}
	host, port, _ := strings.Cut(s, ":")
	return !strings.Contains(s, "/") && (strings.ContainsAny(host, ".[") || host == "localhost" || port != "" && strings.Trim(port, "0123456789") == "")
}

// naming is how copies are called where nobody says.
type naming struct{ way string }

var namings = []string{string(clone.Flat), string(clone.HostPath), string(clone.Hashed)}

func (n *naming) flags(cmd *cobra.Command, fallback clone.Naming) {
	cmd.Flags().StringVar(&n.way, "naming", string(fallback),
		"the repository of a copy: Flat (nginx, quay.io/team/app), HostPath (docker.io/library/nginx) or Hashed (nginx-0a1b2c3d4e5f)")
	if err := cmd.RegisterFlagCompletionFunc("naming", cobra.FixedCompletions(namings, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is not there: a mistake in this program
	}
}

// target is a registry with or without a path.
func (n *naming) target(s string) (clone.Target, error) {
	if err := oneOf("--naming", n.way, namings...); err != nil {
		return clone.Target{}, err
	}
	t, err := clone.ParseTarget(strings.TrimSuffix(s, "/"))
	if err != nil {
		return t, &usageError{err}
	}
	t.Naming = clone.Naming(n.way)
	return t, nil
}

// explained is what a registry's failure asks of a person.
func explained(err error, of image.Ref) string {
	side := ""
	if copied, ok := errors.AsType[*registry.CopyFailure](err); ok {
		if side = "target: "; copied.Source {
			side = "source: "
		}
		err = copied.Failure
	}
	f, ok := errors.AsType[*image.Failure](err)
	if !ok {
		return err.Error()
	}
	fix := f.Fix
	switch f.Reason {
	case image.ReasonUnreachable:
		fix = "check that it is up, or say in a registries file (--registries-config) how " + of.Host + " is reached from here"
	case image.ReasonUnauthorized:
		fix = "log in with 'docker login " + of.Host + "', as somebody who may do that"
	case image.ReasonNotFound, image.ReasonSourceNotFound:
		fix = "correct the name, or push it first"
	case image.ReasonThrottled, image.ReasonQuotaExceeded:
		fix = "wait, or log in with 'docker login " + of.Host + "' for a higher limit"
		if f.After > 0 {
			fix = fmt.Sprintf("try again in %s, or log in for a higher limit", f.After.Round(time.Second))
		}
	case image.ReasonPushRejected:
		if f.Code == http.StatusNotFound && fix != "" {
			fix = "make the repository there first"
		}
	case image.ReasonDrifted:
		fix = "--overwrite moves the tag"
	}
	return side + f.Detail + "; " + fix
}
