/* SPDX-License-Identifier: Apache-2.0 */
/* Takes out of IRC's text what people are not to see; cutting into lines is text_split.c's, styles
 * are format_read.c's. */
#include "bridges/irc/text.h"

#include "bridges/irc/encoding.h"
#include "bridges/irc/format_pen.h"

enum { CTCP_MARK = 0x01 };

/* LRO and RLO turn what follows around; nothing legitimate needs them, isolates do it better. */
static bool is_override(uint32_t c)
{
	return c == 0x202d || c == 0x202e;
}

void tr_irc_text_add_shown(struct tr_str text, size_t *index, struct tr_buf *out)
{
	uint32_t c = tr_utf8_next(text, index);
	bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
	if (c == '\t' || c == 0x2028 || c == 0x2029) {
		tr_buf_add_char(out, ' ');
	} else if (!control && !is_override(c)) {
		tr_buf_add_code_point(out, c);
	}
}

static void add_plain(struct tr_str text, struct tr_buf *out)
{
	struct tr_irc_pen pen = TR_IRC_PEN_INIT;
	size_t i = 0;
	while (i < text.len) {
		size_t code = tr_irc_pen_read(&pen, text, i);
		if (code > 0) {
			i += code;
		} else {
			tr_irc_text_add_shown(text, &i, out);
		}
	}
}

int tr_irc_text_plain(struct tr_str text, struct tr_buf *out)
{
	if (tr_utf8_valid(text)) {
		add_plain(text, out);
	} else {
		struct tr_buf decoded = TR_BUF_INIT(TR_IRC_DECODED_MAX(text.len));
		tr_irc_decode(NULL, text, &decoded);
		add_plain(tr_buf_str(&decoded), out);
		tr_buf_finish(&decoded);
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

bool tr_irc_text_same(struct tr_str a, struct tr_str b)
{
	if (tr_str_eq(a, b)) {
		return true;
	}
	struct tr_buf one = TR_BUF_INIT(TR_IRC_DECODED_MAX(a.len));
	struct tr_buf two = TR_BUF_INIT(TR_IRC_DECODED_MAX(b.len));
	bool same = tr_irc_text_plain(a, &one) == 0 && tr_irc_text_plain(b, &two) == 0 &&
		    tr_str_eq(tr_buf_str(&one), tr_buf_str(&two));
	tr_buf_finish(&one);
	tr_buf_finish(&two);
	return same;
}

/* Directions (ALM, LRM, RLM, embeddings, overrides, isolates), joiners, soft hyphen, byte order
 * mark, invisible operators, tags. */
static bool is_invisible(uint32_t c)
{
	return c == 0xad || c == 0x034f || c == 0x061c || c == 0x180e ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	       (c >= 0xe0000 && c <= 0xe007f);
}

int tr_irc_text_name(struct tr_str name, struct tr_buf *out)
{
	struct tr_buf plain = TR_BUF_INIT(name.len * 2 + 1);
	tr_irc_text_plain(name, &plain);
	struct tr_str rest = tr_buf_str(&plain);
	size_t i = 0;
	while (i < rest.len) {
		uint32_t c = tr_utf8_next(rest, &i);
		if (!is_invisible(c)) {
			tr_buf_add_code_point(out, c);
		}
	}
	tr_buf_finish(&plain);
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

int tr_irc_text_identity(struct tr_str nick, struct tr_buf *out)
{
	size_t i = 0;
	while (i < nick.len) {
		unsigned char byte = (unsigned char)nick.ptr[i];
		size_t len = tr_utf8_length(nick, i);
		if (len == 0 || byte < 0x20 || byte == 0x7f) {
			tr_buf_addf(out, "!%02x", byte);
			i++;
		} else {
			tr_buf_add(out, tr_str_slice(nick, i, len));
			i += len;
		}
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

bool tr_irc_ctcp(struct tr_str text, struct tr_str *verb, struct tr_str *rest)
{
	if (text.len < 2 || text.ptr[0] != CTCP_MARK) {
		return false;
	}
	struct tr_str inner = tr_str_from_index(text, 1);
	if (inner.ptr[inner.len - 1] == CTCP_MARK) {
		inner.len--;
	}
	ptrdiff_t space = tr_str_find_char(inner, ' ');
	*verb = space < 0 ? inner : tr_str_slice(inner, 0, (size_t)space);
	*rest = space < 0 ? (struct tr_str){NULL, 0} : tr_str_from_index(inner, (size_t)space + 1);
	return true;
}
