/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formatting both ways. As a line of IRC the input becomes a body without control characters and
 * HTML that is balanced and says the same; as HTML it becomes lines for IRC that are UTF-8, fit,
 * and have nothing in them but text and codes of styles. The first byte is how long lines may be.
 */
#include "bridges/irc/encoding.h"
#include "bridges/irc/format.h"
#include "bridges/irc/format_pen.h"
#include "bridges/irc/mention_words.h"
#include "bridges/irc/text.h"
#include "core/base/alloc.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 22, OPEN_MAX = 64 };

static void check_shown(struct tr_str text)
{
	TR_ASSERT(tr_utf8_valid(text));
	for (size_t i = 0; i < text.len;) {
		uint32_t c = tr_utf8_next(text, &i);
		TR_ASSERT(c >= 0x20 && !(c >= 0x7f && c < 0xa0));
	}
}

static struct tr_str tag_name(struct tr_str tag)
{
	size_t len = 0;
	while (len < tag.len && tag.ptr[len] != ' ' && tag.ptr[len] != '/') {
		len++;
	}
	return tr_str_slice(tag, 0, len);
}

/* Every tag that is opened is closed in its turn; nothing else has angle brackets. */
static void check_balanced(struct tr_str html)
{
	struct tr_str open[OPEN_MAX];
	size_t depth = 0;
	for (size_t i = 0; i < html.len; i++) {
		TR_ASSERT(html.ptr[i] != '>');
		if (html.ptr[i] != '<') {
			continue;
		}
		struct tr_str rest = tr_str_from_index(html, i + 1);
		ptrdiff_t end = tr_str_find_char(rest, '>');
		TR_ASSERT(end > 0);
		struct tr_str tag = tr_str_slice(rest, 0, (size_t)end);
		TR_ASSERT(tr_str_find_char(tag, '<') < 0);
		if (tag.ptr[0] == '/') {
			TR_ASSERT(depth > 0 && tr_str_eq(open[--depth], tr_str_from_index(tag, 1)));
		} else if (!tr_str_eq_c(tag_name(tag), "br")) {
			TR_ASSERT(depth < OPEN_MAX);
			open[depth++] = tag_name(tag);
		}
		i += (size_t)end + 1;
	}
	TR_ASSERT(depth == 0);
}

/* Text without the white space that HTML does not keep. */
static void add_words(struct tr_str text, struct tr_buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != ' ' && text.ptr[i] != '\n') {
			tr_buf_add_char(out, text.ptr[i]);
		}
	}
}

static void check_same_words(struct tr_str a, struct tr_str b)
{
	struct tr_buf one = TR_BUF_INIT(OUT_MAX);
	struct tr_buf two = TR_BUF_INIT(OUT_MAX);
	add_words(a, &one);
	add_words(b, &two);
	TR_ASSERT(tr_str_eq(tr_buf_str(&one), tr_buf_str(&two)));
	tr_buf_finish(&one);
	tr_buf_finish(&two);
}

static void check_html(const struct tr_spans *spans, struct tr_str body)
{
	struct tr_buf html = TR_BUF_INIT(OUT_MAX);
	struct tr_buf plain = TR_BUF_INIT(OUT_MAX);
	struct tr_spans back = {0};
	TR_ASSERT(tr_spans_to_html(spans, &html) == 0);
	check_shown(tr_buf_str(&html));
	check_balanced(tr_buf_str(&html));
	if (tr_html_parse(tr_buf_str(&html), &back) == 0) {
		tr_spans_to_plain(&back, &plain);
		check_same_words(tr_buf_str(&plain), body);
	}
	tr_spans_finish(&back);
	tr_buf_finish(&plain);
	tr_buf_finish(&html);
}

static void check_words(struct tr_str body)
{
	struct tr_irc_words words = {.text = body};
	const char *before = body.ptr;
	while (tr_irc_words_next(&words)) {
		TR_ASSERT(words.word.len > 0 && words.word.ptr >= before);
		before = words.word.ptr + words.word.len;
		TR_ASSERT(before <= body.ptr + body.len && tr_utf8_valid(words.word));
	}
}

