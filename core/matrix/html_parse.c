/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTML into spans. gumbo makes the tree; one walk over it carries what is in force (struct context)
 * downwards and writes text, with white space collapsed as a browser would. What each element means
 * is in html_element.c.
 */
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/matrix/html_guard.h"
#include "core/matrix/html_walk.h"

#include <string.h>

static void walk(struct tr_html_walk *walk, const GumboNode *node, struct tr_html_context context);

static struct tr_span *last_span(struct tr_html_walk *walk)
{
	struct tr_spans *spans = walk->spans;

	return spans->count > 0 ? &spans->items[spans->count - 1] : NULL;
}

/* Takes away the spaces (and line breaks, when the block ends) that a browser would not show. In
 * preformatted text every space counts, and so do all line ends but the last ones. */
static void trim_end(struct tr_html_walk *walk, bool line_breaks)
{
	struct tr_span *span;

	while (!walk->block_empty && (span = last_span(walk)) && span->block_id == walk->block_id) {
		while (span->text.len > 0) {
			char c = span->text.ptr[span->text.len - 1];

			if (!(c == ' ' && span->block != TR_BLOCK_PRE) &&
				!(c == '\n' && line_breaks)) {
				return;
			}
			span->text.len--;
		}
		walk->spans->count--;
	}
}

void tr_html_break_block(struct tr_html_walk *walk)
{
	trim_end(walk, true);
	walk->block_empty = true;
	walk->after_space = true;
}

static void add_span(
	struct tr_html_walk *walk, struct tr_str text, const struct tr_html_context *context)
{
	struct tr_span *span;

	if (walk->spans->count >= TR_HTML_MAX_SPANS) {
		walk->failed = true;
		return;
	}
	span = tr_spans_add(walk->spans, text);
	span->styles = context->styles;
	span->fg = context->fg;
	span->bg = context->bg;
	span->href = context->href;
	span->block = context->block;
	span->level = context->level;
	span->number = context->number;
	span->quote = context->quote;
	span->block_id = walk->block_id;
}

/* The first text of a block. A further paragraph of a list's item is a line of it, or a paragraph
 * when something else came between: a new block would look like a new item. */
static void begin_block(struct tr_html_walk *walk, struct tr_html_context *context)
{
	walk->block_empty = false;
	if (context->item > 0 && context->item == walk->block_item) {
		add_span(walk, TR_STR("\n"), context);
		return;
	}
	walk->block_id++;
	walk->block_item = context->item;
	if (context->item > 0 && context->item <= walk->last_item) {
		context->block = TR_BLOCK_PARAGRAPH;
		context->level = 0;
		context->number = 0;
	} else if (context->item > 0) {
		walk->last_item = context->item;
	}
}

void tr_html_add_text(
	struct tr_html_walk *walk, struct tr_str text, const struct tr_html_context *context)
{
	struct tr_html_context own = *context;
	const struct tr_span *last;

	if (text.len == 0 || walk->failed) {
		return;
	}
	if (walk->block_empty) {
		begin_block(walk, &own);
	}
	last = last_span(walk);
	if (last && last->block_id == walk->block_id) {
		own.block = last->block;
		own.level = last->level;
		own.number = last->number;
	}
	add_span(walk, text, &own);
	walk->after_space = false;
}

void tr_html_add_line_break(struct tr_html_walk *walk, const struct tr_html_context *context)
{
	if (context->block == TR_BLOCK_PRE) {
		tr_html_add_text(walk, TR_STR("\n"), context);
		return;
	}
	if (walk->block_empty) {
		return; /* would be trimmed, or be an empty line above everything */
	}
	trim_end(walk, false);
	tr_html_add_text(walk, TR_STR("\n"), context);
	walk->after_space = true;
}

void tr_html_add_source(
	struct tr_html_walk *walk, struct tr_str text, const struct tr_html_context *context)
{
	struct tr_buf out = TR_BUF_INIT(3 * text.len);
	bool pre = context->block == TR_BLOCK_PRE;
	bool after_space = walk->block_empty ? true : walk->after_space;

	for (size_t i = 0; i < text.len;) {
		uint32_t c = tr_utf8_next(text, &i);
		bool white = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';

		if (white && !pre) {
			if (!after_space) {
				tr_buf_add_char(&out, ' ');
			}
			after_space = true;
		} else if ((c >= 0x20 && c != 0x7f) || (pre && (c == '\n' || c == '\t'))) {
			tr_buf_add_code_point(&out, c);
			after_space = false;
		}
	}
	tr_html_add_text(walk, tr_buf_str(&out), context);
	if (!walk->block_empty) {
		walk->after_space = after_space;
	}
	tr_buf_finish(&out);
}

static void walk_children(
	struct tr_html_walk *w, const GumboVector *children, const struct tr_html_context *context)
{
	for (unsigned i = 0; i < children->length && !w->failed; i++) {
		walk(w, children->data[i], *context);
	}
}

static void walk(struct tr_html_walk *w, const GumboNode *node, struct tr_html_context context)
{
	bool block;

	switch (node->type) {
	case GUMBO_NODE_TEXT:
	case GUMBO_NODE_WHITESPACE:
	case GUMBO_NODE_CDATA:
		tr_html_add_source(w, tr_str_from(node->v.text.text), &context);
		return;
	case GUMBO_NODE_ELEMENT:
		break;
	default:
		return;
	}
	if (++context.depth > TR_HTML_MAX_DEPTH) {
		w->failed = true;
		return;
	}
	block = tr_html_is_block(node);
	if (block) {
		tr_html_break_block(w);
	}
	if (tr_html_enter(w, node, &context)) {
		walk_children(w, &node->v.element.children, &context);
	}
	if (block) {
		tr_html_break_block(w);
	}
}

int tr_html_parse(struct tr_str html, struct tr_spans *spans)
{
	struct tr_html_walk state = {.spans = spans, .block_empty = true, .after_space = true};
	struct tr_html_context context = {.fg = TR_COLOUR_NONE, .bg = TR_COLOUR_NONE};
	GumboOptions options = kGumboDefaultOptions;
	GumboOutput *output;

	TR_ASSERT(spans->count == 0);
	if (!tr_html_affordable(html)) {
		return TR_E_TOO_BIG;
	}
	options.max_errors = 0;
	options.fragment_context = GUMBO_TAG_DIV;
	output = gumbo_parse_with_options(&options, html.ptr ? html.ptr : "", html.len);
	TR_ASSERT(output);
	walk_children(&state, &output->root->v.element.children, &context);
	tr_html_break_block(&state);
	gumbo_destroy_output(&options, output);
	if (state.failed) {
		tr_spans_finish(spans);
		return TR_E_TOO_BIG;
	}
	return 0;
}
