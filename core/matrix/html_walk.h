/* SPDX-License-Identifier: Apache-2.0 */
/* What the walk over a parsed document carries. Internal to core/matrix/html*.c: no other file sees
 * the HTML library. */
#ifndef TRESTLE_MATRIX_HTML_WALK_H
#define TRESTLE_MATRIX_HTML_WALK_H

#include "core/matrix/html.h"

#include <gumbo.h>

/* What is in force at an element; every element gets a copy of its parent's. */
struct tr_html_context {
	unsigned styles;
	int32_t fg, bg;
	struct tr_str href;
	enum tr_block block;
	unsigned level, number, quote;
	unsigned lists; /* how many lists it is in */
	unsigned item;  /* which item of all; 0 = none */
	unsigned depth;
};

struct tr_html_walk {
	struct tr_spans *spans;
	unsigned block_id;
	unsigned items;      /* how many there were */
	unsigned last_item;  /* the highest one that has begun its block */
	unsigned block_item; /* that of the block at hand */
	bool block_empty;    /* the next text begins a block */
	bool after_space;    /* further white space is not shown */
	bool failed;
};

void tr_html_break_block(struct tr_html_walk *walk);
/* Text as it is to be. */
void tr_html_add_text(
	struct tr_html_walk *walk, struct tr_str text, const struct tr_html_context *context);
/* Text of the document, whose white space still has to be collapsed. */
void tr_html_add_source(
	struct tr_html_walk *walk, struct tr_str text, const struct tr_html_context *context);
void tr_html_add_line_break(struct tr_html_walk *walk, const struct tr_html_context *context);

/* Whether the element stands on lines of its own. */
bool tr_html_is_block(const GumboNode *element);
/* Puts into *context what the element says, and writes what it shows itself. false = its content is
 * to be left out. */
bool tr_html_enter(
	struct tr_html_walk *walk, const GumboNode *element, struct tr_html_context *context);

#endif
