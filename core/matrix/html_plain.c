/* SPDX-License-Identifier: Apache-2.0 */
/* Spans into plain text for people: marks before the lines of quotes and items, addresses after the
 * words that link to them. */
#include "core/base/error.h"
#include "core/matrix/html.h"

struct plain {
	struct tr_buf *out;
	const struct tr_span *block; /* the first span of the block at hand */
};

/* What every line of the block begins with, and its first line in particular. */
static void begin_line(struct plain *plain, bool first)
{
	const struct tr_span *block = plain->block;

	for (unsigned i = 0; i < block->quote; i++) {
		tr_buf_add_c(plain->out, "> ");
	}
	if (block->block != TR_BLOCK_ITEM) {
		return;
	}
	for (unsigned i = 1; i < block->level; i++) {
		tr_buf_add_c(plain->out, "  ");
	}
	if (!first) {
		tr_buf_add_c(plain->out, "  ");
	} else if (block->number > 0) {
		tr_buf_addf(plain->out, "%u. ", block->number);
	} else {
		tr_buf_add_c(plain->out, "- ");
	}
}

static void add_text(struct plain *plain, struct tr_str text)
{
	struct tr_str rest = text;
	struct tr_str line;
	bool first = true;

	while (tr_str_split(&rest, '\n', &line)) {
		if (!first) {
			tr_buf_add_char(plain->out, '\n');
			begin_line(plain, false);
		}
		tr_buf_add(plain->out, line);
		first = false;
	}
}

/* Mentions of people and rooms are links whose address says no more to a reader. */
static bool is_mention(struct tr_str href)
{
	return tr_str_starts(href, TR_STR("https://matrix.to/")) ||
	       tr_str_starts(href, TR_STR("matrix:"));
}

bool tr_href_is_said(struct tr_str href, struct tr_str text)
{
	ptrdiff_t slashes = tr_str_find(href, TR_STR("://"));
	struct tr_str bare = href;

	text = tr_str_trim(text);
	if (is_mention(href)) {
		return true;
	}
	if (tr_str_starts(href, TR_STR("mailto:"))) {
		bare = tr_str_from_index(href, sizeof("mailto:") - 1);
	} else if (slashes >= 0) {
		bare = tr_str_from_index(href, (size_t)slashes + 3);
	}
	if (tr_str_eq(text, href) || tr_str_eq(text, bare)) {
		return true;
	}
	/* "example.com" for "https://example.com/" */
	return tr_str_ends(bare, TR_STR("/")) &&
	       tr_str_eq(text, tr_str_slice(bare, 0, bare.len - 1));
}

static bool same_link(const struct tr_span *a, const struct tr_span *b)
{
	return a->block_id == b->block_id && tr_str_eq(a->href, b->href);
}

/* Spans from `first` to before `end` are one link. */
static void add_address(struct plain *plain, const struct tr_span *first, const struct tr_span *end)
{
	struct tr_buf text = TR_BUF_INIT(4096);

	for (const struct tr_span *span = first; span < end; span++) {
		tr_buf_add(&text, span->text);
	}
	if (!tr_href_is_said(first->href, tr_buf_str(&text))) {
		tr_buf_add_c(plain->out, " (");
		tr_buf_add(plain->out, first->href);
		tr_buf_add_char(plain->out, ')');
	}
	tr_buf_finish(&text);
}

int tr_spans_to_plain(const struct tr_spans *spans, struct tr_buf *out)
{
	struct plain plain = {out, NULL};
	const struct tr_span *end = spans->items ? spans->items + spans->count : NULL;
	const struct tr_span *link = NULL;

	for (const struct tr_span *span = spans->items; span < end; span++) {
		if (!plain.block || plain.block->block_id != span->block_id) {
			if (plain.block) {
				tr_buf_add_char(out, '\n');
			}
			plain.block = span;
			begin_line(&plain, true);
		}
		if (!link && span->href.len > 0) {
			link = span;
		}
		add_text(&plain, span->text);
		if (link && (span + 1 == end || !same_link(link, span + 1))) {
			add_address(&plain, link, span + 1);
			link = NULL;
		}
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}
