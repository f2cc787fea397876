// SPDX-License-Identifier: Apache-2.0

// Package contract is what a registry has to do for us, as a suite that runs against any: one in memory, and the one that
// most people run.
//
//	Run(t, start) ──push──▶ Front ──▶ a registry      records, asks for logins, misbehaves when told to;
//	     └──Client, Exporter──▶┘                    fails the test that shows it a credential of another front
//
// It holds tests and their front only; nothing of it is shipped.
package contract
