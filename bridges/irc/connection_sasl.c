/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging in while the connection registers, or later (IRCv3 SASL 3.2): which mechanism, and what a
 * refusal means. EXTERNAL goes first where there is a certificate, then SCRAM-SHA-256, then PLAIN,
 * each at most once. After a refusal another mechanism is tried only where that can help and gives
 * nothing away: a password that SCRAM was to protect does not follow in the clear. What is said in
 * a mechanism is sasl_exchange.c's.
 */
#include "bridges/irc/sasl_internal.h"
#include "core/base/alloc.h"

enum { REASON_MAX = 120 };

static const struct {
	const char *name;
	enum tr_irc_sasl_mechanism mechanism;
} mechanism_names[] = {
	{"EXTERNAL", TR_SASL_EXTERNAL}, {"SCRAM-SHA-256", TR_SASL_SCRAM}, {"PLAIN", TR_SASL_PLAIN}};

static const struct tr_str none = {NULL, 0};

void tr_irc_sasl_init(
	struct tr_irc_connection *connection, const struct tr_irc_connection_options *options)
{
	bool external = options->sasl_external && connection->identified;
	connection->sasl_offered =
		connection->sasl_offered ? connection->sasl_offered : TR_SASL_ALL;
	if (options->sasl_user == NULL || (options->sasl_password == NULL && !external)) {
		return;
	}
	struct tr_irc_sasl *sasl = tr_alloc(sizeof(*sasl));
	sasl->user = tr_strdup(options->sasl_user);
	sasl->password = tr_strdup(options->sasl_password);
	sasl->external = external;
	sasl->optional = options->sasl_optional;
	sasl->worker = options->worker;
	tr_buf_init(&sasl->challenge, TR_SASL_CHALLENGE_MAX);
	connection->sasl = sasl;
}

void tr_irc_sasl_finish(struct tr_irc_connection *connection)
{
	struct tr_irc_sasl *sasl = connection->sasl;
	if (sasl == NULL) {
		return;
	}
	connection->sasl = NULL;
	tr_irc_sasl_drop_scram(sasl);
	tr_buf_finish(&sasl->challenge);
	tr_free_secret(sasl->password);
	tr_free(sasl->user);
	tr_free(sasl);
}

bool tr_irc_sasl_wanted(const struct tr_irc_connection *connection)
{
	return connection->sasl != NULL && connection->sasl->step != TR_SASL_OVER;
}

bool tr_irc_sasl_busy(const struct tr_irc_connection *connection)
{
	return connection->sasl != NULL && connection->sasl->step != TR_SASL_IDLE &&
	       connection->sasl->step != TR_SASL_OVER;
}

/* A login of a connection that is ready has ended. */
static void end_later(struct tr_irc_connection *connection, const struct tr_error *error)
{
	tr_irc_sasl_finish(connection);
	connection->logged_in = error == NULL;
	connection->handler->on_login(connection->arg, error);
}

void tr_irc_sasl_fail(struct tr_irc_connection *connection, int numeric, enum tr_error_code code,
	enum tr_error_class cls, struct tr_str reason)
{
	struct tr_error error;
	reason = tr_irc_readable(reason, REASON_MAX);
	tr_error_set_class(&error, code, cls, "the server does not accept the login as %.60s: %.*s",
		connection->sasl->user, TR_STR_ARG(reason));
	error.status = numeric;
	if (connection->sasl->later) {
		end_later(connection, &error);
	} else {
		tr_irc_connection_fail(connection, &error);
	}
}

void tr_irc_sasl_deny(struct tr_irc_connection *connection, int numeric, const char *reason)
{
	tr_irc_sasl_fail(connection, numeric, TR_E_AUTH, TR_CLASS_DENIED, tr_str_from(reason));
}

void tr_irc_sasl_lacking(struct tr_irc_connection *connection, const char *why)
{
	if (!tr_irc_sasl_wanted(connection)) {
		return;
	}
	if (connection->sasl->later) {
		tr_irc_sasl_fail(connection, 0, TR_E_UNSUPPORTED, TR_CLASS_RETRY, tr_str_from(why));
	} else if (connection->sasl->optional) {
		connection->sasl->step = TR_SASL_OVER;
	} else {
		tr_irc_sasl_deny(connection, 0, why);
	}
}

