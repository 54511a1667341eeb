/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A validating scanner for RFC 8259. It keeps no tree: the open containers are one bit each. It
 * copies nothing unless something has to be rewritten, and then only once, segment by segment.
 */
#include "core/base/json_scan.h"

#include "core/base/json.h"

#include <stdlib.h>
#include <string.h>

/* U+FFFD in UTF-8 */
#define REPLACEMENT TR_STR("\xef\xbf\xbd")

enum {
	/* Longer ones do not fit the library's number buffer. */
	NUMBER_MAX = 60,
	/* Every integer of this many digits is below 2^53. */
	EXACT_DIGITS = 15,
};

struct scanner {
	struct tr_str text;
	size_t at;
	size_t copied; /* how much of the text is in the rewritten one already */
	size_t values;
	size_t depth;
	uint64_t objects; /* bit n: the container at depth n is an object */
	struct tr_json_scan *scan;
	struct tr_error *error;
};

size_t tr_json_plain_length(struct tr_str text)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t tops = UINT64_C(0x8080808080808080);
	uint64_t word;
	size_t at = 0;

	while (text.len - at >= sizeof(word)) {
		uint64_t quote;
		uint64_t backslash;

		/* A byte's top bit in the sum below gets set when it is below 0x20, equals one of
		 * the two (the difference is zero), or is not ASCII. */
		memcpy(&word, text.ptr + at, sizeof(word));
		quote = word ^ ones * '"';
		backslash = word ^ ones * '\\';
		if (((word - ones * 0x20) | (quote - ones) | (backslash - ones) | word) & tops) {
			break;
		}
		at += sizeof(word);
	}
	while (at < text.len) {
		unsigned char c = (unsigned char)text.ptr[at];

		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') {
			break;
		}
		at++;
	}
	return at;
}

static int fail(struct scanner *s, enum tr_error_code code, size_t at, const char *what)
{
	return tr_error_set(s->error, code, "JSON is wrong at byte %zu: %s", at, what);
}

/* The byte at hand; NUL at the end (a NUL byte there is never right either). */
static unsigned char peek(const struct scanner *s)
{
	return s->at < s->text.len ? (unsigned char)s->text.ptr[s->at] : '\0';
}

static bool digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static void skip_space(struct scanner *s)
{
	while (s->at < s->text.len) {
		char c = s->text.ptr[s->at];

		if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
			return;
		}
		s->at++;
	}
}

/* Puts `bytes` in the place of what lies between `start` and the position. */
static void replace(struct scanner *s, size_t start, struct tr_str bytes)
{
	struct tr_buf *out = &s->scan->rewritten;

	tr_buf_add(out, tr_str_slice(s->text, s->copied, start - s->copied));
	tr_buf_add(out, bytes);
	s->copied = s->at;
}

static int hex4(struct scanner *s, size_t at)
{
	int value = 0;

	if (s->text.len - at < 4) {
		return -1;
	}
	for (size_t i = at; i < at + 4; i++) {
		char c = s->text.ptr[i];
		int nibble;

		if (digit((unsigned char)c)) {
			nibble = c - '0';
		} else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
			nibble = (c | 0x20) - 'a' + 10;
		} else {
			return -1;
		}
		value = value << 4 | nibble;
	}
	return value;
}

/* At a backslash. */
static int scan_escape(struct scanner *s)
{
	size_t start = s->at;
	int unit;
	int low;

	if (s->text.len - start < 2) {
		return fail(s, TR_E_INVALID, start, "the escape is cut short");
	}
	if (s->text.ptr[start + 1] != 'u') {
		s->at += 2;
		return strchr("\"\\/bfnrt", s->text.ptr[start + 1]) && s->text.ptr[start + 1]
			       ? 0
			       : fail(s, TR_E_INVALID, start, "no such escape");
	}
	unit = hex4(s, start + 2);
	if (unit < 0) {
		return fail(s, TR_E_INVALID, start, "\\u needs four hexadecimal digits");
	}
	s->at += 6;
	if (unit >= 0xd800 && unit < 0xdc00 && s->text.len - s->at >= 6 &&
		s->text.ptr[s->at] == '\\' && s->text.ptr[s->at + 1] == 'u') {
		low = hex4(s, s->at + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			s->at += 6;
			return 0;
		}
	}
	if (unit == 0 || (unit >= 0xd800 && unit < 0xe000)) {
		replace(s, start, REPLACEMENT);
	}
	return 0;
}

