/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: checking, decoding, encoding and cutting at code point boundaries. */
#include "core/base/str.h"

#include <string.h>

enum { REPLACEMENT = 0xfffd };

static bool in_range(unsigned char byte, unsigned char low, unsigned char high)
{
	return byte >= low && byte <= high;
}

size_t tr_utf8_length(struct tr_str view, size_t index)
{
	const unsigned char *p = (const unsigned char *)view.ptr + index;
	size_t left = view.len - index;
	size_t len;
	unsigned char low = 0x80;
	unsigned char high = 0xbf;

	if (left == 0) {
		return 0;
	}
	if (p[0] < 0x80) {
		return 1;
	}
	/* The second byte's range keeps out overlong forms, surrogates and what is beyond U+10FFFF
	 * (RFC 3629 section 4). */
	if (in_range(p[0], 0xc2, 0xdf)) {
		len = 2;
	} else if (in_range(p[0], 0xe0, 0xef)) {
		len = 3;
		low = p[0] == 0xe0 ? 0xa0 : 0x80;
		high = p[0] == 0xed ? 0x9f : 0xbf;
	} else if (in_range(p[0], 0xf0, 0xf4)) {
		len = 4;
		low = p[0] == 0xf0 ? 0x90 : 0x80;
		high = p[0] == 0xf4 ? 0x8f : 0xbf;
	} else {
		return 0;
	}
	if (left < len || !in_range(p[1], low, high)) {
		return 0;
	}
	for (size_t i = 2; i < len; i++) {
		if (!in_range(p[i], 0x80, 0xbf)) {
			return 0;
		}
	}
	return len;
}

bool tr_utf8_valid(struct tr_str view)
{
	size_t i = 0;

	while (i < view.len) {
		uint64_t eight;
		size_t len;

		if (view.len - i >= sizeof(eight)) {
			memcpy(&eight, view.ptr + i, sizeof(eight));
			if ((eight & UINT64_C(0x8080808080808080)) == 0) {
				i += sizeof(eight);
				continue;
			}
		}
		len = tr_utf8_length(view, i);
		if (len == 0) {
			return false;
		}
		i += len;
	}
	return true;
}

uint32_t tr_utf8_next(struct tr_str view, size_t *index)
{
	static const unsigned char lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t len = tr_utf8_length(view, *index);
	uint32_t code_point;

	if (len == 0) {
		*index += *index < view.len ? 1 : 0;
		return REPLACEMENT;
	}
	code_point = (unsigned char)view.ptr[*index] & lead_bits[len];
	for (size_t i = 1; i < len; i++) {
		code_point = code_point << 6 | ((unsigned char)view.ptr[*index + i] & 0x3f);
	}
	*index += len;
	return code_point;
}

size_t tr_utf8_fit(struct tr_str view, size_t max)
{
	size_t len = max;

	if (view.len <= max) {
		return view.len;
	}
	/* A continuation byte right after the cut means that the cut is inside a sequence; a
	 * sequence has at most three of them, more is not UTF-8 and may be cut anywhere. */
	for (int i = 0; i < 3 && len > 0 && ((unsigned char)view.ptr[len] & 0xc0) == 0x80; i++) {
		len--;
	}
	return ((unsigned char)view.ptr[len] & 0xc0) == 0x80 ? max : len;
}

size_t tr_utf8_encode(uint32_t code_point, char out[4])
{
	if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff)) {
		code_point = REPLACEMENT;
	}
	if (code_point < 0x80) {
		out[0] = (char)code_point;
		return 1;
	}
	if (code_point < 0x800) {
		out[0] = (char)(0xc0 | code_point >> 6);
		out[1] = (char)(0x80 | (code_point & 0x3f));
		return 2;
	}
	if (code_point < 0x10000) {
		out[0] = (char)(0xe0 | code_point >> 12);
		out[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code_point & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code_point >> 18);
	out[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code_point & 0x3f));
	return 4;
}
