// SPDX-License-Identifier: Apache-2.0

// Package config holds what a cluster is given before the controller can work:
// the definitions of the kinds, rights, rules and the installation itself. All
// of it is YAML; tests and programs that need the kinds read it from here.
//
//	crd/        generated: config/gen, from the types in api/
//	admission/  by hand: rules about values of any type, which a definition cannot express
//	rbac/       by hand: what the controller may do, and what users may
//	install/    by hand: namespace, Deployment, Services, the webhook
//	ootb/       by hand: supply chains to start with, for kubectl apply -k
//
// The package never changes what it reads.
package config
