/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formatted text between Matrix and everything else: HTML of org.matrix.custom.html is parsed into
 * a flat list of spans that knows no tags, and spans become plain text or HTML again. Networks with
 * their own formatting read and make spans.
 *
 * What the parser takes is what the specification's list of tags can say; other tags count as if
 * they were not there, and script, style and their like go with their content. The quoted reply
 * (mx-reply) is left out. HTML made here is balanced, has only tags and attributes of that list,
 * and links only to http, https, ftp, mailto, magnet and matrix.
 */
#ifndef TRESTLE_MATRIX_HTML_H
#define TRESTLE_MATRIX_HTML_H

#include "core/base/arena.h"
#include "core/base/buf.h"

enum tr_style {
	TR_STYLE_BOLD = 1,
	TR_STYLE_ITALIC = 2,
	TR_STYLE_UNDERLINE = 4,
	TR_STYLE_STRIKE = 8,
	TR_STYLE_CODE = 16,
	TR_STYLE_SPOILER = 32,
};

enum tr_block {
	TR_BLOCK_PARAGRAPH,
	TR_BLOCK_HEADING, /* level 1 to 6 */
	TR_BLOCK_ITEM,    /* of a list: level = how deep, from 1; number 0 = bullet */
	TR_BLOCK_PRE,     /* white space and line ends as they are */
};

enum {
	TR_COLOUR_NONE = -1,
	TR_HTML_MAX_BYTES = 65536, /* no event is larger */
	TR_HTML_MAX_TAGS = 2000,
	TR_HTML_MAX_SPANS = 5000,
	TR_HTML_MAX_DEPTH = 100, /* the specification's */
};

struct tr_span {
	struct tr_str text; /* UTF-8; "\n" is a line break inside the block */
	unsigned styles;    /* enum tr_style, or-ed */
	int32_t fg, bg;     /* 0xRRGGBB or TR_COLOUR_NONE */
	struct tr_str href; /* of a link, else empty */
	enum tr_block block;
	unsigned level;
	unsigned number;   /* of an item in a numbered list, from 1 */
	unsigned quote;    /* how many quotes it is in */
	unsigned block_id; /* spans with the same one are one block; a change is a new line */
};

/* A zeroed struct is an empty list. Texts live in the arena. */
struct tr_spans {
	struct tr_arena arena;
	struct tr_span *items;
	size_t count;
	size_t capacity;
};

void tr_spans_finish(struct tr_spans *spans);
/* Appends a span of a paragraph without style that has a copy of `text`; valid until the next
 * one. The block_id is that of the last span. */
struct tr_span *tr_spans_add(struct tr_spans *spans, struct tr_str text);
/* A copy of `href` in the arena, or the empty view when links to it are not allowed. */
struct tr_str tr_spans_href(struct tr_spans *spans, struct tr_str href);
/* Whether a reader of `text` needs no address: it says the same, or is a mention (whose address
 * says no more to people). */
bool tr_href_is_said(struct tr_str href, struct tr_str text);
/* Whether there is anything that plain text cannot say, so that HTML is worth sending. */
bool tr_spans_formatted(const struct tr_spans *spans);

/* HTML into an empty list. TR_E_TOO_BIG when a cap is exceeded (the list is then empty and the
 * caller uses the plain body). Bytes that are not UTF-8 become U+FFFD. */
int tr_html_parse(struct tr_str html, struct tr_spans *spans);
/* Plain text for people: "> " before quotes, "- " and "1. " before items, addresses of links in
 * brackets unless they are their own text or a mention. Lines end in "\n", the last in nothing. 0
 * or TR_E_TOO_BIG. */
int tr_spans_to_plain(const struct tr_spans *spans, struct tr_buf *out);
/* 0 or TR_E_TOO_BIG. */
int tr_spans_to_html(const struct tr_spans *spans, struct tr_buf *out);
/* Appends text with & < > " and ' escaped. */
int tr_html_escape(struct tr_buf *out, struct tr_str text);

#endif
