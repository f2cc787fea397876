// SPDX-License-Identifier: Apache-2.0

// Package arch keeps the tree in the shape that ARCHITECTURE.md draws.
//
//	tree (fs.FS) ─parse─▶ files ─┬─▶ Arrows   who imports whom, against Layers
//	                             ├─▶ Habits   licence line, package comment, sizes, sleeps
//	                             ├─▶ Purity   clocks, chance and goroutines in the core
//	                             ├─▶ Fronts   registries of tests that nobody watches
//	                             ├─▶ Maps     folders drawn in the documents = folders there are
//	                             └─▶ Links    a relative link leads somewhere
//
// Each check returns what it found as sentences that say how to mend it. The
// checks are tested on planted trees, then run on the real one; so a check that
// sees nothing any more fails too.
//
// It never looks at what code does, and it imports nothing of the project.
package arch
