/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCRE2 with three limits: on the pattern, on the steps of one attempt, and on the time of a whole
 * search. The library counts steps anew at every start position, so a search goes in windows of
 * start positions and looks at the time between them.
 */
#include "core/base/regex.h"

#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/log.h"

#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
	PATTERN_MAX = 8192,
	NEST_MAX = 50,
	STEPS_MAX = 10000, /* of one attempt at one start position */
	DEPTH_MAX = 1000,
	HEAP_MAX_KIB = 4096,
	WINDOW = 128, /* start positions between two looks at the clock */
	SEARCH_MAX_MS = 50,
};

struct tr_regex {
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

static pcre2_code *compile(struct tr_str pattern, struct tr_error *error)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	char *text = tr_str_dup(pattern);
	PCRE2_UCHAR reason[120];
	PCRE2_SIZE position;
	pcre2_code *code;
	int number;

	TR_ASSERT(context);
	pcre2_set_parens_nest_limit(context, NEST_MAX);
	code = pcre2_compile((PCRE2_SPTR)text, pattern.len,
		PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT, &number, &position,
		context);
	pcre2_compile_context_free(context);
	tr_free(text);
	if (!code) {
		pcre2_get_error_message(number, reason, sizeof(reason));
		tr_error_set(error, TR_E_INVALID,
			"the regular expression is wrong at position %zu: %s", position,
			(const char *)reason);
	}
	return code;
}

struct tr_regex *tr_regex_create(struct tr_str pattern, struct tr_error *error)
{
	struct tr_regex *regex;
	pcre2_code *code;

	if (pattern.len > PATTERN_MAX) {
		tr_error_set(error, TR_E_TOO_BIG, "the regular expression is longer than %d bytes",
			PATTERN_MAX);
		return NULL;
	}
	code = compile(pattern, error);
	if (!code) {
		return NULL;
	}
	regex = tr_alloc(sizeof(*regex));
	regex->code = code;
	regex->match = pcre2_match_data_create_from_pattern(code, NULL);
	regex->limits = pcre2_match_context_create(NULL);
	TR_ASSERT(regex->match && regex->limits);
	pcre2_set_match_limit(regex->limits, STEPS_MAX);
	pcre2_set_depth_limit(regex->limits, DEPTH_MAX);
	pcre2_set_heap_limit(regex->limits, HEAP_MAX_KIB);
	return regex;
}

void tr_regex_destroy(struct tr_regex *regex)
{
	if (!regex) {
		return;
	}
	pcre2_match_context_free(regex->limits);
	pcre2_match_data_free(regex->match);
	pcre2_code_free(regex->code);
	tr_free(regex);
}

static int64_t real_ms(void)
{
	struct timespec now;

	TR_ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool search(const struct tr_regex *regex, struct tr_str text)
{
	const char *bytes = text.ptr ? text.ptr : "";
	int64_t deadline = real_ms() + SEARCH_MAX_MS;
	size_t start = 0;

	for (;;) {
		size_t window = tr_utf8_fit(tr_str_from_index(text, start), WINDOW);
		int rc;

		pcre2_set_offset_limit(regex->limits, start + window);
		rc = pcre2_match(regex->code, (PCRE2_SPTR)bytes, text.len, start,
			PCRE2_NO_UTF_CHECK, regex->match, regex->limits);
		if (rc >= 0) {
			return true;
		}
		if (rc != PCRE2_ERROR_NOMATCH) {
			tr_log_warn("regex", "a match was given up (reason %d, %zu bytes of text)",
				rc, text.len);
			return false;
		}
		if (start + window >= text.len) {
			return false;
		}
		start += window;
		if (real_ms() > deadline) {
			tr_log_warn(
				"regex", "a search in %zu bytes of text took too long", text.len);
			return false;
		}
	}
}

bool tr_regex_matches(const struct tr_regex *regex, struct tr_str text)
{
	struct tr_buf valid;
	bool matches;

	if (tr_utf8_valid(text)) {
		return search(regex, text);
	}
	tr_buf_init(&valid, 3 * text.len);
	for (size_t i = 0; i < text.len;) {
		tr_buf_add_code_point(&valid, tr_utf8_next(text, &i));
	}
	matches = search(regex, tr_buf_str(&valid));
	tr_buf_finish(&valid);
	return matches;
}
