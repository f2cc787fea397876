// SPDX-License-Identifier: Apache-2.0

// Package component holds the programs of a cluster in one: the lab starts
// itself again under another name for each of them.
//
//	rhumb-lab ──exec──▶ rhumb-lab exec-component kube-apiserver --flags…
//	kubectl ─symlink──▶ rhumb-lab
//
// It only dispatches; flags come from package render, processes from package
// process.
package component
