/* SPDX-License-Identifier: Apache-2.0 */
/* A line of IRC as spans: text between two codes is one. */
#include "bridges/irc/format.h"

#include "bridges/irc/format_pen.h"
#include "bridges/irc/text.h"
#include "core/base/alloc.h"

/* What reverse makes of a colour that is not set: grey on black stands out on light and dark. */
enum { PAPER = 0x000000, INK = 0xd2d2d2 };

/* Black on black and the like is hidden text. */
static void take_pen(struct tr_span *span, const struct tr_irc_pen *pen)
{
	int32_t fg = tr_irc_colour_rgb(pen->fg);
	int32_t bg = tr_irc_colour_rgb(pen->bg);
	span->styles = pen->styles;
	if (fg != TR_COLOUR_NONE && fg == bg) {
		span->styles |= TR_STYLE_SPOILER;
	} else if (pen->reverse) {
		span->fg = bg == TR_COLOUR_NONE ? PAPER : bg;
		span->bg = fg == TR_COLOUR_NONE ? INK : fg;
	} else {
		span->fg = fg;
		span->bg = bg;
	}
}

static void end_run(struct tr_spans *spans, struct tr_buf *run, const struct tr_irc_pen *pen)
{
	if (run->len > 0) {
		take_pen(tr_spans_add(spans, tr_buf_str(run)), pen);
	}
	tr_buf_clear(run);
}

/* Bytes from `i` on that are shown as they are, whatever stands around them. */
static size_t plain_bytes(struct tr_str text, size_t i)
{
	size_t end = i;
	while (end < text.len && text.ptr[end] >= ' ' && text.ptr[end] < 0x7f) {
		end++;
	}
	return end - i;
}

void tr_irc_format_read(struct tr_str text, struct tr_spans *spans)
{
	struct tr_irc_pen pen = TR_IRC_PEN_INIT;
	struct tr_irc_pen of_run = TR_IRC_PEN_INIT;
	struct tr_buf run = TR_BUF_INIT(3 * text.len + 1);
	size_t i = 0;
	while (i < text.len) {
		size_t code = tr_irc_pen_read(&pen, text, i);
		if (code > 0) {
			i += code;
			continue;
		}
		if (!tr_irc_pen_same(&pen, &of_run) && spans->count + 1 < TR_HTML_MAX_SPANS) {
			end_run(spans, &run, &of_run);
			of_run = pen;
		}
		size_t plain = plain_bytes(text, i);
		tr_buf_add(&run, tr_str_slice(text, i, plain));
		i += plain;
		if (plain == 0) {
			tr_irc_text_add_shown(text, &i, &run);
		}
	}
	end_run(spans, &run, &of_run);
	tr_buf_finish(&run);
}
