/* SPDX-License-Identifier: Apache-2.0
 *
 * Implements text.h. Random identifiers come from a splitmix64 generator seeded by the kernel:
 * unique between runs, and cheap enough for one per event.
 */
#include "tests/support/homeserver/text.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char url_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void *hs_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);
	if (!p) {
		fputs("stub-homeserver: out of memory\n", stderr);
		abort();
	}
	return p;
}

char *hs_dup_n(const char *s, size_t len)
{
	char *copy = hs_alloc(len + 1);
	memcpy(copy, s, len);
	return copy;
}

char *hs_dup(const char *s)
{
	return s ? hs_dup_n(s, strlen(s)) : NULL;
}

void hs_text_reserve(struct hs_text *text, size_t more)
{
	size_t need = text->len + more + 1;
	if (need <= text->cap) {
		return;
	}
	size_t cap = text->cap ? text->cap : 128;
	while (cap < need) {
		cap *= 2;
	}
	char *data = realloc(text->data, cap);
	if (!data) {
		fputs("stub-homeserver: out of memory\n", stderr);
		abort();
	}
	text->data = data;
	text->cap = cap;
}

void hs_text_add(struct hs_text *text, const char *data, size_t len)
{
	hs_text_reserve(text, len);
	if (len > 0) {
		memcpy(text->data + text->len, data, len);
	}
	text->len += len;
	text->data[text->len] = '\0';
}

void hs_text_puts(struct hs_text *text, const char *s)
{
	hs_text_add(text, s, strlen(s));
}

void hs_text_printf(struct hs_text *text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0) {
		abort();
	}
	hs_text_reserve(text, (size_t)len);
	va_start(args, format);
	vsnprintf(text->data + text->len, (size_t)len + 1, format, args);
	va_end(args);
	text->len += (size_t)len;
}

static void add_control(struct hs_text *text, unsigned char c)
{
	switch (c) {
	case '\n':
		hs_text_puts(text, "\\n");
		break;
	case '\r':
		hs_text_puts(text, "\\r");
		break;
	case '\t':
		hs_text_puts(text, "\\t");
		break;
	default:
		hs_text_printf(text, "\\u%04x", c);
	}
}

void hs_text_json(struct hs_text *text, const char *s)
{
	if (!s) {
		hs_text_puts(text, "null");
		return;
	}
	hs_text_add(text, "\"", 1);
	const char *from = s;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c >= 0x20 && c != '"' && c != '\\') {
			continue;
		}
		hs_text_add(text, from, (size_t)(s - from));
		from = s + 1;
		if (c < 0x20) {
			add_control(text, c);
		} else {
			char escaped[2] = {'\\', (char)c};
			hs_text_add(text, escaped, 2);
		}
	}
	hs_text_add(text, from, (size_t)(s - from));
	hs_text_add(text, "\"", 1);
}

void hs_text_pair(struct hs_text *text, const char *key, const char *value)
{
	char last = text->len ? text->data[text->len - 1] : '{';
	if (last != '{' && last != '[') {
		hs_text_add(text, ",", 1);
	}
	hs_text_json(text, key);
	hs_text_add(text, ":", 1);
	hs_text_json(text, value);
}

void hs_text_clear(struct hs_text *text)
{
	text->len = 0;
	if (text->data) {
		text->data[0] = '\0';
	}
}

void hs_text_free(struct hs_text *text)
{
	free(text->data);
	*text = (struct hs_text){0};
}

char *hs_text_take(struct hs_text *text)
{
	hs_text_reserve(text, 0);
	text->data[text->len] = '\0';
	char *data = text->data;
	*text = (struct hs_text){0};
	return data;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	if (c >= 'A' && c <= 'F') {
		return c - 'A' + 10;
	}
	return -1;
}

size_t hs_unescape(char *s, bool plus)
{
	char *out = s;
	for (const char *in = s; *in; in++) {
		if (plus && *in == '+') {
			*out++ = ' ';
			continue;
		}
		if (*in == '%' && in[1] != '\0') {
			int high = hex_digit(in[1]);
			int low = hex_digit(in[2]);
			/* %00 would cut the string: it stays as it is. */
			if (high >= 0 && low >= 0 && high + low > 0) {
				*out++ = (char)(high * 16 + low);
				in += 2;
				continue;
			}
		}
		*out++ = *in;
	}
	*out = '\0';
	return (size_t)(out - s);
}

void hs_text_escape(struct hs_text *text, const char *s)
{
	for (; *s; s++) {
		if (strchr(url_alphabet, *s) || *s == '.' || *s == '~') {
			hs_text_add(text, s, 1);
		} else {
			hs_text_printf(text, "%%%02X", (unsigned char)*s);
		}
	}
}

static uint64_t next_random(void)
{
	static uint64_t state;
	if (state == 0) {
		int fd = open("/dev/urandom", O_RDONLY);
		if (fd < 0 || read(fd, &state, sizeof(state)) != (ssize_t)sizeof(state)) {
			struct timespec now;
			clock_gettime(CLOCK_REALTIME, &now);
			state = (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 32;
		}
		if (fd >= 0) {
			close(fd);
		}
	}
	state += 0x9e3779b97f4a7c15u;
	uint64_t z = state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void hs_random_id(char *out, size_t n)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < n; i++) {
		if (i % 10 == 0) {
			bits = next_random();
		}
		out[i] = url_alphabet[bits & 63];
		bits >>= 6;
	}
	out[n] = '\0';
}

void hs_random_letters(char *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		out[i] = url_alphabet[next_random() % 52];
	}
	out[n] = '\0';
}
