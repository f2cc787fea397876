// SPDX-License-Identifier: Apache-2.0

// Package contract is what a registry has to do for us, as a suite that runs against any: one in memory, and the one that
// most people run.
//
//	Run(t, start) ──push──▶ Front ──▶ a registry
//	     └──Client, Exporter──▶┘ counts, and can be told to misbehave
//
// It holds tests and their front only; nothing of it is shipped.
package contract
