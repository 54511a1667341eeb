/* SPDX-License-Identifier: Apache-2.0 */
/* Hex, base32, base64 and percent-encoding, all appending to a buffer with a maximum. An encoder
 * reserves exactly what it writes, so that it writes all or nothing. */
#include "core/base/encode.h"

#include "core/base/error.h"

#include <string.h>

static const char HEX[] = "0123456789abcdef";
static const char BASE32[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char BASE64URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Groups of `bits` bits, most significant first, each as one letter of `alphabet`, then '=' up to a
 * multiple of `multiple` letters. */
static int encode_bits(struct tr_buf *out, struct tr_str data, const char *alphabet, unsigned bits,
	size_t multiple)
{
	size_t whole = data.len / bits * 8;
	size_t letters = whole + (data.len % bits * 8 + bits - 1) / bits;
	size_t padding = (multiple - letters % multiple) % multiple;
	uint32_t pending = 0;
	unsigned count = 0;
	int rc = tr_buf_reserve(out, letters + padding);

	if (rc != 0) {
		return rc;
	}
	for (size_t i = 0; i < data.len; i++) {
		pending = pending << 8 | (unsigned char)data.ptr[i];
		count += 8;
		while (count >= bits) {
			count -= bits;
			out->data[out->len++] = alphabet[pending >> count];
			pending &= (1U << count) - 1;
		}
	}
	if (count > 0) {
		out->data[out->len++] = alphabet[pending << (bits - count)];
	}
	memset(out->data + out->len, '=', padding);
	out->len += padding;
	out->data[out->len] = '\0';
	return 0;
}

int tr_hex_encode(struct tr_buf *out, const void *data, size_t len)
{
	return encode_bits(out, tr_str_of(data, len), HEX, 4, 1);
}

int tr_base32_encode(struct tr_buf *out, const void *data, size_t len)
{
	return encode_bits(out, tr_str_of(data, len), BASE32, 5, 1);
}

int tr_base64_encode(struct tr_buf *out, const void *data, size_t len)
{
	return encode_bits(out, tr_str_of(data, len), BASE64, 6, 4);
}

int tr_base64url_encode(struct tr_buf *out, const void *data, size_t len)
{
	return encode_bits(out, tr_str_of(data, len), BASE64URL, 6, 1);
}

static int base64_value(char letter)
{
	if (letter >= 'A' && letter <= 'Z') {
		return letter - 'A';
	}
	if (letter >= 'a' && letter <= 'z') {
		return letter - 'a' + 26;
	}
	if (letter >= '0' && letter <= '9') {
		return letter - '0' + 52;
	}
	if (letter == '+' || letter == '-') {
		return 62;
	}
	return letter == '/' || letter == '_' ? 63 : -1;
}

int tr_base64_decode(struct tr_buf *out, struct tr_str text)
{
	size_t start = out->len;
	uint32_t pending = 0;
	unsigned count = 0;
	size_t padding = 0;
	int rc;

	while (padding < 2 && text.len > 0 && text.ptr[text.len - 1] == '=') {
		text.len--;
		padding++;
	}
	if (text.len % 4 == 1 || (padding > 0 && (text.len + padding) % 4 != 0)) {
		return TR_E_INVALID;
	}
	rc = tr_buf_reserve(out, text.len / 4 * 3 + text.len % 4 * 3 / 4);
	if (rc != 0) {
		return rc;
	}
	for (size_t i = 0; i < text.len; i++) {
		int value = base64_value(text.ptr[i]);

		if (value < 0) {
			tr_buf_truncate(out, start);
			return TR_E_INVALID;
		}
		pending = pending << 6 | (unsigned)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			out->data[out->len++] = (char)(pending >> count);
			pending &= (1U << count) - 1;
		}
	}
	out->data[out->len] = '\0';
	return 0;
}

/* -1 when it is no hexadecimal digit. */
static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9') {
		return digit - '0';
	}
	if (digit >= 'a' && digit <= 'f') {
		return digit - 'a' + 10;
	}
	return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

static int hex_byte(struct tr_str text, size_t at)
{
	int high = at < text.len ? hex_value(text.ptr[at]) : -1;
	int low = at + 1 < text.len ? hex_value(text.ptr[at + 1]) : -1;

	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

int tr_hex_decode(struct tr_buf *out, struct tr_str text)
{
	size_t start = out->len;
	int rc;

	if (text.len % 2 != 0) {
		return TR_E_INVALID;
	}
	rc = tr_buf_reserve(out, text.len / 2);
	if (rc != 0) {
		return rc;
	}
	for (size_t i = 0; i < text.len; i += 2) {
		int byte = hex_byte(text, i);

		if (byte < 0) {
			tr_buf_truncate(out, start);
			return TR_E_INVALID;
		}
		out->data[out->len++] = (char)byte;
	}
	out->data[out->len] = '\0';
	return 0;
}

static bool unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

int tr_percent_encode(struct tr_buf *out, struct tr_str text)
{
	size_t wanted = 0;
	int rc;

	for (size_t i = 0; i < text.len; i++) {
		wanted += unreserved(text.ptr[i]) ? 1 : 3;
	}
	rc = tr_buf_reserve(out, wanted);
	if (rc != 0) {
		return rc;
	}
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];

		if (unreserved(text.ptr[i])) {
			out->data[out->len++] = (char)byte;
			continue;
		}
		out->data[out->len++] = '%';
		out->data[out->len++] = "0123456789ABCDEF"[byte >> 4];
		out->data[out->len++] = "0123456789ABCDEF"[byte & 15];
	}
	out->data[out->len] = '\0';
	return 0;
}

int tr_percent_decode(struct tr_buf *out, struct tr_str text, bool plus_is_space)
{
	size_t start = out->len;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '+' && plus_is_space) {
			c = ' ';
		} else if (c == '%') {
			int byte = hex_byte(text, i + 1);

			if (byte < 0) {
				tr_buf_truncate(out, start);
				return TR_E_INVALID;
			}
			c = (char)byte;
			i += 2;
		}
		if (tr_buf_add_char(out, c) != 0) {
			tr_buf_truncate(out, start);
			return TR_E_TOO_BIG;
		}
	}
	return 0;
}
