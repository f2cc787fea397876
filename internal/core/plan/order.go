// SPDX-License-Identifier: Apache-2.0

package plan

import "rhumb.run/rhumb/internal/core/blueprint"

// order puts producers before consumers and otherwise keeps the order in which
// the resources were written. Resources on a cycle, which admission refuses,
// come last as they were written: none of them ever gets its input.
func order(resources []blueprint.Resource) []int {
	place := make(map[string]int, len(resources))
	for i := range resources {
		place[resources[i].Name] = i
	}
	done := make([]bool, len(resources))
	out := make([]int, 0, len(resources))
	for range resources {
		next := firstFree(resources, place, done)
		if next < 0 {
			break
		}
		done[next] = true
		out = append(out, next)
	}
	for i := range resources {
		if !done[i] {
			out = append(out, i)
		}
	}
	return out
}

func firstFree(resources []blueprint.Resource, place map[string]int, done []bool) int {
	for i := range resources {
		if !done[i] && free(&resources[i], place, done) {
			return i
		}
	}
	return -1
}

func free(r *blueprint.Resource, place map[string]int, done []bool) bool {
	for _, producer := range r.Producers() {
		if at, known := place[producer]; known && !done[at] {
			return false
		}
	}
	return true
}
