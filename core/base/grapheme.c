/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grapheme clusters by PCRE2's \X, compiled once for the process. Up to 10.42 at least, \X takes
 * pictographs that stand side by side for one cluster (GB11 asks for a ZWJ between them), so those
 * have a pattern of their own.
 */
#include "core/base/grapheme.h"

#include "core/base/alloc.h"

#include <pthread.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { WINDOW = 512 /* bytes; a longer cluster is nobody's letter */ };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pcre2_code *cluster;

static void compile(void)
{
#define JOINS "[\\p{Grapheme_Extend}\\p{Emoji_Modifier}\\p{Mc}\\x{200d}]*"
	static const char pattern[] =
		"\\p{ExtPict}(?:" JOINS "\\x{200d}\\p{ExtPict})*" JOINS "|\\X";
	PCRE2_SIZE position;
	int number;

	cluster = pcre2_compile((PCRE2_SPTR)pattern, sizeof(pattern) - 1,
		PCRE2_UTF | PCRE2_ANCHORED, &number, &position, NULL);
	TR_ASSERT(cluster);
}

static bool is_ascii(struct tr_str text, size_t index)
{
	return index >= text.len || (unsigned char)text.ptr[index] < 0x80;
}

/* The well-formed text from `index` on, as far as the window goes. */
static struct tr_str window_at(struct tr_str text, size_t index)
{
	size_t len = 0;
	size_t next;

	while (len < WINDOW && (next = tr_utf8_length(text, index + len)) > 0) {
		len += next;
	}
	return tr_str_slice(text, index, len);
}

size_t tr_grapheme_length(struct tr_str text, size_t index)
{
	if (is_ascii(text, index) && is_ascii(text, index + 1)) {
		bool crlf = text.ptr[index] == '\r' && index + 1 < text.len &&
			    text.ptr[index + 1] == '\n';

		return crlf ? 2 : 1;
	}

	struct tr_str window = window_at(text, index);
	pcre2_match_data *match;
	size_t len = 1;

	if (window.len == 0) {
		return 1;
	}
	TR_ASSERT(pthread_once(&once, compile) == 0);
	match = pcre2_match_data_create(1, NULL);
	TR_ASSERT(match);
	if (pcre2_match(cluster, (PCRE2_SPTR)window.ptr, window.len, 0, PCRE2_NO_UTF_CHECK, match,
		    NULL) > 0) {
		len = pcre2_get_ovector_pointer(match)[1];
	}
	pcre2_match_data_free(match);
	return len > 0 ? len : 1;
}

size_t tr_grapheme_fit(struct tr_str text, size_t max)
{
	size_t len = 0;
	size_t next;

	if (text.len <= max) {
		return text.len;
	}
	while ((next = len + tr_grapheme_length(text, len)) <= max) {
		len = next;
	}
	return len > 0 ? len : tr_utf8_fit(text, max);
}
