/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server's ERROR means: a ban, a missing or wrong login, too many connections, or just the
 * end. Servers say it in words only.
 */
#include "bridges/irc/connection_internal.h"
#include "core/base/clock.h"

enum { THROTTLED_MS = 30000, FULL_MS = 300000, REASON_MAX = 150 };

struct tr_str tr_irc_readable(struct tr_str text, size_t max)
{
	return tr_utf8_valid(text) ? tr_str_slice(text, 0, tr_utf8_fit(text, max))
				   : TR_STR("no reason that can be read");
}

static bool mentions(struct tr_str text, const char *word)
{
	struct tr_str wanted = tr_str_from(word);
	for (size_t i = 0; i + wanted.len <= text.len; i++) {
		if (tr_str_eq_nocase(tr_str_slice(text, i, wanted.len), wanted)) {
			return true;
		}
	}
	return false;
}

static bool mentions_any(struct tr_str text, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (mentions(text, *words)) {
			return true;
		}
	}
	return false;
}

/* The reason alone: "Closing Link: nick[host] (K-Lined)", "Closing link: (user@host) [K-Lined:
 * why]". A name in it may be called "banned". */
static struct tr_str reason_in(struct tr_str text)
{
	if (!tr_str_eq_nocase(tr_str_slice(text, 0, 12), TR_STR("Closing link"))) {
		return text;
	}
	ptrdiff_t start = -1;
	if (tr_str_ends(text, TR_STR(")"))) {
		start = tr_str_find(text, TR_STR(" ("));
	} else if (tr_str_ends(text, TR_STR("]"))) {
		start = tr_str_find(text, TR_STR(" ["));
	}
	return start < 0 ? text : tr_str_from_index(text, (size_t)start);
}

/* "ERROR :reason": the server closes. */
void tr_irc_connection_take_error(struct tr_irc_connection *connection, struct tr_str text)
{
	static const char *const bans[] = {"k-line", "g-line", "z-line", "d-line", "klined",
		"glined", "zlined", "banned", "bad user info", "access denied", "not authori",
		"unauthori", NULL};
	static const char *const logins[] = {"bad password", "password incorrect",
		"password mismatch", "invalid password", "sasl access", "via sasl", "requires sasl",
		"sasl required", NULL};
	static const char *const throttles[] = {
		"throttl", "too fast", "too many unknown connections", NULL};
	static const char *const full[] = {
		"too many", "is full", "server full", "no more connections", NULL};
	struct tr_str reason = connection->quitting ? (struct tr_str){NULL, 0} : reason_in(text);
	text = tr_irc_readable(text, REASON_MAX);
	struct tr_error error;
	tr_error_set(&error, TR_E_CLOSED, "the server closed: %.*s", TR_STR_ARG(text));
	if (mentions_any(reason, logins)) {
		tr_error_set_class(&error, TR_E_AUTH, TR_CLASS_DENIED,
			"the server wants a (right) login: %.*s", TR_STR_ARG(text));
	} else if (mentions_any(reason, bans)) {
		tr_error_set_class(&error, TR_E_DENIED, TR_CLASS_DENIED,
			"the server does not let us in: %.*s", TR_STR_ARG(text));
	} else if (mentions_any(reason, throttles)) {
		error.cls = TR_CLASS_RETRY_AFTER;
		error.retry_after_ms = THROTTLED_MS + tr_backoff_ms(0, THROTTLED_MS, THROTTLED_MS);
	} else if (mentions_any(reason, full)) {
		tr_error_set_class(&error, TR_E_UNAVAILABLE, TR_CLASS_RETRY_AFTER,
			"the server has no room for one more: %.*s", TR_STR_ARG(text));
		error.retry_after_ms = FULL_MS + tr_backoff_ms(0, FULL_MS, FULL_MS);
	}
	tr_irc_connection_fail(connection, &error);
}
