/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 out of whatever a line is written in. */
#include "bridges/irc/encoding.h"

#include "core/base/alloc.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

enum { PROBE_MAX = 128, STEP = 256 };

struct tr_irc_encoding {
	iconv_t iconv;
};

static void convert(struct tr_irc_encoding *encoding, struct tr_str line, struct tr_buf *out)
{
	char *in = (char *)(uintptr_t)line.ptr; /* iconv takes no const */
	size_t left = line.len;
	iconv(encoding->iconv, NULL, NULL, NULL, NULL);
	while (left > 0) {
		char step[STEP];
		char *to = step;
		size_t room = sizeof(step);
		size_t rc = iconv(encoding->iconv, &in, &left, &to, &room);
		int reason = errno;
		tr_buf_add(out, tr_str_of(step, sizeof(step) - room));
		if (rc != (size_t)-1 || reason == E2BIG) {
			continue;
		}
		tr_buf_add_code_point(out, 0xfffd);
		if (reason == EINVAL) {
			return; /* the line ends inside a character */
		}
		in++;
		left--;
		iconv(encoding->iconv, NULL, NULL, NULL, NULL);
	}
}

/* Codes of formatting, separators and digits have to be what they are in ASCII. Backslash and tilde
 * may differ: they do in old encodings of Japan. */
static bool keeps_ascii(struct tr_irc_encoding *encoding)
{
	char probe[PROBE_MAX];
	struct tr_buf out = TR_BUF_INIT(TR_IRC_DECODED_MAX(PROBE_MAX));
	size_t len = 0;
	for (char c = 1; c < 0x7f; c++) {
		if (c != '\\' && c != '~' && c != 0x0e && c != 0x0f && c != 0x1b) {
			probe[len++] = c;
		}
	}
	convert(encoding, tr_str_of(probe, len), &out);
	bool same = tr_str_eq(tr_buf_str(&out), tr_str_of(probe, len));
	tr_buf_finish(&out);
	return same;
}

struct tr_irc_encoding *tr_irc_encoding_open(const char *name, struct tr_error *error)
{
	/* Suffixes like //TRANSLIT are commands to iconv, and "" is the locale's encoding. */
	iconv_t opened = *name != '\0' && strchr(name, '/') == NULL ? iconv_open("UTF-8", name)
								    : (iconv_t)-1;
	if (opened == (iconv_t)-1) {
		tr_error_set(error, TR_E_INVALID, "the encoding \"%s\" is not known here", name);
		return NULL;
	}
	struct tr_irc_encoding *encoding = tr_alloc(sizeof(*encoding));
	encoding->iconv = opened;
	if (!keeps_ascii(encoding)) {
		tr_irc_encoding_close(encoding);
		tr_error_set(error, TR_E_INVALID,
			"the encoding \"%s\" cannot be used on IRC: ASCII means something else in it",
			name);
		return NULL;
	}
	return encoding;
}

void tr_irc_encoding_close(struct tr_irc_encoding *encoding)
{
	if (encoding != NULL) {
		iconv_close(encoding->iconv);
		tr_free(encoding);
	}
}

/* 0x80 to 0x9f; 0 = means nothing. */
static const uint16_t windows_1252[] = {0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
	0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0, 0, 0x2018, 0x2019, 0x201c, 0x201d,
	0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178};

static void add_windows_1252(struct tr_str line, struct tr_buf *out)
{
	for (size_t i = 0; i < line.len; i++) {
		unsigned char byte = (unsigned char)line.ptr[i];
		uint32_t c = byte >= 0x80 && byte < 0xa0 ? windows_1252[byte - 0x80] : byte;
		tr_buf_add_code_point(out, c == 0 && byte != 0 ? 0xfffd : c);
	}
}

/* Bytes up to where a server may have cut the line inside a character; line.len = nowhere. */
static size_t cut_in_character(struct tr_str line)
{
	for (size_t back = 1; back <= 3 && back < line.len; back++) {
		unsigned char byte = (unsigned char)line.ptr[line.len - back];
		size_t whole = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 0;
		if (whole > back && byte <= 0xf4) {
			return line.len - back;
		}
		if (byte < 0x80 || byte >= 0xc0) {
			break;
		}
	}
	return line.len;
}

/* Latin-1 text may end in one letter beyond ASCII; so there has to be UTF-8 before the cut too. */
static bool is_utf8_cut(struct tr_str line, size_t *whole)
{
	*whole = cut_in_character(line);
	struct tr_str before = tr_str_slice(line, 0, *whole);
	bool ascii = true;
	for (size_t i = 0; i < before.len && ascii; i++) {
		ascii = (unsigned char)before.ptr[i] < 0x80;
	}
	return *whole < line.len && !ascii && tr_utf8_valid(before);
}

void tr_irc_decode(struct tr_irc_encoding *encoding, struct tr_str line, struct tr_buf *out)
{
	size_t whole;
	if (tr_utf8_valid(line)) {
		tr_buf_add(out, line);
	} else if (is_utf8_cut(line, &whole)) {
		tr_buf_add(out, tr_str_slice(line, 0, whole));
	} else if (encoding != NULL) {
		convert(encoding, line, out);
	} else {
		add_windows_1252(line, out);
	}
}
