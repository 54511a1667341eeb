/* SPDX-License-Identifier: Apache-2.0 */
/* Reads mIRC's codes one by one into the state they make, and writes the way from one state to
 * another. What the states are for is the callers'. */
#include "bridges/irc/format_pen.h"

#include "core/base/alloc.h"
#include "core/matrix/html.h"

bool tr_irc_pen_same(const struct tr_irc_pen *a, const struct tr_irc_pen *b)
{
	return a->styles == b->styles && a->reverse == b->reverse && a->fg == b->fg &&
	       a->bg == b->bg;
}

bool tr_irc_pen_plain(const struct tr_irc_pen *pen)
{
	const struct tr_irc_pen plain = TR_IRC_PEN_INIT;
	return tr_irc_pen_same(pen, &plain);
}

static bool is_digit(struct tr_str text, size_t i)
{
	return i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9';
}

/* The value of a hexadecimal digit or -1. */
static int hex_digit(struct tr_str text, size_t i)
{
	if (is_digit(text, i)) {
		return text.ptr[i] - '0';
	}
	char c = i < text.len ? (char)(text.ptr[i] | 0x20) : '\0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One or two digits, or exactly six hexadecimal ones: bytes read, 0 = no colour. */
static size_t read_colour(struct tr_str text, size_t i, bool hex, int32_t *colour)
{
	int32_t value = 0;
	size_t n = 0;
	if (!hex) {
		for (; n < 2 && is_digit(text, i + n); n++) {
			value = value * 10 + (text.ptr[i + n] - '0');
		}
		*colour = n > 0 ? value : *colour;
		return n;
	}
	for (; n < 6; n++) {
		int digit = hex_digit(text, i + n);
		if (digit < 0) {
			return 0;
		}
		value = value << 4 | digit;
	}
	*colour = TR_IRC_COLOUR_RGB | value;
	return n;
}

/* "\x03fg,bg" or "\x04RRGGBB,RRGGBB"; a comma without a colour after it is text, and the mark alone
 * ends all colours. */
static size_t read_colours(struct tr_irc_pen *pen, struct tr_str text, size_t index, bool hex)
{
	size_t len = read_colour(text, index + 1, hex, &pen->fg);
	if (len == 0) {
		pen->fg = TR_IRC_COLOUR_DEFAULT;
		pen->bg = TR_IRC_COLOUR_DEFAULT;
		return 1;
	}
	size_t end = index + 1 + len;
	if (end < text.len && text.ptr[end] == ',') {
		len = read_colour(text, end + 1, hex, &pen->bg);
		end += len > 0 ? len + 1 : 0;
	}
	return end - index;
}

static const struct {
	char code;
	unsigned style;
} toggles[] = {
	{TR_IRC_CODE_BOLD, TR_STYLE_BOLD},
	{TR_IRC_CODE_ITALIC, TR_STYLE_ITALIC},
	{TR_IRC_CODE_UNDERLINE, TR_STYLE_UNDERLINE},
	{TR_IRC_CODE_STRIKE, TR_STYLE_STRIKE},
	{TR_IRC_CODE_MONOSPACE, TR_STYLE_CODE},
};

size_t tr_irc_pen_read(struct tr_irc_pen *pen, struct tr_str text, size_t index)
{
	char code = text.ptr[index];
	if ((unsigned char)code >= ' ') {
		return 0;
	}
	if (code == TR_IRC_CODE_COLOUR || code == TR_IRC_CODE_HEX) {
		return read_colours(pen, text, index, code == TR_IRC_CODE_HEX);
	}
	if (code == TR_IRC_CODE_RESET) {
		*pen = (struct tr_irc_pen)TR_IRC_PEN_INIT;
		return 1;
	}
	if (code == TR_IRC_CODE_REVERSE) {
		pen->reverse = !pen->reverse;
		return 1;
	}
	for (size_t i = 0; i < TR_ARRAY_LEN(toggles); i++) {
		if (code == toggles[i].code) {
			pen->styles ^= toggles[i].style;
			return 1;
		}
	}
	return 0;
}

static void write_colours(const struct tr_irc_pen *pen, struct tr_buf *out)
{
	int32_t fg = pen->fg;
	int32_t bg = pen->bg;
	if (fg >= TR_IRC_COLOUR_RGB || bg >= TR_IRC_COLOUR_RGB) {
		if (fg != TR_IRC_COLOUR_DEFAULT) {
			tr_buf_addf(out, "\x04%06x", (unsigned)tr_irc_colour_rgb(fg));
			if (bg != TR_IRC_COLOUR_DEFAULT) {
				tr_buf_addf(out, ",%06x", (unsigned)tr_irc_colour_rgb(bg));
			}
			return;
		}
		bg = tr_irc_colour_nearest(tr_irc_colour_rgb(bg));
	}
	tr_buf_addf(out, "\x03%02d", (int)fg);
	if (bg != TR_IRC_COLOUR_DEFAULT) {
		tr_buf_addf(out, ",%02d", (int)bg);
	}
}

/* Some colour is to be none again. 0x03 alone would swallow digits that follow, and not every
 * client knows 99. */
static bool must_reset(const struct tr_irc_pen *from, const struct tr_irc_pen *to)
{
	return (from->fg != TR_IRC_COLOUR_DEFAULT && to->fg == TR_IRC_COLOUR_DEFAULT) ||
	       (from->bg != TR_IRC_COLOUR_DEFAULT && to->bg == TR_IRC_COLOUR_DEFAULT);
}

void tr_irc_pen_write(const struct tr_irc_pen *from, const struct tr_irc_pen *to,
	struct tr_str next, struct tr_buf *out)
{
	struct tr_irc_pen now = *from;
	if (tr_irc_pen_same(&now, to)) {
		return;
	}
	if (tr_irc_pen_plain(to) || must_reset(&now, to)) {
		tr_buf_add_char(out, TR_IRC_CODE_RESET);
		now = (struct tr_irc_pen)TR_IRC_PEN_INIT;
	}
	bool coloured = now.fg != to->fg || now.bg != to->bg;
	if (coloured) {
		write_colours(to, out);
	}
	size_t before = out->len;
	for (size_t i = 0; i < TR_ARRAY_LEN(toggles); i++) {
		if ((now.styles ^ to->styles) & toggles[i].style) {
			tr_buf_add_char(out, toggles[i].code);
		}
	}
	if (now.reverse != to->reverse) {
		tr_buf_add_char(out, TR_IRC_CODE_REVERSE);
	}
	if (coloured && out->len == before && next.len > 0 && next.ptr[0] == ',') {
		/* Else ",5" would be a background; on and off again changes nothing. */
		tr_buf_add_char(out, TR_IRC_CODE_BOLD);
		tr_buf_add_char(out, TR_IRC_CODE_BOLD);
	}
}
