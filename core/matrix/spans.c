/* SPDX-License-Identifier: Apache-2.0 */
/* The list of spans itself: adding, the addresses that may be linked to, and asking whether there
 * is formatting at all. */
#include "core/base/alloc.h"
#include "core/matrix/html.h"

#include <string.h>

enum { HREF_MAX = 4096 };

void tr_spans_finish(struct tr_spans *spans)
{
	tr_arena_finish(&spans->arena);
	tr_free(spans->items);
	memset(spans, 0, sizeof(*spans));
}

struct tr_span *tr_spans_add(struct tr_spans *spans, struct tr_str text)
{
	struct tr_span *span;

	if (spans->count == spans->capacity) {
		spans->capacity = spans->capacity > 0 ? 2 * spans->capacity : 8;
		spans->items =
			tr_realloc_array(spans->items, spans->capacity, sizeof(*spans->items));
	}
	span = &spans->items[spans->count];
	memset(span, 0, sizeof(*span));
	span->text = tr_arena_str(&spans->arena, text);
	span->fg = TR_COLOUR_NONE;
	span->bg = TR_COLOUR_NONE;
	span->block_id = spans->count > 0 ? spans->items[spans->count - 1].block_id : 0;
	spans->count++;
	return span;
}

struct tr_str tr_spans_href(struct tr_spans *spans, struct tr_str href)
{
	static const char *const schemes[] = {
		"https:", "http:", "ftp:", "mailto:", "magnet:", "matrix:"};

	href = tr_str_trim(href);
	if (href.len > HREF_MAX || !tr_utf8_valid(href)) {
		return tr_str_of(NULL, 0);
	}
	/* Browsers skip control characters inside a scheme ("java\nscript:"); no address has
	 * any. */
	for (size_t i = 0; i < href.len; i++) {
		if ((unsigned char)href.ptr[i] < 0x20 || href.ptr[i] == 0x7f) {
			return tr_str_of(NULL, 0);
		}
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(schemes); i++) {
		struct tr_str scheme = tr_str_from(schemes[i]);

		if (tr_str_eq_nocase(tr_str_slice(href, 0, scheme.len), scheme)) {
			return tr_arena_str(&spans->arena, href);
		}
	}
	return tr_str_of(NULL, 0);
}

bool tr_spans_formatted(const struct tr_spans *spans)
{
	for (size_t i = 0; i < spans->count; i++) {
		const struct tr_span *span = &spans->items[i];

		if (span->styles != 0 || span->fg != TR_COLOUR_NONE || span->bg != TR_COLOUR_NONE ||
			span->href.len > 0 || span->block != TR_BLOCK_PARAGRAPH ||
			span->quote > 0) {
			return true;
		}
	}
	return false;
}