void tr_irc_sasl_offered(struct tr_irc_connection *connection, struct tr_str list)
{
	struct tr_str name;
	unsigned offered = 0;
	if (tr_str_empty(list)) {
		connection->sasl_offered = TR_SASL_ALL;
		return;
	}
	while (tr_str_split(&list, ',', &name)) {
		for (size_t i = 0; i < TR_ARRAY_LEN(mechanism_names); i++) {
			if (tr_str_eq_nocase(name, tr_str_from(mechanism_names[i].name))) {
				offered |= mechanism_names[i].mechanism;
			}
		}
	}
	connection->sasl_offered = offered;
}

/* The best mechanism that is left, or 0. */
static unsigned pick(const struct tr_irc_connection *connection)
{
	const struct tr_irc_sasl *sasl = connection->sasl;
	bool in_clear_after_scram = !connection->encrypted && (sasl->tried & TR_SASL_SCRAM);
	unsigned ours = (sasl->external ? TR_SASL_EXTERNAL : 0) |
			(sasl->password && sasl->worker ? TR_SASL_SCRAM : 0) |
			(sasl->password && !in_clear_after_scram ? TR_SASL_PLAIN : 0);
	unsigned left = ours & connection->sasl_offered & ~sasl->tried;
	return left & TR_SASL_EXTERNAL ? TR_SASL_EXTERNAL
	       : left & TR_SASL_SCRAM  ? TR_SASL_SCRAM
				       : left & TR_SASL_PLAIN;
}

bool tr_irc_sasl_possible(const struct tr_irc_connection *connection)
{
	return connection->sasl != NULL && pick(connection) != 0;
}

/* Names the next mechanism; false = none is left. */
static bool ask_next(struct tr_irc_connection *connection)
{
	struct tr_irc_sasl *sasl = connection->sasl;
	unsigned next = pick(connection);
	for (size_t i = 0; i < TR_ARRAY_LEN(mechanism_names); i++) {
		if (mechanism_names[i].mechanism == next) {
			sasl->tried |= next;
			sasl->current = mechanism_names[i].mechanism;
			sasl->step = TR_SASL_ASKED;
			tr_buf_clear(&sasl->challenge);
			tr_irc_send_words(connection, "AUTHENTICATE",
				tr_str_from(mechanism_names[i].name), none, none);
			return true;
		}
	}
	return false;
}

void tr_irc_sasl_begin(struct tr_irc_connection *connection)
{
	if (connection->sasl != NULL && connection->sasl->step == TR_SASL_IDLE &&
		!ask_next(connection)) {
		tr_irc_sasl_lacking(connection, "it offers no mechanism that we have");
	}
}

void tr_irc_sasl_granted(struct tr_irc_connection *connection, bool granted)
{
	bool later = connection->sasl != NULL && connection->sasl->later;
	if (connection->welcomed && !later) {
		return;
	}
	if (granted) {
		tr_irc_sasl_begin(connection);
	} else {
		tr_irc_sasl_lacking(connection, "it refuses SASL");
	}
}

bool tr_irc_connection_has_sasl(const struct tr_irc_connection *connection)
{
	return (connection->caps_offered & TR_IRC_CAP_SASL) != 0;
}

int tr_irc_connection_login(
	struct tr_irc_connection *connection, const struct tr_irc_connection_options *options)
{
	if (connection->state != TR_IRC_CONNECTION_READY || connection->failing) {
		return TR_E_CLOSED;
	}
	if (connection->sasl != NULL) {
		return TR_E_EXISTS;
	}
	tr_irc_sasl_init(connection, options);
	if (!tr_irc_connection_has_sasl(connection) || !tr_irc_sasl_possible(connection)) {
		tr_irc_sasl_finish(connection);
		return TR_E_UNSUPPORTED;
	}
	connection->sasl->later = true;
	if (connection->caps & TR_IRC_CAP_SASL) {
		tr_irc_sasl_begin(connection);
	} else {
		tr_irc_caps_request(connection, TR_IRC_CAP_SASL);
	}
	return 0;
}

