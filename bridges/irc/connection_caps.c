/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capability negotiation (IRCv3 CAP, version 302): what the server offers, what is asked for and
 * granted, and what comes and goes later (cap-notify). What is kept of all that a server may say is
 * a few bits; how long it may take is bounded by the registration's timer. The login that hangs on
 * "sasl" is connection_sasl.c's.
 */
#include "bridges/irc/connection_internal.h"
#include "core/base/alloc.h"
#include "core/base/log.h"

enum { REQUEST_MAX = 400 };

static const struct {
	const char *name;
	enum tr_irc_cap cap;
} cap_names[] = {
	{"message-tags", TR_IRC_CAP_MESSAGE_TAGS},
	{"server-time", TR_IRC_CAP_SERVER_TIME},
	{"batch", TR_IRC_CAP_BATCH},
	{"echo-message", TR_IRC_CAP_ECHO_MESSAGE},
	{"labeled-response", TR_IRC_CAP_LABELED_RESPONSE},
	{"draft/chathistory", TR_IRC_CAP_CHATHISTORY},
	{"sasl", TR_IRC_CAP_SASL},
	{"multi-prefix", TR_IRC_CAP_MULTI_PREFIX},
	{"account-tag", TR_IRC_CAP_ACCOUNT_TAG},
	{"userhost-in-names", TR_IRC_CAP_USERHOST_IN_NAMES},
	{"chghost", TR_IRC_CAP_CHGHOST},
	{"cap-notify", TR_IRC_CAP_CAP_NOTIFY},
	{"draft/event-playback", TR_IRC_CAP_EVENT_PLAYBACK},
	{"account-notify", TR_IRC_CAP_ACCOUNT_NOTIFY},
	{"extended-join", TR_IRC_CAP_EXTENDED_JOIN},
	{"away-notify", TR_IRC_CAP_AWAY_NOTIFY},
	{"setname", TR_IRC_CAP_SETNAME},
	{"invite-notify", TR_IRC_CAP_INVITE_NOTIFY},
	{"standard-replies", TR_IRC_CAP_STANDARD_REPLIES},
	{"draft/no-implicit-names", TR_IRC_CAP_NO_IMPLICIT_NAMES},
};

static const struct tr_str none = {NULL, 0};

static unsigned cap_of(struct tr_str name)
{
	for (size_t i = 0; i < TR_ARRAY_LEN(cap_names); i++) {
		if (tr_str_eq_c(name, cap_names[i].name)) {
			return cap_names[i].cap;
		}
	}
	return 0;
}

/* The capabilities of a list that we know. `removed` (or NULL): those with a '-' before them. */
static unsigned read_list(
	struct tr_irc_connection *connection, struct tr_str list, unsigned *removed)
{
	unsigned caps = 0;
	struct tr_str word;
	while (tr_str_word(&list, &word)) {
		bool minus = tr_str_starts(word, TR_STR("-"));
		/* "~" and "=" are modifiers of the first version of the specification. */
		while (word.len > 0 &&
			(word.ptr[0] == '-' || word.ptr[0] == '~' || word.ptr[0] == '=')) {
			word = tr_str_from_index(word, 1);
		}
		ptrdiff_t equals = tr_str_find_char(word, '=');
		struct tr_str name = equals < 0 ? word : tr_str_slice(word, 0, (size_t)equals);
		unsigned cap = cap_of(name);
		if (cap == TR_IRC_CAP_SASL && equals >= 0) {
			tr_irc_sasl_offered(
				connection, tr_str_from_index(word, (size_t)equals + 1));
		}
		if (minus && removed != NULL) {
			*removed |= cap;
		} else {
			caps |= cap;
		}
	}
	return caps;
}

static void write_request(struct tr_irc_connection *connection, struct tr_buf *names)
{
	if (names->len > 0) {
		tr_irc_send_words(connection, "CAP", TR_STR("REQ"), tr_buf_str(names), none);
		tr_buf_clear(names);
	}
}

/* All in one line; a server that refuses one of them refuses the line, and is then asked for one at
 * a time (`single`). */
static void request(struct tr_irc_connection *connection, unsigned caps, bool single)
{
	struct tr_buf names = TR_BUF_INIT(REQUEST_MAX);
	connection->caps_asked |= caps;
	connection->caps_single |= single ? caps : 0;
	for (size_t i = 0; i < TR_ARRAY_LEN(cap_names); i++) {
		if (caps & cap_names[i].cap) {
			tr_buf_addf(&names, "%s%s", names.len ? " " : "", cap_names[i].name);
			if (single) {
				write_request(connection, &names);
			}
		}
	}
	write_request(connection, &names);
	tr_buf_finish(&names);
}

void tr_irc_caps_settle(struct tr_irc_connection *connection)
{
	if (connection->caps_listed && connection->caps_asked == 0 && !connection->cap_ended &&
		!connection->welcomed && !tr_irc_sasl_busy(connection)) {
		connection->cap_ended = true;
		tr_irc_send_words(connection, "CAP", TR_STR("END"), none, none);
	}
}

