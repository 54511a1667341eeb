/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates such as "@irc_$NICK", "#irc_$SERVER_$CHANNEL" or "M-$DISPLAY": text with variables
 * (NICK, SERVER, CHANNEL, DISPLAY, LOCALPART, USERID, and whatever a caller names). What is put in
 * is never looked at again, so a value cannot contain a variable or a meta character of anything.
 *
 * A template is always used with the list of its variables; the longest name that fits counts, and
 * a '$' that begins none of them is just a character. A variable with a NULL text is open: any
 * text in a regular expression, and filled by a match.
 */
#ifndef TRESTLE_MATRIX_TEMPLATE_H
#define TRESTLE_MATRIX_TEMPLATE_H

#include "core/base/buf.h"
#include "core/matrix/mxid.h"

struct tr_template_value {
	const char *name; /* without '$' */
	struct tr_str text;
};

/* Whether `$name` occurs. */
bool tr_template_has(struct tr_str tmpl, const char *name);
/* Appends the template with its variables replaced (open ones by nothing). 0 or TR_E_TOO_BIG. */
int tr_template_expand(struct tr_buf *out, struct tr_str tmpl,
	const struct tr_template_value *values, size_t count);

/*
 * The id "sigil...:server" of a template that begins with its sigil, the values escaped; owned.
 * An id over 255 bytes is made to fit: of its longest value the end gives way to '=' and a hash of
 * the whole, so the text before and after the value, and with it the namespace, stays. *shortened
 * (may be NULL) tells so: the caller stores ids anyway and cannot get that value back otherwise.
 * NULL when there is no room even for that.
 */
char *tr_template_id(struct tr_str tmpl, struct tr_str server, enum tr_escaping escaping,
	const struct tr_template_value *values, size_t count, bool *shortened);

/* Whether `id` is one of the template's on `server`. Open values are set to views into `id`, still
 * escaped; none of them is empty. The others are compared as they are given, so escaped too. At
 * most three may be open. */
bool tr_template_match_id(struct tr_str tmpl, struct tr_str server, struct tr_str id,
	struct tr_template_value *values, size_t count);
/* The same for any text. */
bool tr_template_match(
	struct tr_str tmpl, struct tr_str text, struct tr_template_value *values, size_t count);

/* The regular expression of all ids of a template, for the namespaces of a registration: in the
 * subset that POSIX and Python agree on, ending in ":server$". Owned. */
char *tr_template_regex(struct tr_str tmpl, struct tr_str server, enum tr_escaping escaping,
	const struct tr_template_value *values, size_t count);
/* The regular expression of exactly this text, for one room id. Owned. */
char *tr_regex_quote(struct tr_str text);

#endif
