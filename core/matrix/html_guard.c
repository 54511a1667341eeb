/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps HTML from the parser that would make it slow or large. By the HTML standard a parser opens
 * every formatting element that was left open anew in each block that follows, so a text of n tags
 * can make a tree of n * n nodes. Counted here are tags, and formatting tags left open; where it
 * cannot be told whether an end tag will count, it does not.
 */
#include "core/matrix/html_guard.h"

#include "core/base/alloc.h"
#include "core/matrix/html.h"

#include <gumbo.h>

enum { MAX_OPEN_FORMATTING = 100 };

struct guard {
	struct tr_str html;
	size_t at;
	unsigned tags;
	unsigned open_formatting;
	unsigned short open[GUMBO_TAG_LAST + 1];
	bool distrust_ends;
};

static bool one_of(GumboTag tag, const GumboTag *tags, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (tags[i] == tag) {
			return true;
		}
	}
	return false;
}

static bool is_formatting(GumboTag tag)
{
	static const GumboTag tags[] = {GUMBO_TAG_A, GUMBO_TAG_B, GUMBO_TAG_BIG, GUMBO_TAG_CODE,
		GUMBO_TAG_EM, GUMBO_TAG_FONT, GUMBO_TAG_I, GUMBO_TAG_NOBR, GUMBO_TAG_S,
		GUMBO_TAG_SMALL, GUMBO_TAG_STRIKE, GUMBO_TAG_STRONG, GUMBO_TAG_TT, GUMBO_TAG_U};

	return one_of(tag, tags, TR_ARRAY_LEN(tags));
}

/* Elements whose content is no tags, or that hide outer elements from the end tags inside. */
static bool hides_end_tags(GumboTag tag)
{
	static const GumboTag tags[] = {GUMBO_TAG_SCRIPT, GUMBO_TAG_STYLE, GUMBO_TAG_XMP,
		GUMBO_TAG_IFRAME, GUMBO_TAG_NOEMBED, GUMBO_TAG_NOFRAMES, GUMBO_TAG_NOSCRIPT,
		GUMBO_TAG_TEXTAREA, GUMBO_TAG_TITLE, GUMBO_TAG_PLAINTEXT, GUMBO_TAG_APPLET,
		GUMBO_TAG_OBJECT, GUMBO_TAG_MARQUEE, GUMBO_TAG_TEMPLATE, GUMBO_TAG_TD, GUMBO_TAG_TH,
		GUMBO_TAG_CAPTION, GUMBO_TAG_SVG, GUMBO_TAG_MATH, GUMBO_TAG_SELECT};

	return one_of(tag, tags, TR_ARRAY_LEN(tags));
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char peek(const struct guard *guard, size_t offset)
{
	return guard->at + offset < guard->html.len ? guard->html.ptr[guard->at + offset] : '\0';
}

static bool space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static struct tr_str take_name(struct guard *guard)
{
	size_t start = guard->at;

	while (guard->at < guard->html.len && !space(peek(guard, 0)) && peek(guard, 0) != '>' &&
		peek(guard, 0) != '/') {
		guard->at++;
	}
	return tr_str_slice(guard->html, start, guard->at - start);
}

/* Past the '>' of a tag. A quote counts only where a value begins. */
static void skip_attributes(struct guard *guard)
{
	bool value_begins = false;

	while (guard->at < guard->html.len) {
		char c = guard->html.ptr[guard->at++];

		if (c == '>') {
			return;
		}
		if (value_begins && (c == '"' || c == '\'')) {
			while (guard->at < guard->html.len && guard->html.ptr[guard->at] != c) {
				guard->at++;
			}
			guard->at++;
			value_begins = false;
		} else if (!space(c)) {
			value_begins = c == '=';
		}
	}
}

static void count_tag(struct guard *guard, GumboTag tag, bool end)
{
	guard->tags++;
	if (hides_end_tags(tag)) {
		guard->distrust_ends = true;
	}
	if (!is_formatting(tag)) {
		return;
	}
	if (!end) {
		guard->open[tag]++;
		guard->open_formatting++;
	} else if (guard->open[tag] > 0 && !guard->distrust_ends) {
		guard->open[tag]--;
		guard->open_formatting--;
	}
}

bool tr_html_affordable(struct tr_str html)
{
	struct guard guard = {.html = html};

	if (html.len > TR_HTML_MAX_BYTES) {
		return false;
	}
	while (guard.tags <= TR_HTML_MAX_TAGS && guard.open_formatting <= MAX_OPEN_FORMATTING) {
		ptrdiff_t found = tr_str_find_char(tr_str_from_index(html, guard.at), '<');
		bool end;
		struct tr_str name;

		if (found < 0) {
			return true;
		}
		guard.at += (size_t)found + 1;
		end = peek(&guard, 0) == '/';
		if (peek(&guard, 0) == '!' || peek(&guard, 0) == '?') {
			guard.tags++;
			guard.distrust_ends = true;
		} else if (letter(peek(&guard, end ? 1 : 0))) {
			guard.at += end ? 1 : 0;
			name = take_name(&guard);
			count_tag(&guard, gumbo_tagn_enum(name.ptr, (unsigned)name.len), end);
			skip_attributes(&guard);
		}
	}
	return false;
}