void tr_irc_connection_login_stop(struct tr_irc_connection *connection)
{
	if (connection->sasl != NULL && connection->sasl->later) {
		if (tr_irc_sasl_busy(connection)) {
			tr_irc_send_words(connection, "AUTHENTICATE", TR_STR("*"), none, none);
		}
		tr_irc_sasl_finish(connection);
	}
}

/* 904: another mechanism may do where this one never came to the password. */
static void mechanism_failed(struct tr_irc_connection *connection, struct tr_str reason)
{
	struct tr_irc_sasl *sasl = connection->sasl;
	bool unheard = sasl->current == TR_SASL_EXTERNAL ||
		       (sasl->current == TR_SASL_SCRAM && !sasl->known) ||
		       !(connection->sasl_offered & sasl->current);
	if (sasl->step == TR_SASL_WORKING || !unheard || !ask_next(connection)) {
		tr_irc_sasl_fail(connection, 904, TR_E_AUTH, TR_CLASS_DENIED, reason);
	}
}

static void succeeded(struct tr_irc_connection *connection)
{
	struct tr_irc_sasl *sasl = connection->sasl;
	if (sasl->current == TR_SASL_SCRAM && !sasl->proven) {
		tr_irc_sasl_deny(connection, 0, "it does not prove that it knows the password");
		return;
	}
	if (sasl->later) {
		end_later(connection, NULL);
		return;
	}
	sasl->step = TR_SASL_OVER;
	connection->logged_in = true;
	tr_irc_caps_settle(connection);
}

/* A server that takes AUTHENTICATE only before the registration. */
static bool no_more_sasl(const struct tr_irc_line *line)
{
	bool unknown = line->numeric == 421 &&
		       tr_str_eq_nocase(tr_irc_param(line, 1), TR_STR("AUTHENTICATE"));
	return unknown || line->numeric == 462;
}

bool tr_irc_sasl_line(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	struct tr_str reason = tr_irc_param(line, line->param_count - 1);
	if (connection->sasl == NULL) {
		return false;
	}
	if (tr_irc_is(line, "AUTHENTICATE")) {
		tr_irc_sasl_take_piece(connection, tr_irc_param(line, 0));
		return true;
	}
	if (connection->sasl->later && tr_irc_sasl_busy(connection) && no_more_sasl(line)) {
		tr_irc_sasl_fail(
			connection, line->numeric, TR_E_UNSUPPORTED, TR_CLASS_RETRY, reason);
		return true;
	}
	if (line->numeric < 900 || line->numeric > 908 || !tr_irc_sasl_busy(connection)) {
		return line->numeric >= 900 && line->numeric <= 908;
	}
	switch (line->numeric) {
	case 902: /* the account is locked */
	case 905: /* too long */
		tr_irc_sasl_fail(connection, line->numeric, TR_E_AUTH, TR_CLASS_DENIED, reason);
		break;
	case 903:
	case 907: /* logged in already */
		succeeded(connection);
		break;
	case 904:
		mechanism_failed(connection, reason);
		break;
	case 906: /* services are slow or gone: nothing is wrong with the login */
		tr_irc_sasl_fail(connection, 906, TR_E_UNAVAILABLE, TR_CLASS_RETRY, reason);
		break;
	case 908: /* the mechanisms it has; 904 follows */
		if (line->param_count > 2) {
			tr_irc_sasl_offered(connection, tr_irc_param(line, 1));
		}
		break;
	default: /* 900, 901: who we are now */
		break;
	}
	return true;
}

bool tr_irc_sasl_welcomed(struct tr_irc_connection *connection)
{
	if (connection->sasl == NULL || connection->sasl->step == TR_SASL_OVER) {
		return true;
	}
	if (connection->sasl->step == TR_SASL_IDLE && connection->sasl->optional) {
		connection->sasl->step = TR_SASL_OVER;
		return true;
	}
	tr_irc_sasl_deny(connection, 0, "it let us in as a guest");
	return false;
}
