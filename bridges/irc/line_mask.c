/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. Lines are written by line_write.c and parsed by line.c. */
#include "bridges/irc/line_mask.h"

#include "bridges/irc/line.h"
#include "core/base/alloc.h"
#include "core/base/log.h"

enum { SHOWN_MAX = 4096 };

static bool one_of(struct tr_str word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (tr_str_eq_nocase(word, tr_str_from(words[i]))) {
			return true;
		}
	}
	return false;
}

static bool has_word(struct tr_str text, const char *word)
{
	struct tr_str needle = tr_str_from(word);
	for (size_t i = 0; i + needle.len <= text.len; i++) {
		if (tr_str_eq_nocase(tr_str_slice(text, i, needle.len), needle)) {
			return true;
		}
	}
	return false;
}

static struct tr_str first_word(struct tr_str text)
{
	size_t len = 0;
	while (len < text.len && text.ptr[len] != ' ') {
		len++;
	}
	return tr_str_slice(text, 0, len);
}

static bool is_service(struct tr_str name)
{
	return has_word(name, "serv") || tr_str_eq_nocase(name, TR_STR("Q")) ||
	       tr_str_eq_nocase(name, TR_STR("X")) || tr_str_find_char(name, '@') >= 0;
}

static bool logs_in(struct tr_str text)
{
	static const char *const words[] = {"identify", "id", "login", "auth", "register", "ghost",
		"regain", "release", "recover", "group", "setpass", "sidentify"};
	struct tr_str word = first_word(text);
	return one_of(word, words, TR_ARRAY_LEN(words)) || has_word(word, "pass");
}

/* How much of the text of a PRIVMSG or NOTICE may be seen. */
static size_t shown_of_talk(const struct tr_irc_line *line)
{
	struct tr_str text = tr_irc_param(line, 1);
	bool to_service = tr_str_empty(line->prefix) && is_service(tr_irc_param(line, 0));
	bool from_service = !tr_str_empty(line->nick) && is_service(line->nick);
	if (to_service || logs_in(text)) {
		return first_word(text).len;
	}
	return from_service && has_word(text, "pass") ? 0 : text.len;
}

/* The first parameter that is secret; param_count for none. */
static size_t first_secret(const struct tr_irc_line *line)
{
	static const char *const whole[] = {"PASS", "OPER", "AUTHENTICATE", "NS", "NICKSERV", "CS",
		"CHANSERV", "IDENTIFY", "LOGIN", "AUTH", "REGISTER", "VERIFY"};
	if (one_of(line->command, whole, TR_ARRAY_LEN(whole))) {
		bool harmless = tr_str_eq_c(tr_irc_param(line, 0), "+") ||
				tr_str_eq_c(tr_irc_param(line, 0), "*");
		return harmless ? line->param_count : 0;
	}
	if (tr_irc_is(line, "JOIN") && tr_str_empty(line->prefix)) {
		return 1;
	}
	/* MODE #a +k key; 324 nick #a +k key */
	size_t modes = tr_irc_is(line, "MODE") ? 1 : line->numeric == 324 ? 2 : 0;
	if (modes != 0 && tr_str_find_char(tr_irc_param(line, modes), 'k') >= 0) {
		return modes + 1;
	}
	return line->param_count;
}

void tr_irc_line_mask(struct tr_str text, struct tr_buf *out)
{
	struct tr_irc_line line;
	if (!tr_irc_line_parse(text, &line)) {
		tr_buf_addf(out, "(no line: %zu bytes)", text.len);
		return;
	}
	size_t shown = line.raw.len;
	size_t secret = first_secret(&line);
	if (secret < line.param_count) {
		shown = (size_t)(line.params[secret].ptr - line.raw.ptr);
	} else if ((tr_irc_is(&line, "PRIVMSG") || tr_irc_is(&line, "NOTICE")) &&
		   line.param_count > 1) {
		shown = (size_t)(line.params[1].ptr - line.raw.ptr) + shown_of_talk(&line);
	}
	tr_buf_add(out, tr_str_slice(line.raw, 0, shown));
	if (shown < line.raw.len) {
		tr_buf_add_c(out, "***");
	}
}

void tr_irc_line_trace(const char *host, const char *nick, const char *way, struct tr_str line)
{
	if (!tr_log_enabled(TR_LOG_TRACE)) {
		return;
	}
	struct tr_buf shown = TR_BUF_INIT(TR_IRC_RECEIVED_MAX + SHOWN_MAX);
	tr_irc_line_mask(line, &shown);
	struct tr_str text = tr_buf_str(&shown);
	tr_log_trace("irc", "%s %s %s %.*s", host, nick, way,
		TR_STR_ARG(tr_str_slice(text, 0, tr_utf8_fit(text, SHOWN_MAX))));
	tr_buf_finish(&shown);
}
