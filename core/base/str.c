/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing, searching, cutting and reading numbers out of text views. UTF-8 lives in utf8.c,
 * building of text in buf.c.
 */
#include "core/base/str.h"

#include "core/base/alloc.h"

#include <string.h>

struct tr_str tr_str_from(const char *text)
{
	return tr_str_of(text, text ? strlen(text) : 0);
}

struct tr_str tr_str_of(const char *ptr, size_t len)
{
	struct tr_str view = {ptr, len};

	return view;
}

char *tr_str_dup(struct tr_str view)
{
	char *copy = tr_alloc(view.len + 1);

	if (view.len > 0) {
		memcpy(copy, view.ptr, view.len);
	}
	return copy;
}

bool tr_str_empty(struct tr_str view)
{
	return view.len == 0;
}

bool tr_str_eq(struct tr_str a, struct tr_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool tr_str_eq_c(struct tr_str a, const char *b)
{
	return tr_str_eq(a, tr_str_from(b));
}

static unsigned char ascii_lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool tr_str_eq_nocase(struct tr_str a, struct tr_str b)
{
	if (a.len != b.len) {
		return false;
	}
	for (size_t i = 0; i < a.len; i++) {
		if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) {
			return false;
		}
	}
	return true;
}

int tr_str_compare(struct tr_str a, struct tr_str b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common > 0 ? memcmp(a.ptr, b.ptr, common) : 0;

	if (order != 0) {
		return order;
	}
	return (a.len > b.len) - (a.len < b.len);
}

bool tr_str_starts(struct tr_str view, struct tr_str prefix)
{
	return view.len >= prefix.len && tr_str_eq(tr_str_slice(view, 0, prefix.len), prefix);
}

bool tr_str_ends(struct tr_str view, struct tr_str suffix)
{
	return view.len >= suffix.len &&
	       tr_str_eq(tr_str_from_index(view, view.len - suffix.len), suffix);
}

ptrdiff_t tr_str_find(struct tr_str view, struct tr_str needle)
{
	size_t at = 0;

	if (needle.len == 0) {
		return 0;
	}
	while (view.len - at >= needle.len) {
		const char *hit =
			memchr(view.ptr + at, needle.ptr[0], view.len - at - needle.len + 1);

		if (!hit) {
			return -1;
		}
		if (memcmp(hit, needle.ptr, needle.len) == 0) {
			return hit - view.ptr;
		}
		at = (size_t)(hit - view.ptr) + 1;
	}
	return -1;
}

ptrdiff_t tr_str_find_char(struct tr_str view, char byte)
{
	const char *hit = view.len > 0 ? memchr(view.ptr, byte, view.len) : NULL;

	return hit ? hit - view.ptr : -1;
}

ptrdiff_t tr_str_rfind_char(struct tr_str view, char byte)
{
	for (size_t i = view.len; i > 0; i--) {
		if (view.ptr[i - 1] == byte) {
			return (ptrdiff_t)(i - 1);
		}
	}
	return -1;
}

struct tr_str tr_str_from_index(struct tr_str view, size_t start)
{
	if (start == 0) {
		return view;
	}
	if (start > view.len) {
		start = view.len;
	}
	return tr_str_of(view.ptr ? view.ptr + start : NULL, view.len - start);
}

struct tr_str tr_str_slice(struct tr_str view, size_t start, size_t count)
{
	struct tr_str rest = tr_str_from_index(view, start);

	if (count < rest.len) {
		rest.len = count;
	}
	return rest;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct tr_str tr_str_trim(struct tr_str view)
{
	while (view.len > 0 && is_space(view.ptr[view.len - 1])) {
		view.len--;
	}
	while (view.len > 0 && is_space(view.ptr[0])) {
		view.ptr++;
		view.len--;
	}
	return view;
}

bool tr_str_split(struct tr_str *rest, char separator, struct tr_str *field)
{
	ptrdiff_t at;

	if (!rest->ptr) {
		return false;
	}
	at = tr_str_find_char(*rest, separator);
	if (at < 0) {
		*field = *rest;
		*rest = tr_str_of(NULL, 0);
		return true;
	}
	*field = tr_str_slice(*rest, 0, (size_t)at);
	*rest = tr_str_from_index(*rest, (size_t)at + 1);
	return true;
}

bool tr_str_word(struct tr_str *rest, struct tr_str *word)
{
	size_t start = 0;
	size_t end;

	while (start < rest->len && (rest->ptr[start] == ' ' || rest->ptr[start] == '\t')) {
		start++;
	}
	end = start;
	while (end < rest->len && rest->ptr[end] != ' ' && rest->ptr[end] != '\t') {
		end++;
	}
	if (end == start) {
		*rest = tr_str_from_index(*rest, end);
		return false;
	}
	*word = tr_str_slice(*rest, start, end - start);
	*rest = tr_str_from_index(*rest, end);
	return true;
}

bool tr_str_to_u64(struct tr_str view, uint64_t *value)
{
	uint64_t sum = 0;

	if (view.len == 0) {
		return false;
	}
	for (size_t i = 0; i < view.len; i++) {
		uint64_t digit = (uint64_t)(unsigned char)view.ptr[i] - '0';

		if (digit > 9 || sum > (UINT64_MAX - digit) / 10) {
			return false;
		}
		sum = sum * 10 + digit;
	}
	*value = sum;
	return true;
}

bool tr_str_to_i64(struct tr_str view, int64_t *value)
{
	bool negative = view.len > 0 && view.ptr[0] == '-';
	uint64_t magnitude;

	if (!tr_str_to_u64(tr_str_from_index(view, negative ? 1 : 0), &magnitude)) {
		return false;
	}
	if (!negative) {
		if (magnitude > INT64_MAX) {
			return false;
		}
		*value = (int64_t)magnitude;
		return true;
	}
	if (magnitude > (uint64_t)INT64_MAX + 1) {
		return false;
	}
	*value = magnitude > INT64_MAX ? INT64_MIN : -(int64_t)magnitude;
	return true;
}
