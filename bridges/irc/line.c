/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser of IRC lines: in place, without allocation, for any bytes. Writing is line_write.c's,
 * cutting a stream into lines is line_feed.c's.
 */
#include "bridges/irc/line.h"

/* Takes what stands before the next space and skips the run of spaces. */
static struct tr_str take_word(struct tr_str *rest)
{
	ptrdiff_t space = tr_str_find_char(*rest, ' ');
	struct tr_str word = space < 0 ? *rest : tr_str_slice(*rest, 0, (size_t)space);
	*rest = tr_str_from_index(*rest, word.len);
	while (rest->len > 0 && rest->ptr[0] == ' ') {
		*rest = tr_str_from_index(*rest, 1);
	}
	return word;
}

static void parse_tags(struct tr_str text, struct tr_irc_line *line)
{
	struct tr_str tag;
	while (line->tag_count < TR_IRC_TAGS_MAX && tr_str_split(&text, ';', &tag)) {
		if (tr_str_empty(tag)) {
			continue;
		}
		struct tr_irc_tag *out = &line->tags[line->tag_count++];
		ptrdiff_t equals = tr_str_find_char(tag, '=');
		out->key = equals < 0 ? tag : tr_str_slice(tag, 0, (size_t)equals);
		out->value = equals < 0 ? (struct tr_str){NULL, 0}
					: tr_str_from_index(tag, (size_t)equals + 1);
	}
}

void tr_irc_prefix_parse(struct tr_str prefix, struct tr_irc_prefix *out)
{
	const struct tr_str none = {NULL, 0};
	ptrdiff_t at = tr_str_rfind_char(prefix, '@');
	struct tr_str before = at < 0 ? prefix : tr_str_slice(prefix, 0, (size_t)at);
	ptrdiff_t bang = tr_str_find_char(before, '!');
	out->host = at < 0 ? none : tr_str_from_index(prefix, (size_t)at + 1);
	out->nick = bang < 0 ? before : tr_str_slice(before, 0, (size_t)bang);
	out->user = bang < 0 ? none : tr_str_from_index(before, (size_t)bang + 1);
	out->has_user = bang >= 0;
}

static void parse_prefix(struct tr_str prefix, struct tr_irc_line *line)
{
	struct tr_irc_prefix parts;
	tr_irc_prefix_parse(prefix, &parts);
	line->prefix = prefix;
	line->nick = parts.nick;
	line->user = parts.user;
	line->host = parts.host;
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

/* 1*letter / 3digit (RFC 2812 section 2.3.1) */
static bool parse_command(struct tr_str command, struct tr_irc_line *line)
{
	line->command = command;
	line->numeric = 0;
	if (command.len == 3 && is_digit(command.ptr[0]) && is_digit(command.ptr[1]) &&
		is_digit(command.ptr[2])) {
		line->numeric = (command.ptr[0] - '0') * 100 + (command.ptr[1] - '0') * 10 +
				(command.ptr[2] - '0');
		return true;
	}
	for (size_t i = 0; i < command.len; i++) {
		if (!is_letter(command.ptr[i])) {
			return false;
		}
	}
	return command.len > 0;
}

static void parse_params(struct tr_str rest, struct tr_irc_line *line)
{
	while (rest.len > 0) {
		bool last = line->param_count == TR_IRC_PARAMS_MAX - 1;
		if (rest.ptr[0] == ':') {
			line->params[line->param_count++] = tr_str_from_index(rest, 1);
			return;
		}
		line->params[line->param_count++] = last ? rest : take_word(&rest);
		if (last) {
			return;
		}
	}
}

bool tr_irc_line_parse(struct tr_str text, struct tr_irc_line *line)
{
	line->raw = text;
	line->tag_count = 0;
	line->param_count = 0;
	line->prefix = line->nick = line->user = line->host = (struct tr_str){NULL, 0};
	if (tr_str_find_char(text, '\0') >= 0) {
		return false;
	}
	struct tr_str rest = text;
	if (rest.len > 0 && rest.ptr[0] == '@') {
		parse_tags(tr_str_from_index(take_word(&rest), 1), line);
	}
	if (rest.len > 0 && rest.ptr[0] == ':') {
		parse_prefix(tr_str_from_index(take_word(&rest), 1), line);
	}
	if (!parse_command(take_word(&rest), line)) {
		return false;
	}
	parse_params(rest, line);
	return true;
}

struct tr_str tr_irc_param(const struct tr_irc_line *line, size_t index)
{
	return index < line->param_count ? line->params[index] : (struct tr_str){NULL, 0};
}

bool tr_irc_is(const struct tr_irc_line *line, const char *command)
{
	return tr_str_eq_nocase(line->command, tr_str_from(command));
}

bool tr_irc_tag(const struct tr_irc_line *line, const char *key, struct tr_str *value)
{
	struct tr_str wanted = tr_str_from(key);
	/* The last of several wins (IRCv3 message-tags). */
	for (size_t i = line->tag_count; i-- > 0;) {
		if (tr_str_eq(line->tags[i].key, wanted)) {
			*value = line->tags[i].value;
			return true;
		}
	}
	return false;
}

int tr_irc_tag_unescape(struct tr_str value, struct tr_buf *out)
{
	for (size_t i = 0; i < value.len; i++) {
		char byte = value.ptr[i];
		if (byte != '\\') {
			tr_buf_add_char(out, byte);
			continue;
		}
		if (++i == value.len) {
			break; /* a lone backslash at the end is dropped */
		}
		switch (value.ptr[i]) {
		case ':':
			tr_buf_add_char(out, ';');
			break;
		case 's':
			tr_buf_add_char(out, ' ');
			break;
		case 'r':
			tr_buf_add_char(out, '\r');
			break;
		case 'n':
			tr_buf_add_char(out, '\n');
			break;
		default:
			tr_buf_add_char(out, value.ptr[i]);
			break;
		}
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}
