// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"fmt"
	"regexp"
	"strings"

	"rhumb.run/rhumb/internal/core/image"
)

// Globs choose images by their full name, host and tag included: docker.io/library/nginx:1.21. The zero value takes all.
type Globs struct{ include, exclude []*regexp.Regexp }

// ParseGlobs reads patterns: * stands for what has no slash, ** for anything, ? for one character. One without tag and digest
// takes every tag and digest.
func ParseGlobs(include, exclude []string) (Globs, error) {
	var g Globs
	var err error
	if g.include, err = compiled("include", include); err != nil {
		return Globs{}, err
	}
	g.exclude, err = compiled("exclude", exclude)
	return g, err
}

func compiled(field string, patterns []string) ([]*regexp.Regexp, error) {
	var out []*regexp.Regexp
	for i, p := range patterns {
		re, err := glob(p)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", field, i, err)
		}
		out = append(out, re)
	}
	return out, nil
}

const globbed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/_-@*?[]"

func glob(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, fmt.Errorf("an empty pattern matches nothing: want one such as docker.io/** or **:latest")
	}
	if at := strings.IndexFunc(pattern, func(r rune) bool { return !strings.ContainsRune(globbed, r) }); at >= 0 {
		return nil, fmt.Errorf("%q has %q, which is in no image's name: want a pattern such as docker.io/** or **:latest", pattern, pattern[at:at+1])
	}
	if strings.Contains(pattern, "***") {
		return nil, fmt.Errorf("%q has more than two stars in a row", pattern)
	}
	quoted := regexp.QuoteMeta(pattern)
	tags := ""
	if !strings.ContainsAny(pattern[strings.LastIndexByte(pattern, '/')+1:], ":@") {
		tags = "([:@].*)?"
	}
	return regexp.Compile("^" + strings.NewReplacer(`\*\*`, ".*", `\*`, "[^/]*", `\?`, "[^/]").Replace(quoted) + tags + "$")
}

// Take reports whether an image is chosen.
func (g Globs) Take(ref image.Ref) bool {
	name := FullName(ref)
	return (len(g.include) == 0 || anyOf(g.include, name)) && !anyOf(g.exclude, name)
}

func anyOf(patterns []*regexp.Regexp, name string) bool {
	for _, p := range patterns {
		if p.MatchString(name) {
			return true
		}
	}
	return false
}

// FullName is an image's one name: with its host, its whole path, and its tag or digest.
func FullName(ref image.Ref) string {
	name := ref.Host + "/" + ref.Repository
	if ref.Tag != "" {
		name += ":" + ref.Tag
	}
	if ref.Digest != "" {
		name += "@" + ref.Digest
	}
	return name
}
