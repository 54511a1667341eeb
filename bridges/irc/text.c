/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts messages into lines and takes formatting codes out; styles are another file's subject. */
#include "bridges/irc/text.h"
#include "core/base/alloc.h"

enum {
	LINE_MIN = 4, /* the longest character */
	CTCP_MARK = 0x01,
	BOLD = 0x02,
	COLOUR = 0x03,
	HEX_COLOUR = 0x04,
	RESET = 0x0f,
	MONOSPACE = 0x11,
	REVERSE = 0x16,
	ITALIC = 0x1d,
	STRIKE = 0x1e,
	UNDERLINE = 0x1f,
	DELETE = 0x7f,
};

/* Where to cut what is longer than `max`: the last space in the last third, else the last whole
 * character. */
static size_t cut_at(struct tr_str text, size_t max)
{
	size_t fit = tr_utf8_fit(text, max);
	for (size_t i = fit; i >= max - max / 3; i--) {
		if (text.ptr[i] == ' ') {
			return i;
		}
	}
	return fit > 0 ? fit : max;
}

/* Styles may stand in a text; no other control character: NUL breaks the line, 0x01 is CTCP, ESC
 * and BEL are commands to the terminals of readers. */
static bool is_written(char character)
{
	unsigned char c = (unsigned char)character;
	switch (c) {
	case '\t':
	case '\r':
	case '\n':
	case BOLD:
	case COLOUR:
	case HEX_COLOUR:
	case RESET:
	case MONOSPACE:
	case REVERSE:
	case ITALIC:
	case STRIKE:
	case UNDERLINE:
		return true;
	default:
		return c >= ' ' && c != DELETE;
	}
}

/* Without what may not be written; LF alone ends lines. */
static void add_clean(struct tr_buf *out, struct tr_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (is_written(text.ptr[i])) {
			tr_buf_add_char(out, text.ptr[i] == '\r' ? '\n' : text.ptr[i]);
		}
	}
}

static bool is_blank(struct tr_str text)
{
	return tr_str_empty(tr_str_trim(text));
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

size_t tr_irc_text_split(struct tr_str text, size_t max, size_t lines_max, char ***out, bool *cut)
{
	struct lines lines = {.max = lines_max};
	max = max < LINE_MIN ? LINE_MIN : max;
	struct tr_buf clean = TR_BUF_INIT(text.len + 1);
	add_clean(&clean, text);
	struct tr_str rest = tr_buf_str(&clean);
	struct tr_str line;
	while (tr_str_split(&rest, '\n', &line)) {
		while (line.len > 0) {
			size_t at = line.len <= max ? line.len : cut_at(line, max);
			add_line(&lines, tr_str_slice(line, 0, at));
			line = tr_str_from_index(line, at);
			if (line.len > 0 && line.ptr[0] == ' ') {
				line = tr_str_from_index(line, 1);
			}
		}
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

static bool is_digit(struct tr_str text, size_t i)
{
	return i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9';
}

static bool is_hex(struct tr_str text, size_t i)
{
	return is_digit(text, i) ||
	       (i < text.len && ((text.ptr[i] >= 'a' && text.ptr[i] <= 'f') ||
					(text.ptr[i] >= 'A' && text.ptr[i] <= 'F')));
}

/* Past one colour: up to two digits, or six hex digits. */
static size_t skip_colour(struct tr_str text, size_t i, bool hex)
{
	size_t most = hex ? 6 : 2;
	for (size_t n = 0; n < most && (hex ? is_hex(text, i) : is_digit(text, i)); n++) {
		i++;
	}
	return i;
}

/* Past "\x03fg,bg" or "\x04RRGGBB,RRGGBB"; a comma without a colour after it is text. */
static size_t skip_colours(struct tr_str text, size_t i, bool hex)
{
	size_t after = skip_colour(text, i, hex);
	if (after > i && after < text.len && text.ptr[after] == ',' &&
		(hex ? is_hex(text, after + 1) : is_digit(text, after + 1))) {
		after = skip_colour(text, after + 1, hex);
	}
	return after;
}

/* LRO and RLO turn what follows around; nothing legitimate needs them, isolates do it better. */
static bool is_override(uint32_t c)
{
	return c == 0x202d || c == 0x202e;
}

static void add_code_point(struct tr_buf *out, uint32_t c)
{
	bool c1 = c >= 0x80 && c < 0xa0;
	if (c == 0x2028 || c == 0x2029) {
		tr_buf_add_char(out, ' ');
	} else if (!c1 && !is_override(c)) {
		tr_buf_add_code_point(out, c);
	}
}

static void add_text(struct tr_buf *out, struct tr_str text, bool utf8, size_t *index)
{
	unsigned char byte = (unsigned char)text.ptr[*index];
	if (byte < 0x20 || byte == 0x7f) {
		if (byte == '\t') {
			tr_buf_add_char(out, ' ');
		}
		(*index)++;
	} else if (utf8) {
		add_code_point(out, tr_utf8_next(text, index));
	} else {
		add_code_point(out, byte);
		(*index)++;
	}
}

int tr_irc_text_plain(struct tr_str text, struct tr_buf *out)
{
	bool utf8 = tr_utf8_valid(text);
	size_t i = 0;
	while (i < text.len) {
		switch (text.ptr[i]) {
		case COLOUR:
			i = skip_colours(text, i + 1, false);
			break;
		case HEX_COLOUR:
			i = skip_colours(text, i + 1, true);
			break;
		default:
			add_text(out, text, utf8, &i);
			break;
		}
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
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
