/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements fault.h.
 */
#include "tests/support/homeserver/fault.h"

#include <stddef.h>
#include <string.h>

static bool matches(const struct hs_fault *fault, const char *method, const char *path)
{
	if (fault->match[0]) {
		return strstr(path, fault->match) != NULL;
	}
	return strcmp(method, "PUT") == 0 && (strstr(path, "/send/") || strstr(path, "/redact/"));
}

const struct hs_fault *hs_fault_take(
	struct hs_faults *faults, enum hs_fault_kind kind, const char *method, const char *path)
{
	struct hs_fault *fault = &faults->of[kind];
	if (fault->left == 0 || !matches(fault, method, path)) {
		return NULL;
	}
	if (fault->skip > 0) {
		fault->skip--;
		return NULL;
	}
	fault->left--;
	fault->taken++;
	return fault;
}