/* At the opening quote. */
static int scan_string(struct scanner *s)
{
	size_t start = s->at++;

	for (;;) {
		unsigned char c;

		s->at += tr_json_plain_length(tr_str_from_index(s->text, s->at));
		if (s->at >= s->text.len) {
			return fail(s, TR_E_INVALID, start, "the string has no end");
		}
		c = (unsigned char)s->text.ptr[s->at];
		if (c == '"') {
			s->at++;
			return 0;
		}
		if (c == '\\') {
			int rc = scan_escape(s);

			if (rc != 0) {
				return rc;
			}
		} else if (c == '\0') {
			s->at++;
			replace(s, s->at - 1, REPLACEMENT);
		} else if (c < 0x20) {
			return fail(s, TR_E_INVALID, s->at, "control character in a string");
		} else {
			size_t len = tr_utf8_length(s->text, s->at);

			if (len == 0) {
				return fail(s, TR_E_INVALID, s->at, "the text is not UTF-8");
			}
			s->at += len;
		}
	}
}

static bool skip_digits(struct scanner *s)
{
	size_t start = s->at;

	while (digit(peek(s))) {
		s->at++;
	}
	return s->at > start;
}

/* Whether the library's double is as good as the digits: whole numbers up to 2^53, and anything
 * with a fraction or an exponent that is finite. */
static bool library_can_hold(struct tr_str number, bool whole)
{
	struct tr_str magnitude = number;
	char copy[NUMBER_MAX + 1];

	if (number.ptr[0] == '-') {
		magnitude = tr_str_from_index(number, 1);
	}
	if (whole) {
		uint64_t value;

		return magnitude.len <= EXACT_DIGITS ||
		       (tr_str_to_u64(magnitude, &value) && value <= UINT64_C(1) << 53);
	}
	if (number.len > NUMBER_MAX) {
		return false;
	}
	memcpy(copy, magnitude.ptr, magnitude.len);
	copy[magnitude.len] = '\0';
	return strtod(copy, NULL) <= 1.7e308;
}

static int scan_number(struct scanner *s)
{
	size_t start = s->at;
	bool whole = true;
	struct tr_str number;

	if (peek(s) == '-') {
		s->at++;
	}
	if (peek(s) == '0') {
		s->at++;
	} else if (!skip_digits(s)) {
		return fail(s, TR_E_INVALID, start, "a value is missing");
	}
	if (peek(s) == '.') {
		whole = false;
		s->at++;
		if (!skip_digits(s)) {
			return fail(s, TR_E_INVALID, start, "the fraction has no digits");
		}
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		whole = false;
		s->at++;
		if (peek(s) == '+' || peek(s) == '-') {
			s->at++;
		}
		if (!skip_digits(s)) {
			return fail(s, TR_E_INVALID, start, "the exponent has no digits");
		}
	}
	number = tr_str_slice(s->text, start, s->at - start);
	if (!library_can_hold(number, whole)) {
		replace(s, start, TR_STR("\"\xff"));
		s->copied = start;
		replace(s, s->at, TR_STR("\""));
		s->scan->has_raw_numbers = true;
	}
	return 0;
}

static int scan_word(struct scanner *s, struct tr_str word)
{
	if (!tr_str_starts(tr_str_from_index(s->text, s->at), word)) {
		return fail(s, TR_E_INVALID, s->at, "a value is missing");
	}
	s->at += word.len;
	return 0;
}

