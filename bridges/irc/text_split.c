/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a message into lines that fit, between words or at least between characters, and carries
 * styles over the cuts. */
#include "bridges/irc/format_pen.h"
#include "bridges/irc/text.h"
#include "core/base/alloc.h"
#include "core/base/grapheme.h"

enum { LINE_MIN = 4 /* the longest code point */ };

/* Styles may stand in a text; no other control character: NUL breaks the line, 0x01 is CTCP, ESC,
 * BEL and C1 are commands to the terminals of readers. */
static void add_clean(struct tr_buf *out, struct tr_str text)
{
	size_t i = 0;
	while (i < text.len) {
		struct tr_irc_pen ignored = TR_IRC_PEN_INIT;
		size_t len = tr_utf8_length(text, i);
		char c = text.ptr[i];
		if (c == '\r' || c == '\n') {
			tr_buf_add_char(out, '\n');
			i++;
		} else if (c == '\t' || len == 0) {
			tr_buf_add_char(out, c);
			i++;
		} else if (tr_irc_pen_read(&ignored, text, i) > 0) {
			tr_buf_add_char(out, c);
			i++;
		} else {
			tr_irc_text_add_shown(text, &i, out);
		}
	}
}

static bool is_blank(struct tr_str text)
{
	struct tr_irc_pen pen = TR_IRC_PEN_INIT;
	size_t i = 0;
	while (i < text.len) {
		size_t code = tr_irc_pen_read(&pen, text, i);
		if (code == 0 && text.ptr[i] != ' ' && text.ptr[i] != '\t') {
			return false;
		}
		i += code > 0 ? code : 1;
	}
	return true;
}

struct lines {
	char **items;
	size_t count, room, max;
	bool cut;
};

static void add_line(struct lines *lines, struct tr_str line)
{
	if (is_blank(line)) {
		return;
	}
	if (lines->count == lines->max) {
		lines->cut = true;
		return;
	}
	if (lines->count == lines->room) {
		lines->room = lines->room ? lines->room * 2 : 4;
		lines->items = tr_realloc_array(lines->items, lines->room, sizeof(*lines->items));
	}
	lines->items[lines->count++] = tr_str_dup(line);
}

/* A place in a line, with the styles in force there. */
struct place {
	size_t at;
	struct tr_irc_pen pen;
};

/* Past a code of formatting or one character as people see it. */
static void step(struct tr_str line, struct place *place)
{
	size_t code = tr_irc_pen_read(&place->pen, line, place->at);
	place->at += code > 0 ? code : tr_grapheme_length(line, place->at);
}

/* As much of one character that is longer than a line as fits. */
static size_t fit_part(struct tr_str line, size_t at, size_t room)
{
	size_t fit = tr_utf8_fit(tr_str_from_index(line, at), room);
	return at + (fit > 0 ? fit : room);
}

/* Where the line has to end that begins at `from` and has room for `room` bytes: the last space in
 * the last third, else after the last whole character. */
static struct place cut_after(struct tr_str line, struct place from, size_t room)
{
	struct place here = from;
	struct place cut = from;
	while (here.at < line.len) {
		if (line.ptr[here.at] == ' ' && here.at - from.at >= room - room / 3) {
			cut = here;
		}
		struct place next = here;
		step(line, &next);
		if (next.at - from.at > room) {
			break;
		}
		here = next;
	}
	if (cut.at > from.at) {
		return cut;
	}
	if (here.at == from.at) {
		here.at = fit_part(line, from.at, room);
	}
	return here;
}

static struct place after_codes(struct tr_str line, struct place place)
{
	size_t code = 1;
	while (place.at < line.len && code > 0) {
		code = tr_irc_pen_read(&place.pen, line, place.at);
		place.at += code;
	}
	return place;
}

static void split_line(struct lines *lines, struct tr_str line, size_t max)
{
	const struct tr_irc_pen plain = TR_IRC_PEN_INIT;
	struct place from = {0, plain};
	if (line.len <= max) {
		add_line(lines, line);
		return;
	}
	while ((from = after_codes(line, from)).at < line.len) {
		struct tr_buf part = TR_BUF_INIT(max + line.len);
		tr_irc_pen_write(&plain, &from.pen, tr_str_from_index(line, from.at), &part);
		if (part.len + LINE_MIN > max) {
			tr_buf_clear(&part); /* no room for text otherwise */
		}
		size_t room = max - part.len;
		struct place to = {line.len, plain};
		if (line.len - from.at > room) {
			to = cut_after(line, from, room);
		}
		tr_buf_add(&part, tr_str_slice(line, from.at, to.at - from.at));
		add_line(lines, tr_buf_str(&part));
		tr_buf_finish(&part);
		from = to;
		if (from.at < line.len && line.ptr[from.at] == ' ') {
			from.at++;
		}
	}
}

size_t tr_irc_text_split(struct tr_str text, size_t max, size_t lines_max, char ***out, bool *cut)
{
	struct lines lines = {.max = lines_max};
	max = max < LINE_MIN ? LINE_MIN : max;
	struct tr_buf clean = TR_BUF_INIT(3 * text.len + 1);
	add_clean(&clean, text);
	struct tr_str rest = tr_buf_str(&clean);
	struct tr_str line;
	while (tr_str_split(&rest, '\n', &line)) {
		split_line(&lines, line, max);
	}
	tr_buf_finish(&clean);
	*out = lines.items;
	*cut = lines.cut;
	return lines.count;
}

void tr_irc_text_lines_free(char **lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		tr_free(lines[i]);
	}
	tr_free(lines);
}