/* The server has named all it has, or (`caps`) something new. */
static void offered(struct tr_irc_connection *connection, unsigned caps)
{
	unsigned wanted = connection->caps_wanted;
	if (!connection->welcomed && !(connection->caps_offered & TR_IRC_CAP_SASL)) {
		tr_irc_sasl_lacking(connection, "it offers no SASL");
	} else if (!connection->welcomed && !tr_irc_sasl_possible(connection)) {
		tr_irc_sasl_lacking(connection, "it offers no mechanism that we have");
	}
	if (!connection->welcomed && tr_irc_sasl_wanted(connection)) {
		wanted |= TR_IRC_CAP_SASL;
	}
	request(connection, wanted & caps & ~connection->caps & ~connection->caps_asked, false);
	tr_irc_caps_settle(connection);
}

static void acked(struct tr_irc_connection *connection, struct tr_str list)
{
	unsigned removed = 0;
	unsigned granted = read_list(connection, list, &removed) & connection->caps_asked;
	connection->caps_asked &= ~(granted | removed);
	connection->caps_single &= ~(granted | removed);
	connection->caps = (connection->caps | granted) & ~removed;
	if (granted & TR_IRC_CAP_SASL) {
		tr_irc_sasl_granted(connection, true);
	}
	tr_irc_caps_settle(connection);
}

static void refused(struct tr_irc_connection *connection, struct tr_str list)
{
	unsigned caps = read_list(connection, list, NULL) & connection->caps_asked;
	if (caps == 0) { /* what it says is cut or garbled: it can only mean the whole line */
		caps = connection->caps_asked & ~connection->caps_single;
	}
	unsigned final = caps & connection->caps_single;
	connection->caps_asked &= ~final;
	connection->caps_single &= ~final;
	caps &= ~final;
	bool alone = (caps & (caps - 1)) == 0; /* it was the only one of its line */
	if (caps != 0 && !alone) {
		request(connection, caps, true);
	} else {
		final |= caps;
		connection->caps_asked &= ~caps;
	}
	if (final & TR_IRC_CAP_SASL) {
		tr_irc_sasl_granted(connection, false);
	}
	tr_irc_caps_settle(connection);
}

static void gone(struct tr_irc_connection *connection, struct tr_str list)
{
	unsigned caps = read_list(connection, list, NULL);
	if (connection->caps & caps) {
		tr_log_debug("irc", "%s takes back: %.*s", connection->host, TR_STR_ARG(list));
	}
	connection->caps_offered &= ~caps;
	connection->caps &= ~caps;
	/* No answer may come to what was asked. */
	connection->caps_asked &= ~caps;
	connection->caps_single &= ~caps;
	if ((caps & TR_IRC_CAP_SASL) && connection->welcomed) {
		tr_irc_sasl_offered(connection, none);
		tr_irc_sasl_granted(connection, false);
	}
	tr_irc_caps_settle(connection);
}

void tr_irc_caps_request(struct tr_irc_connection *connection, enum tr_irc_cap cap)
{
	if (!(connection->caps_asked & cap)) {
		request(connection, cap, true);
	}
}

/* "CAP NEW": what came. */
static void came(struct tr_irc_connection *connection, struct tr_str list)
{
	unsigned caps = read_list(connection, list, NULL);
	connection->caps_offered |= caps;
	if (connection->caps_listed) {
		offered(connection, caps);
	}
	if ((caps & TR_IRC_CAP_SASL) && connection->state == TR_IRC_CONNECTION_READY &&
		connection->handler->on_sasl != NULL) {
		connection->handler->on_sasl(connection->arg);
	}
}

bool tr_irc_caps_line(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	if (!tr_irc_is(line, "CAP")) {
		return false;
	}
	struct tr_str verb = tr_irc_param(line, 1);
	bool more = line->param_count > 3 && tr_str_eq(tr_irc_param(line, 2), TR_STR("*"));
	struct tr_str list = tr_irc_param(line, more ? 3 : 2);
	if (tr_str_eq_nocase(verb, TR_STR("LS"))) {
		if (!connection->caps_listed) {
			connection->caps_offered |= read_list(connection, list, NULL);
			connection->caps_listed = !more;
			if (!more) {
				offered(connection, connection->caps_offered);
			}
		}
	} else if (tr_str_eq_nocase(verb, TR_STR("NEW"))) {
		came(connection, list);
	} else if (tr_str_eq_nocase(verb, TR_STR("DEL"))) {
		gone(connection, list);
	} else if (tr_str_eq_nocase(verb, TR_STR("ACK"))) {
		acked(connection, list);
	} else if (tr_str_eq_nocase(verb, TR_STR("NAK"))) {
		refused(connection, list);
	}
	return true;
}
