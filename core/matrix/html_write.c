/* SPDX-License-Identifier: Apache-2.0 */
/* Spans into HTML. Each span closes what it opens, and quotes and lists are kept on a stack, so the
 * result is balanced whatever the spans are. */
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/matrix/html.h"

enum { OPEN_MAX = 64 };

/* What is open around the block at hand, outermost first. */
enum container { QUOTE, BULLETS, NUMBERS };

struct writer {
	struct tr_buf *out;
	enum container open[OPEN_MAX];
	unsigned numbers[OPEN_MAX]; /* of the last item of each that is a list */
	size_t open_count;
	bool alone; /* one plain paragraph needs no <p> */
};

static const char *const open_tags[] = {
	[QUOTE] = "<blockquote>", [BULLETS] = "<ul>", [NUMBERS] = "<ol>"};
static const char *const close_tags[] = {
	[QUOTE] = "</blockquote>", [BULLETS] = "</ul>", [NUMBERS] = "</ol>"};

int tr_html_escape(struct tr_buf *out, struct tr_str text)
{
	size_t start = 0;

	for (size_t i = 0; i < text.len; i++) {
		const char *entity;

		switch (text.ptr[i]) {
		case '&':
			entity = "&amp;";
			break;
		case '<':
			entity = "&lt;";
			break;
		case '>':
			entity = "&gt;";
			break;
		case '"':
			entity = "&quot;";
			break;
		case '\'':
			entity = "&#39;";
			break;
		default:
			continue;
		}
		tr_buf_add(out, tr_str_slice(text, start, i - start));
		tr_buf_add_c(out, entity);
		start = i + 1;
	}
	return tr_buf_add(out, tr_str_from_index(text, start));
}

/* Escaped text in which line ends are breaks, but not in preformatted text. */
static void add_text(struct tr_buf *out, const struct tr_span *span)
{
	struct tr_str rest = span->text;
	struct tr_str line;
	bool first = true;

	if (span->block == TR_BLOCK_PRE) {
		tr_html_escape(out, span->text);
		return;
	}
	while (tr_str_split(&rest, '\n', &line)) {
		if (!first) {
			tr_buf_add_c(out, "<br>");
		}
		tr_html_escape(out, line);
		first = false;
	}
}

static const struct {
	unsigned style;
	const char *open, *close;
} style_tags[] = {
	{TR_STYLE_SPOILER, "<span data-mx-spoiler>", "</span>"},
	{TR_STYLE_CODE, "<code>", "</code>"},
	{TR_STYLE_BOLD, "<strong>", "</strong>"},
	{TR_STYLE_ITALIC, "<em>", "</em>"},
	{TR_STYLE_UNDERLINE, "<u>", "</u>"},
	{TR_STYLE_STRIKE, "<del>", "</del>"},
};

static bool coloured(const struct tr_span *span)
{
	return span->fg != TR_COLOUR_NONE || span->bg != TR_COLOUR_NONE;
}

/* Both ways of saying a colour: older clients know the first only. */
static void open_font(struct tr_buf *out, const struct tr_span *span)
{
	unsigned fg = (unsigned)span->fg & 0xffffff;
	unsigned bg = (unsigned)span->bg & 0xffffff;

	tr_buf_add_c(out, "<font");
	if (span->fg != TR_COLOUR_NONE) {
		tr_buf_addf(out, " color=\"#%06x\" data-mx-color=\"#%06x\"", fg, fg);
	}
	if (span->bg != TR_COLOUR_NONE) {
		tr_buf_addf(out, " data-mx-bg-color=\"#%06x\"", bg);
	}
	tr_buf_add_char(out, '>');
}

static void add_span(struct tr_buf *out, const struct tr_span *span)
{
	bool pre = span->block == TR_BLOCK_PRE;

	if (span->href.len > 0) {
		tr_buf_add_c(out, "<a href=\"");
		tr_html_escape(out, span->href);
		tr_buf_add_c(out, "\">");
	}
	if (coloured(span)) {
		open_font(out, span);
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(style_tags); i++) {
		if ((span->styles & style_tags[i].style) &&
			!(pre && style_tags[i].style == TR_STYLE_CODE)) {
			tr_buf_add_c(out, style_tags[i].open);
		}
	}
	add_text(out, span);
	for (size_t i = TR_ARRAY_LEN(style_tags); i > 0; i--) {
		if ((span->styles & style_tags[i - 1].style) &&
			!(pre && style_tags[i - 1].style == TR_STYLE_CODE)) {
			tr_buf_add_c(out, style_tags[i - 1].close);
		}
	}
	if (coloured(span)) {
		tr_buf_add_c(out, "</font>");
	}
	if (span->href.len > 0) {
		tr_buf_add_c(out, "</a>");
	}
}

