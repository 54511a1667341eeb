/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTML: what comes out is UTF-8 without control characters, uses only the tags this program writes,
 * opened and closed in order, links only where links are allowed, and is taken again with the same
 * plain text.
 */
#include "core/base/alloc.h"
#include "core/matrix/html.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 64 * 1024 * 1024, STACK_MAX = 256 };

static bool known_tag(struct tr_str name)
{
	static const char *const names[] = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol",
		"li", "pre", "blockquote", "a", "font", "span", "code", "strong", "em", "u", "del"};

	for (size_t i = 0; i < TR_ARRAY_LEN(names); i++) {
		if (tr_str_eq_c(name, names[i])) {
			return true;
		}
	}
	return false;
}

static void check_attributes(struct tr_str attributes)
{
	static const char *const starts[] = {" href=\"http", " href=\"ftp:", " href=\"mailto:",
		" href=\"magnet:", " href=\"matrix:", " color=\"#", " data-mx-color=\"#",
		" data-mx-bg-color=\"#", " data-mx-spoiler", " start=\""};

	if (attributes.len == 0) {
		return;
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(starts); i++) {
		struct tr_str start = tr_str_from(starts[i]);

		if (tr_str_eq_nocase(tr_str_slice(attributes, 0, start.len), start)) {
			return;
		}
	}
	TR_ASSERT(!"an attribute of ours");
}

/* Every '<' begins a tag that we write, and tags close in reverse order. */
static void check_balanced(struct tr_str html)
{
	struct tr_str stack[STACK_MAX];
	size_t depth = 0;
	ptrdiff_t at;

	while ((at = tr_str_find_char(html, '<')) >= 0) {
		ptrdiff_t end = tr_str_find_char(html, '>');
		struct tr_str tag = tr_str_slice(html, (size_t)at + 1, (size_t)(end - at - 1));
		ptrdiff_t space = tr_str_find_char(tag, ' ');
		struct tr_str name = space < 0 ? tag : tr_str_slice(tag, 0, (size_t)space);

		TR_ASSERT(end > at);
		html = tr_str_from_index(html, (size_t)end + 1);
		if (tr_str_eq_c(tag, "br")) {
			continue;
		}
		if (tr_str_starts(tag, TR_STR("/"))) {
			TR_ASSERT(depth > 0);
			TR_ASSERT(tr_str_eq(stack[--depth], tr_str_from_index(tag, 1)));
			continue;
		}
		TR_ASSERT(known_tag(name));
		check_attributes(tr_str_from_index(tag, name.len));
		TR_ASSERT(depth < STACK_MAX);
		stack[depth++] = name;
	}
	TR_ASSERT(depth == 0);
}

static void check_text(struct tr_str text)
{
	TR_ASSERT(tr_utf8_valid(text));
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		TR_ASSERT(c >= 0x20 || c == '\n' || c == '\t');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tr_spans spans = {0};
	struct tr_spans again = {0};
	struct tr_buf html = TR_BUF_INIT(OUT_MAX);
	struct tr_buf plain = TR_BUF_INIT(OUT_MAX);
	struct tr_buf plain_again = TR_BUF_INIT(OUT_MAX);

	if (tr_html_parse(tr_str_of((const char *)data, size), &spans) != 0) {
		TR_ASSERT(spans.count == 0);
		return 0;
	}
	TR_ASSERT(tr_spans_to_html(&spans, &html) == 0);
	TR_ASSERT(tr_spans_to_plain(&spans, &plain) == 0);
	check_text(tr_buf_str(&html));
	check_text(tr_buf_str(&plain));
	check_balanced(tr_buf_str(&html));
	if (tr_html_parse(tr_buf_str(&html), &again) == 0) {
		TR_ASSERT(tr_spans_to_plain(&again, &plain_again) == 0);
		TR_ASSERT(strcmp(tr_buf_c(&plain), tr_buf_c(&plain_again)) == 0);
	}
	tr_buf_finish(&html);
	tr_buf_finish(&plain);
	tr_buf_finish(&plain_again);
	tr_spans_finish(&spans);
	tr_spans_finish(&again);
	return 0;
}