static int open_container(struct scanner *s, bool object)
{
	if (s->depth == TR_JSON_MAX_DEPTH) {
		return fail(s, TR_E_TOO_BIG, s->at, "nested too deeply");
	}
	s->objects &= ~(UINT64_C(1) << s->depth);
	s->objects |= (uint64_t)object << s->depth;
	s->depth++;
	s->at++;
	skip_space(s);
	return 0;
}

static bool in_object(const struct scanner *s)
{
	return s->depth > 0 && (s->objects >> (s->depth - 1) & 1);
}

/* Closes the innermost container if the byte at hand does. */
static bool close_container(struct scanner *s)
{
	if (s->depth == 0 || peek(s) != (in_object(s) ? '}' : ']')) {
		return false;
	}
	s->depth--;
	s->at++;
	return true;
}

static int scan_key(struct scanner *s)
{
	int rc;

	skip_space(s);
	if (peek(s) != '"') {
		return fail(s, TR_E_INVALID, s->at, "a key is missing");
	}
	rc = scan_string(s);
	if (rc != 0) {
		return rc;
	}
	skip_space(s);
	if (peek(s) != ':') {
		return fail(s, TR_E_INVALID, s->at, "a colon is missing");
	}
	s->at++;
	return 0;
}

/* A whole scalar or the start of a container. *opened tells that a first member or element has to
 * follow. */
static int scan_value(struct scanner *s, bool *opened)
{
	int rc;

	*opened = false;
	skip_space(s);
	if (++s->values > TR_JSON_MAX_VALUES) {
		return fail(s, TR_E_TOO_BIG, s->at, "too many values");
	}
	switch (peek(s)) {
	case '"':
		return scan_string(s);
	case '{':
	case '[':
		rc = open_container(s, peek(s) == '{');
		*opened = rc == 0 && !close_container(s);
		return rc;
	case 't':
		return scan_word(s, TR_STR("true"));
	case 'f':
		return scan_word(s, TR_STR("false"));
	case 'n':
		return scan_word(s, TR_STR("null"));
	default:
		return scan_number(s);
	}
}

/* After a value: closes what closes here and takes a comma. *more tells that another value
 * follows. */
static int scan_separator(struct scanner *s, bool *more)
{
	*more = false;
	skip_space(s);
	while (close_container(s)) {
		skip_space(s);
	}
	if (s->depth == 0) {
		return 0;
	}
	if (peek(s) != ',') {
		return fail(s, TR_E_INVALID, s->at, "a comma or a closing bracket is missing");
	}
	s->at++;
	*more = true;
	return 0;
}

static int scan_document(struct scanner *s)
{
	bool more = true;

	while (more) {
		bool opened;
		int rc = in_object(s) ? scan_key(s) : 0;

		if (rc == 0) {
			rc = scan_value(s, &opened);
		}
		if (rc == 0 && !opened) {
			rc = scan_separator(s, &more);
		}
		if (rc != 0) {
			return rc;
		}
	}
	if (s->at != s->text.len) {
		return fail(s, TR_E_INVALID, s->at, "something follows the value");
	}
	return 0;
}

int tr_json_scan(struct tr_str text, struct tr_json_scan *scan, struct tr_error *error)
{
	struct scanner s = {.text = text, .scan = scan, .error = error};
	int rc;

	/* A NUL byte may become three, a number gets three bytes of quotes and mark. */
	tr_buf_init(&scan->rewritten, 4 * (size_t)TR_JSON_MAX_BYTES);
	scan->has_raw_numbers = false;
	if (text.len > TR_JSON_MAX_BYTES) {
		return tr_error_set(error, TR_E_TOO_BIG, "JSON of %zu bytes; %d are the most taken",
			text.len, TR_JSON_MAX_BYTES);
	}
	rc = scan_document(&s);
	if (rc == 0 && s.copied > 0) {
		tr_buf_add(&scan->rewritten, tr_str_from_index(text, s.copied));
		if (tr_buf_failed(&scan->rewritten)) {
			rc = fail(&s, TR_E_TOO_BIG, text.len, "too long once made safe");
		}
	}
	return rc;
}
