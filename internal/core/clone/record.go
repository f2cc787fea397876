// SPDX-License-Identifier: Apache-2.0

package clone

import "strings"

// RecordName is the name of the ClonedImage of an original and its copy: readable, and no other's.
func RecordName(origin, copied string) string {
	name, _, _ := strings.Cut(origin, "@")
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, name[strings.LastIndexByte(name, '/')+1:])
	name = strings.Trim(name[:min(len(name), 50)], "-")
	return name + "-" + short(origin+" "+copied)
}
