/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults asked for by a test, each for the next so many requests whose path matches.
 */
#ifndef HS_FAULT_H
#define HS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum hs_fault_kind {
	HS_FAULT_DROP,  /* do what was asked, then close the connection without an answer */
	HS_FAULT_LIMIT, /* 429 with Retry-After; nothing is done */
	HS_FAULT_ERROR, /* a status of 5xx (or any other); nothing is done */
	HS_FAULT_KINDS,
};

struct hs_fault {
	uint64_t left;
	uint64_t skip;   /* let so many matching requests pass first */
	uint64_t taken;  /* how often it struck */
	char match[128]; /* part of the path; "" matches message sends and redactions */
	int64_t retry_after_ms;
	int status;
};

struct hs_faults {
	struct hs_fault of[HS_FAULT_KINDS];
};

/* The fault that strikes this request, counted off, or NULL. */
const struct hs_fault *hs_fault_take(
	struct hs_faults *faults, enum hs_fault_kind kind, const char *method, const char *path);

#endif
