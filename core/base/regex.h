/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions (PCRE2, UTF-8) with limits, so that no pattern and no text can take long. */
#ifndef TRESTLE_BASE_REGEX_H
#define TRESTLE_BASE_REGEX_H

#include "core/base/error.h"
#include "core/base/str.h"

struct tr_regex;

/* NULL with *error (position and reason) when the pattern is bad. */
struct tr_regex *tr_regex_create(struct tr_str pattern, struct tr_error *error);
void tr_regex_destroy(struct tr_regex *regex);
/* Whether the pattern matches anywhere in `text` (anchor it to match the whole). A match that
 * exceeds the limits is logged and does not match. */
bool tr_regex_matches(const struct tr_regex *regex, struct tr_str text);

#endif