static void check_from_irc(struct tr_str line)
{
	struct tr_buf decoded = TR_BUF_INIT(TR_IRC_DECODED_MAX(line.len));
	struct tr_buf body = TR_BUF_INIT(OUT_MAX);
	struct tr_buf plain = TR_BUF_INIT(OUT_MAX);
	struct tr_spans spans = {0};
	tr_irc_decode(NULL, line, &decoded);
	TR_ASSERT(!tr_buf_failed(&decoded) && tr_utf8_valid(tr_buf_str(&decoded)));
	tr_irc_format_read(tr_buf_str(&decoded), &spans);
	for (size_t i = 0; i < spans.count; i++) {
		tr_buf_add(&body, spans.items[i].text);
	}
	check_shown(tr_buf_str(&body));
	TR_ASSERT(tr_irc_text_plain(line, &plain) == 0);
	TR_ASSERT(tr_str_eq(tr_buf_str(&body), tr_buf_str(&plain)));
	check_html(&spans, tr_buf_str(&body));
	check_words(tr_buf_str(&body));
	tr_spans_finish(&spans);
	tr_buf_finish(&plain);
	tr_buf_finish(&body);
	tr_buf_finish(&decoded);
}

static void check_lines(struct tr_str text, size_t width)
{
	struct tr_buf all = TR_BUF_INIT(OUT_MAX);
	struct tr_buf plain = TR_BUF_INIT(OUT_MAX);
	struct tr_buf line = TR_BUF_INIT(OUT_MAX);
	char **lines = NULL;
	bool cut = false;
	size_t count = tr_irc_text_split(text, width, SIZE_MAX, &lines, &cut);
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(lines[i]);
		TR_ASSERT(len > 0 && len <= width && strpbrk(lines[i], "\r\n\x01") == NULL);
		TR_ASSERT(tr_utf8_valid(tr_str_from(lines[i])));
		TR_ASSERT(tr_irc_text_plain(tr_str_from(lines[i]), &all) == 0);
	}
	TR_ASSERT(!cut);
	for (struct tr_str rest = text, one; tr_str_split(&rest, '\n', &one);) {
		TR_ASSERT(tr_irc_text_plain(one, &plain) == 0);
	}
	check_same_words(tr_buf_str(&all), tr_buf_str(&plain));
	tr_irc_text_lines_free(lines, count);
	tr_buf_finish(&all);
	tr_buf_finish(&plain);
	tr_buf_finish(&line);
}

static bool nick_of(void *arg, struct tr_str user_id, struct tr_buf *out)
{
	(void)arg;
	TR_ASSERT(user_id.len > 0 && user_id.ptr[0] == '@');
	return tr_buf_add_c(out, "nick") == 0;
}

static void check_to_irc(struct tr_str html, size_t width)
{
	struct tr_buf out = TR_BUF_INIT(OUT_MAX);
	if (tr_irc_format_from_html(html, nick_of, NULL, &out) != 0) {
		TR_ASSERT(out.len == 0);
		tr_buf_finish(&out);
		return;
	}
	struct tr_str text = tr_buf_str(&out);
	struct tr_irc_pen pen = TR_IRC_PEN_INIT;
	TR_ASSERT(tr_utf8_valid(text));
	TR_ASSERT(text.len == 0 || (text.ptr[0] != '\n' && text.ptr[text.len - 1] != '\n'));
	for (size_t i = 0; i < text.len;) {
		size_t code = tr_irc_pen_read(&pen, text, i);
		TR_ASSERT(code > 0 || (unsigned char)text.ptr[i] >= ' ' || text.ptr[i] == '\n' ||
			  text.ptr[i] == '\t');
		i += code > 0 ? code : 1;
	}
	check_lines(text, width);
	tr_buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 16384) {
		return 0;
	}
	struct tr_str text = tr_str_of((const char *)data + 1, size - 1);
	check_from_irc(text);
	check_to_irc(text, (size_t)data[0] + 24);
	return 0;
}