static void close_to(struct writer *writer, size_t count)
{
	while (writer->open_count > count) {
		tr_buf_add_c(writer->out, close_tags[writer->open[--writer->open_count]]);
	}
}

/* Whether the container at `index` is one the block is in too. Of the lists only the innermost is
 * known; its items have to go on counting. */
static bool goes_on(
	const struct writer *writer, const struct tr_span *span, size_t index, size_t wanted)
{
	enum container open = writer->open[index];

	if (index < span->quote || open == QUOTE) {
		return index < span->quote && open == QUOTE;
	}
	if (index + 1 < wanted) {
		return true;
	}
	return span->number == 0 ? open == BULLETS
				 : open == NUMBERS && span->number == writer->numbers[index] + 1;
}

/* Closes what the block is not in and opens what it is in. Lists of a deeper level stand after the
 * item they belong to, which every client shows as meant. */
static void arrange(struct writer *writer, const struct tr_span *span)
{
	unsigned lists = span->block == TR_BLOCK_ITEM ? (span->level > 0 ? span->level : 1) : 0;
	size_t wanted = (size_t)span->quote + lists;
	size_t same = 0;

	if (wanted > OPEN_MAX) {
		wanted = OPEN_MAX;
	}
	while (same < wanted && same < writer->open_count && goes_on(writer, span, same, wanted)) {
		same++;
	}
	close_to(writer, same);
	while (writer->open_count < wanted) {
		enum container next = QUOTE;

		if (writer->open_count >= span->quote) {
			next = span->number > 0 && writer->open_count + 1 == wanted ? NUMBERS
										    : BULLETS;
		}
		if (next == NUMBERS && span->number > 1) {
			tr_buf_addf(writer->out, "<ol start=\"%u\">", span->number);
		} else {
			tr_buf_add_c(writer->out, open_tags[next]);
		}
		writer->open[writer->open_count++] = next;
	}
	if (lists > 0 && wanted > 0) {
		writer->numbers[wanted - 1] = span->number;
	}
}

static void open_block(struct writer *writer, const struct tr_span *span)
{
	arrange(writer, span);
	switch (span->block) {
	case TR_BLOCK_HEADING:
		tr_buf_addf(writer->out, "<h%u>",
			span->level >= 1 && span->level <= 6 ? span->level : 6);
		break;
	case TR_BLOCK_ITEM:
		tr_buf_add_c(writer->out, "<li>");
		break;
	case TR_BLOCK_PRE:
		tr_buf_add_c(writer->out, "<pre><code>");
		break;
	case TR_BLOCK_PARAGRAPH:
		tr_buf_add_c(writer->out, writer->alone ? "" : "<p>");
		break;
	}
}

static void close_block(struct writer *writer, const struct tr_span *span)
{
	switch (span->block) {
	case TR_BLOCK_HEADING:
		tr_buf_addf(writer->out, "</h%u>",
			span->level >= 1 && span->level <= 6 ? span->level : 6);
		break;
	case TR_BLOCK_ITEM:
		tr_buf_add_c(writer->out, "</li>");
		break;
	case TR_BLOCK_PRE:
		tr_buf_add_c(writer->out, "</code></pre>");
		break;
	case TR_BLOCK_PARAGRAPH:
		tr_buf_add_c(writer->out, writer->alone ? "" : "</p>");
		break;
	}
}

int tr_spans_to_html(const struct tr_spans *spans, struct tr_buf *out)
{
	struct writer writer = {.out = out};
	const struct tr_span *first = NULL;

	if (spans->count > 0) {
		const struct tr_span *last = &spans->items[spans->count - 1];

		first = &spans->items[0];
		writer.alone = first->block_id == last->block_id && first->quote == 0;
	}
	for (size_t i = 0; i < spans->count; i++) {
		const struct tr_span *span = &spans->items[i];
		bool last = i + 1 == spans->count || span[1].block_id != span->block_id;

		/* A block is what its first span says. */
		if (i == 0 || span[-1].block_id != span->block_id) {
			first = span;
			open_block(&writer, first);
		}
		add_span(out, span);
		if (last) {
			close_block(&writer, first);
		}
	}
	close_to(&writer, 0);
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}
