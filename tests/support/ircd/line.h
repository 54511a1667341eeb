/* SPDX-License-Identifier: Apache-2.0 */
/* One line from a client, cut in place: tags, prefix (ignored), command, parameters. */
#ifndef SCRIPTED_IRCD_LINE_H
#define SCRIPTED_IRCD_LINE_H

#include <stddef.h>

#define IRCD_PARAMS_MAX 15

struct ircd_line {
	char *tags;    /* without '@', or NULL */
	char *command; /* upper case */
	char *params[IRCD_PARAMS_MAX];
	int count;
};

/* text is NUL-terminated, without line ending, and is written to. command is "" for an empty line.
 */
void ircd_line_parse(struct ircd_line *line, char *text);
/* The parameter, or "" when there are fewer. */
const char *ircd_line_param(const struct ircd_line *line, int index);
/* The value of a tag, still escaped, in a buffer of the call's own until the next call; NULL
 * without. */
const char *ircd_line_tag(const struct ircd_line *line, const char *key);
/* The client-only tags (those with '+'), joined as they came, or NULL when there are none. */
const char *ircd_line_client_tags(const struct ircd_line *line);

/* The next item of a list that is cut in place, empty ones left out; NULL at its end. */
char *ircd_next_item(char **rest, char separator);

#endif
