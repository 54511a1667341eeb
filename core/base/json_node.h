/* SPDX-License-Identifier: Apache-2.0 */
/* A struct tr_json is the library's node under a name of ours. Internal to core/base/json*.c: no
 * other file sees the library. */
#ifndef TRESTLE_BASE_JSON_NODE_H
#define TRESTLE_BASE_JSON_NODE_H

#include "core/base/json.h"

#include <cJSON.h>

/* Whole numbers up to this are exact in a double. */
#define TR_JSON_EXACT_MAX 9007199254740992.0

static inline cJSON *tr_json_node(const struct tr_json *value)
{
	return (cJSON *)(uintptr_t)value;
}

static inline struct tr_json *tr_json_from_node(cJSON *node)
{
	return (struct tr_json *)node;
}

#endif
