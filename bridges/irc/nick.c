/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes names that servers take out of Matrix ids. Whether a nick is free only the server knows;
 * sessions ask again with tr_irc_nick_next().
 */
#include "bridges/irc/nick.h"

#include <string.h>

enum {
	USERNAME_MAX = 10,
	REALNAME_MAX = 48,
	NICK_MAX = 64,
	PLAIN_MAX = 9, /* RFC 2812 section 1.2.1: what every server takes */
	VALUE_MAX = 512,
};

/* RFC 2812 section 2.3.1: letter, digit, "-" and special; letters and specials may come first. */
static bool is_special(char c)
{
	return strchr("[]\\`_^{|}", c) != NULL && c != '\0';
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_nick_char(char c)
{
	return is_letter(c) || is_special(c) || (c >= '0' && c <= '9') || c == '-';
}

static struct tr_str localpart_of(const char *user_id)
{
	struct tr_str id = tr_str_from(user_id);
	ptrdiff_t colon = tr_str_find_char(id, ':');
	size_t end = colon < 0 ? id.len : (size_t)colon;
	return end > 0 ? tr_str_slice(id, 1, end - 1) : id;
}

static struct tr_str server_of(const char *user_id)
{
	struct tr_str id = tr_str_from(user_id);
	ptrdiff_t colon = tr_str_find_char(id, ':');
	return colon < 0 ? (struct tr_str){NULL, 0} : tr_str_from_index(id, (size_t)colon + 1);
}

static bool has_nick_char(struct tr_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (is_nick_char(text.ptr[i])) {
			return true;
		}
	}
	return false;
}

/* Puts the values in without looking into them: a "$" in a display name stays one. */
static void fill_template(
	const char *template_text, const char *user_id, struct tr_str display, struct tr_buf *out)
{
	const struct {
		struct tr_str name, value;
	} variables[] = {
		{TR_STR("$DISPLAY"), tr_str_slice(display, 0, VALUE_MAX)},
		{TR_STR("$LOCALPART"), localpart_of(user_id)},
		{TR_STR("$USERID"), tr_str_from(user_id)},
	};
	struct tr_str rest = tr_str_from(template_text);
	while (rest.len > 0) {
		size_t taken = 0;
		for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]) && taken == 0;
			i++) {
			if (tr_str_starts(rest, variables[i].name)) {
				tr_buf_add(out, variables[i].value);
				taken = variables[i].name.len;
			}
		}
		if (taken == 0) {
			tr_buf_add_char(out, rest.ptr[0]);
			taken = 1;
		}
		rest = tr_str_from_index(rest, taken);
	}
}

int tr_irc_nick_make(const char *template_text, const char *user_id, const char *display_name,
	unsigned max, struct tr_buf *out)
{
	struct tr_str display = tr_str_from(display_name);
	if (!has_nick_char(display)) {
		display = localpart_of(user_id);
	}
	struct tr_buf wide = TR_BUF_INIT((strlen(template_text) + 1) * VALUE_MAX);
	fill_template(template_text, user_id, display, &wide);
	size_t start = out->len;
	for (size_t i = 0; i < wide.len && out->len - start < max; i++) {
		char c = wide.data[i];
		if (!is_nick_char(c)) {
			continue;
		}
		if (out->len == start && !is_letter(c) && !is_special(c)) {
			tr_buf_add_char(out, 'M');
		}
		if (out->len - start < max) {
			tr_buf_add_char(out, c);
		}
	}
	tr_buf_finish(&wide);
	if (out->len == start) {
		tr_buf_add_char(out, 'M');
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

int tr_irc_nick_next(struct tr_str nick, unsigned attempt, unsigned max, struct tr_buf *out)
{
	struct tr_buf number = TR_BUF_INIT(16);
	tr_buf_addf(&number, "%u", attempt);
	struct tr_str digits = tr_buf_str(&number);
	nick = tr_str_empty(nick) ? TR_STR("M") : nick;
	/* A nick does not begin with a digit. */
	digits = max > digits.len ? digits : tr_str_from_index(digits, digits.len - (max - 1));
	nick = max > number.len ? nick : TR_STR("M");
	tr_buf_add(out, tr_str_slice(nick, 0, max - digits.len));
	tr_buf_add(out, digits);
	tr_buf_finish(&number);
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

int tr_irc_username_make(const char *user_id, struct tr_buf *out)
{
	size_t start = out->len;
	for (const char *c = user_id; *c != '\0' && out->len - start < USERNAME_MAX; c++) {
		char lower = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
		bool letter = lower >= 'a' && lower <= 'z';
		if (!letter && !(lower >= '0' && lower <= '9') && lower != '-') {
			continue;
		}
		if (out->len == start && !letter) {
			tr_buf_add_char(out, 'M');
		}
		if (out->len - start < USERNAME_MAX) {
			tr_buf_add_char(out, lower);
		}
	}
	if (out->len == start) {
		tr_buf_add_char(out, 'M');
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

int tr_irc_username_next(struct tr_str username, unsigned attempt, struct tr_buf *out)
{
	struct tr_buf suffix = TR_BUF_INIT(16);
	tr_buf_addf(&suffix, "_%u", attempt);
	tr_buf_add(out, tr_str_slice(username, 0, USERNAME_MAX - suffix.len));
	tr_buf_add(out, tr_buf_str(&suffix));
	tr_buf_finish(&suffix);
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

bool tr_irc_nick_valid(struct tr_str nick)
{
	if (tr_str_empty(nick) || nick.len > NICK_MAX ||
		!(is_letter(nick.ptr[0]) || is_special(nick.ptr[0]))) {
		return false;
	}
	for (size_t i = 0; i < nick.len; i++) {
		if (!is_nick_char(nick.ptr[i])) {
			return false;
		}
	}
	return true;
}

int tr_irc_nick_plain(const char *user_id, struct tr_buf *out)
{
	struct tr_str localpart = localpart_of(user_id);
	size_t start = out->len;
	tr_buf_add_char(out, 'M');
	for (size_t i = 0; i < localpart.len && out->len - start < PLAIN_MAX; i++) {
		char c = localpart.ptr[i];
		if (is_letter(c) || (c >= '0' && c <= '9')) {
			tr_buf_add_char(out, c);
		}
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}

static void add_ascii(struct tr_buf *out, struct tr_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] > ' ' && text.ptr[i] < 0x7f) {
			tr_buf_add_char(out, text.ptr[i]);
		}
	}
}

/* "matrix.example.com" as "com.example.matrix". */
static void add_reversed(struct tr_buf *out, struct tr_str server)
{
	while (server.len > 0) {
		ptrdiff_t dot = tr_str_rfind_char(server, '.');
		add_ascii(out, tr_str_from_index(server, (size_t)(dot + 1)));
		server = tr_str_slice(server, 0, dot < 0 ? 0 : (size_t)dot);
		if (server.len > 0) {
			tr_buf_add_char(out, '.');
		}
	}
}

int tr_irc_realname_make(const char *user_id, bool reverse, struct tr_buf *out)
{
	size_t start = out->len;
	if (reverse) {
		add_reversed(out, server_of(user_id));
		tr_buf_add_c(out, ">:");
		add_ascii(out, localpart_of(user_id));
	} else {
		add_ascii(out, tr_str_from(user_id));
	}
	if (out->len - start > REALNAME_MAX) {
		tr_buf_truncate(out, start + REALNAME_MAX);
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}
