// SPDX-License-Identifier: Apache-2.0

// Package story runs behaviours that are written down as one file each: prose,
// then what is there, then what is wanted (a txtar archive).
//
//	blueprint.yaml          supply chains and deliveries; one without a status is checked first, as its controller would
//	templates.yaml          templates
//	owner.yaml              the Workload or Deliverable, or the Runnable or Pipeline; its status is what was said of it last
//	observed/objects.yaml   objects that are there before the walk          (optional)
//	observed/status.yaml    what controllers show on objects, once there    (optional)
//	faults.txt              what is refused: deny patch configmaps/x: why; reject use account dev/x: why (optional)
//	want/blueprint.yaml     the status of each blueprint, once it was checked   (told only if the file is there)
//	want/objects.yaml       all objects after the walk
//	want/status.yaml        the owner's status
//	want/events.txt         what is told, in order
//	want/writes.txt         what was written, in order
//	want/fault.txt          what the queue is asked for: wait, reject, deny or retry
//	want/after.txt          when to look again even if nothing happens: 10s
//
//	file ─Load─▶ Story ─Tell─▶ Told ─Check─▶ what differs from what is wanted
//
// A want file that is not there wants nothing: a write or an event that no one
// listed fails the story. Each story is walked twice; the second time, an hour
// later (at once for a runnable: its retries are due in time), nothing may be
// written and the status must be the same.
//
// A story never shows timing or concurrency: those are tests of the parts.
package story
