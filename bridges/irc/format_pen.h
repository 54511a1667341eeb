/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state that mIRC's codes of formatting leave behind, as a value: read code by code, and
 * written as the codes that lead from one state to another. Internal to text and formatting.
 */
#ifndef TRESTLE_IRC_FORMAT_PEN_H
#define TRESTLE_IRC_FORMAT_PEN_H

#include "core/base/buf.h"

enum {
	TR_IRC_CODE_BOLD = 0x02,
	TR_IRC_CODE_COLOUR = 0x03,
	TR_IRC_CODE_HEX = 0x04,
	TR_IRC_CODE_RESET = 0x0f,
	TR_IRC_CODE_MONOSPACE = 0x11,
	TR_IRC_CODE_REVERSE = 0x16,
	TR_IRC_CODE_ITALIC = 0x1d,
	TR_IRC_CODE_STRIKE = 0x1e,
	TR_IRC_CODE_UNDERLINE = 0x1f,
};

/* Colours are 0 to 98 of the palette, or TR_IRC_COLOUR_RGB | 0xRRGGBB. */
enum { TR_IRC_COLOUR_DEFAULT = 99, TR_IRC_COLOUR_RGB = 0x1000000 };

/* Compare with tr_irc_pen_same(). */
struct tr_irc_pen {
	unsigned styles; /* enum tr_style, or-ed */
	bool reverse;
	int32_t fg, bg;
};

#define TR_IRC_PEN_INIT                                  \
 {                                                       \
  0, false, TR_IRC_COLOUR_DEFAULT, TR_IRC_COLOUR_DEFAULT \
 }

bool tr_irc_pen_same(const struct tr_irc_pen *a, const struct tr_irc_pen *b);
bool tr_irc_pen_plain(const struct tr_irc_pen *pen);
/* Bytes of the code at `index` with its digits; 0 = there is none. Its effect goes into *pen. */
size_t tr_irc_pen_read(struct tr_irc_pen *pen, struct tr_str text, size_t index);
/* Appends the codes that lead from one state to another, so that `next`, the text which is to
 * follow, cannot be taken for a part of them. */
void tr_irc_pen_write(const struct tr_irc_pen *from, const struct tr_irc_pen *to,
	struct tr_str next, struct tr_buf *out);

/* 0xRRGGBB of a colour; TR_COLOUR_NONE of the default. */
int32_t tr_irc_colour_rgb(int32_t colour);
/* The colour of the palette that comes closest; the first sixteen, which every client knows, win
 * where they are close. */
int32_t tr_irc_colour_nearest(int32_t rgb);

#endif
