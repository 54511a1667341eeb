/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a client's line into its parts. Lenient as servers are; limits are checked by the caller. */
#include "line.h"

#include "buf.h"

#include <string.h>

static char *skip_spaces(char *at)
{
	while (*at == ' ') {
		at++;
	}
	return at;
}

/* Ends the word at `at` and returns what follows it. */
static char *end_word(char *at)
{
	char *space = strchr(at, ' ');
	if (!space) {
		return at + strlen(at);
	}
	*space = '\0';
	return skip_spaces(space + 1);
}

void ircd_line_parse(struct ircd_line *line, char *text)
{
	memset(line, 0, sizeof(*line));
	char *at = text;
	if (*at == '@') {
		line->tags = at + 1;
		at = end_word(at);
	}
	at = skip_spaces(at);
	if (*at == ':') {
		at = end_word(at);
	}
	line->command = at;
	at = end_word(at);
	for (char *c = line->command; *c; c++) {
		if (*c >= 'a' && *c <= 'z') {
			*c = (char)(*c - 'a' + 'A');
		}
	}
	while (*at && line->count < IRCD_PARAMS_MAX) {
		if (*at == ':' || line->count == IRCD_PARAMS_MAX - 1) {
			line->params[line->count++] = *at == ':' ? at + 1 : at;
			return;
		}
		line->params[line->count++] = at;
		at = end_word(at);
	}
}

const char *ircd_line_param(const struct ircd_line *line, int index)
{
	return index >= 0 && index < line->count ? line->params[index] : "";
}

const char *ircd_line_tag(const struct ircd_line *line, const char *key)
{
	static struct ircd_buf value;
	size_t key_len = strlen(key);
	const char *at = line->tags;
	while (at && *at) {
		size_t len = strcspn(at, ";");
		size_t name = strcspn(at, "=;");
		if (name == key_len && strncmp(at, key, key_len) == 0) {
			value.len = 0;
			ircd_buf_add(&value, at + name + (at[name] == '='),
				len - name - (at[name] == '='));
			return value.data;
		}
		at += len;
		at += *at == ';';
	}
	return NULL;
}

const char *ircd_line_client_tags(const struct ircd_line *line)
{
	static struct ircd_buf tags;
	const char *at = line->tags;
	tags.len = 0;
	while (at && *at) {
		size_t len = strcspn(at, ";");
		if (*at == '+') {
			if (tags.len) {
				ircd_buf_puts(&tags, ";");
			}
			ircd_buf_add(&tags, at, len);
		}
		at += len;
		at += *at == ';';
	}
	return tags.len ? tags.data : NULL;
}

char *ircd_next_item(char **rest, char separator)
{
	char *item = *rest;
	while (item && *item == separator) {
		item++;
	}
	if (!item || !*item) {
		return NULL;
	}
	char *end = strchr(item, separator);
	if (end) {
		*end++ = '\0';
	}
	*rest = end;
	return item;
}
