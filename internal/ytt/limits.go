// SPDX-License-Identifier: Apache-2.0

package ytt

import "time"

// Limits bound what one template may ask for. What a template does within
// them is its own affair, and its owner's.
type Limits struct {
	// Time is how long one evaluation may take.
	Time time.Duration
	// Memory is what a helper may hold, in bytes; Stack what its deepest recursion may take of it.
	Memory, Stack int
	// Text, Input and Output bound the template, its data and the object it makes, in bytes.
	Text, Input, Output int
	// Depth is how deep an object may be nested.
	Depth int
	// Message is how much of an error is told, in bytes.
	Message int
}

// DefaultLimits are far beyond any honest template.
var DefaultLimits = Limits{
	Time:    4 * time.Second,
	Memory:  256 << 20,
	Stack:   16 << 20,
	Text:    1 << 20,
	Input:   10 << 20,
	Output:  10 << 20,
	Depth:   100,
	Message: 4 << 10,
}

// maxInputDepth is what data may have: the API server takes no object that is deeper.
const maxInputDepth = 10000
