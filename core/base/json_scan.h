/* SPDX-License-Identifier: Apache-2.0 */
/* The strict look at JSON text before the library parses it. Internal to core/base/json*.c. */
#ifndef TRESTLE_BASE_JSON_SCAN_H
#define TRESTLE_BASE_JSON_SCAN_H

#include "core/base/buf.h"
#include "core/base/error.h"

/* A string that starts with this byte in the rewritten text is a number to keep by its digits. No
 * other string can: the byte is not UTF-8, and no escape makes it. */
#define TR_JSON_RAW_MARK '\xff'

struct tr_json_scan {
	/* Empty when the text can be parsed as it came, else what to parse in its stead. */
	struct tr_buf rewritten;
	bool has_raw_numbers;
};

/* How many bytes at the front are printable ASCII other than '"' and '\\'. */
size_t tr_json_plain_length(struct tr_str text);

/* Checks `text` in full (UTF-8, grammar, caps) and rewrites what the library would get wrong: NUL
 * and lone surrogates in strings become U+FFFD, numbers it cannot hold become marked strings. 0 or
 * a negative code with *error. The caller finishes scan->rewritten in both cases. */
int tr_json_scan(struct tr_str text, struct tr_json_scan *scan, struct tr_error *error);

#endif
