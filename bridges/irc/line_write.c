/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The typed writer: every byte that goes to a server is made here, and nothing that would break the
 * framing passes (CVE-2023-38690, CVE-2024-52505, CVE-2025-27146 were all bytes written elsewhere).
 */
#include "bridges/irc/line.h"

static bool breaks_framing(struct tr_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\r' || text.ptr[i] == '\n' || text.ptr[i] == '\0') {
			return true;
		}
	}
	return false;
}

static bool command_ok(const char *command)
{
	for (const char *c = command; *c; c++) {
		if (!((*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z'))) {
			return false;
		}
	}
	return *command != '\0';
}

static bool is_middle(struct tr_str param)
{
	return param.len > 0 && param.ptr[0] != ':' && tr_str_find_char(param, ' ') < 0;
}

static bool params_ok(const struct tr_irc_out *line)
{
	if (line->param_count > TR_IRC_PARAMS_MAX) {
		return false;
	}
	for (size_t i = 0; i < line->param_count; i++) {
		bool last = i + 1 == line->param_count;
		if (breaks_framing(line->params[i]) || (!last && !is_middle(line->params[i]))) {
			return false;
		}
	}
	return true;
}

static bool tag_key_ok(struct tr_str key)
{
	for (size_t i = 0; i < key.len; i++) {
		char c = key.ptr[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  (c >= '0' && c <= '9') || c == '-' || c == '/' || c == '+' || c == '.';
		if (!ok) {
			return false;
		}
	}
	return key.len > 0;
}

/* IRCv3 message-tags, "Escaping values". NUL cannot be written at all. */
static int add_escaped(struct tr_buf *out, struct tr_str value)
{
	for (size_t i = 0; i < value.len; i++) {
		switch (value.ptr[i]) {
		case ';':
			tr_buf_add_c(out, "\\:");
			break;
		case ' ':
			tr_buf_add_c(out, "\\s");
			break;
		case '\\':
			tr_buf_add_c(out, "\\\\");
			break;
		case '\r':
			tr_buf_add_c(out, "\\r");
			break;
		case '\n':
			tr_buf_add_c(out, "\\n");
			break;
		case '\0':
			return TR_E_INVALID;
		default:
			tr_buf_add_char(out, value.ptr[i]);
			break;
		}
	}
	return 0;
}

/* Client tags may have 4,094 bytes (IRCv3 message-tags, "Size limit"). */
enum { CLIENT_TAGS_MAX = 4094 };

static int add_tags(struct tr_buf *out, const struct tr_irc_out *line)
{
	size_t start = out->len;
	for (size_t i = 0; i < line->tag_count; i++) {
		struct tr_str key = tr_str_from(line->tags[i].key);
		if (!tag_key_ok(key)) {
			return TR_E_INVALID;
		}
		tr_buf_add_char(out, i == 0 ? '@' : ';');
		tr_buf_add(out, key);
		if (!tr_str_empty(line->tags[i].value)) {
			tr_buf_add_char(out, '=');
			int failed = add_escaped(out, line->tags[i].value);
			if (failed) {
				return failed;
			}
		}
	}
	if (line->tag_count > 0) {
		tr_buf_add_char(out, ' ');
	}
	return out->len - start > CLIENT_TAGS_MAX + 2 ? TR_E_TOO_BIG : 0;
}

static void add_words(struct tr_buf *out, const struct tr_irc_out *line)
{
	tr_buf_add_c(out, line->command);
	for (size_t i = 0; i < line->param_count; i++) {
		bool last = i + 1 == line->param_count;
		tr_buf_add_char(out, ' ');
		if (last && (line->trailing || !is_middle(line->params[i]))) {
			tr_buf_add_char(out, ':');
		}
		tr_buf_add(out, line->params[i]);
	}
	tr_buf_add_c(out, "\r\n");
}

int tr_irc_line_write(struct tr_buf *out, const struct tr_irc_out *line, size_t line_max)
{
	if (!command_ok(line->command) || !params_ok(line)) {
		return TR_E_INVALID;
	}
	size_t start = out->len;
	int failed = add_tags(out, line);
	size_t words = out->len;
	if (failed == 0) {
		add_words(out, line);
		bool too_long = out->len - words > (line_max ? line_max : TR_IRC_LINE_BYTES);
		failed = too_long || tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
	}
	if (failed) {
		tr_buf_truncate(out, start);
	}
	return failed;
}
