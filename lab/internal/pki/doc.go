// SPDX-License-Identifier: Apache-2.0

// Package pki makes the keys and certificates of a lab and keeps them.
//
//	ca ──▶ apiserver, kubelet (serving)     ca ──▶ admin, kubelet, scheduler, … (clients)
//	front-proxy-ca ──▶ front-proxy-client   sa.key, sa.pub: service account tokens
//
// What exists and still fits is left alone, so that kubeconfigs and tokens
// outlive a restart. It never talks to a cluster.
package pki
