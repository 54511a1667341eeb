/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the open transport to the end of the message of the day: PASS, CAP LS 302, NICK and USER
 * (RFC 2812 section 3.1). NICK and USER go out together with CAP LS, so a server that knows no CAP
 * registers us at once. Capabilities are connection_caps.c's, the login is connection_sasl.c's.
 */
#include "bridges/irc/connection_internal.h"
#include "core/base/alloc.h"

enum { REASON_MAX = 150 };

static const struct tr_str none = {NULL, 0};

static void timed_out(void *arg)
{
	struct tr_error error;
	tr_error_set(&error, TR_E_TIMEOUT, "the server did not finish the registration in time");
	tr_irc_connection_fail(arg, &error);
}

static int send_nick(struct tr_irc_connection *connection)
{
	/* A space would make it a trailing parameter, and the server take half of it. */
	return tr_str_find_char(tr_str_from(connection->nick), ' ') >= 0
		       ? TR_E_INVALID
		       : tr_irc_send_words(
				 connection, "NICK", tr_str_from(connection->nick), none, none);
}

void tr_irc_register_start(struct tr_irc_connection *connection, uint64_t timeout_ms)
{
	connection->register_timer = tr_timer_create(connection->loop, timed_out, connection);
	tr_timer_start(connection->register_timer, timeout_ms);
	int failed = tr_irc_send_words(connection, "CAP", TR_STR("LS"), TR_STR("302"), none);
	if (connection->server_password != NULL && connection->server_password[0] != '\0') {
		failed |= tr_irc_send_words(
			connection, "PASS", tr_str_from(connection->server_password), none, none);
	}
	failed |= send_nick(connection);
	const struct tr_irc_out user = {
		.command = "USER",
		.params = {tr_str_from(connection->username), TR_STR("8"), TR_STR("*"),
			tr_str_from(connection->realname)},
		.param_count = 4,
		.trailing = true,
	};
	failed |= tr_irc_send(connection, &user);
	if (failed) {
		struct tr_error error;
		tr_error_set(&error, TR_E_INVALID,
			"the password, nick, user name or real name cannot be written on IRC");
		tr_irc_connection_fail(connection, &error);
	}
}

static bool refuses_nick(int numeric)
{
	return numeric == 431 || numeric == 432 || numeric == 433 || numeric == 436 ||
	       numeric == 437;
}

static void nick_refused(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	struct tr_buf nick = TR_BUF_INIT(TR_IRC_LINE_BYTES);
	if (connection->handler->on_nick_refused(
		    connection->arg, connection->nick, line->numeric, &nick)) {
		tr_irc_connection_set_nick(connection, tr_buf_str(&nick));
	}
	if (tr_buf_failed(&nick) || nick.len == 0 || send_nick(connection) != 0) {
		struct tr_error error;
		tr_error_set(&error, TR_E_PROTOCOL,
			"the server takes none of the nicks that were tried (%d)", line->numeric);
		tr_irc_connection_fail(connection, &error);
	}
	tr_buf_finish(&nick);
}

static void deny(struct tr_irc_connection *connection, const struct tr_irc_line *line,
	enum tr_error_code code, const char *what)
{
	struct tr_error error;
	struct tr_str reason =
		tr_irc_readable(tr_irc_param(line, line->param_count - 1), REASON_MAX);
	tr_error_set_class(&error, code, TR_CLASS_DENIED, "%s: %.*s", what, TR_STR_ARG(reason));
	error.status = line->numeric;
	tr_irc_connection_fail(connection, &error);
}

/* Lines that end the registration for good. */
static bool refused(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	switch (line->numeric) {
	case 463: /* not among the privileged */
	case 465: /* banned */
	case 466: /* will be banned */
		deny(connection, line, TR_E_DENIED, "the server has banned us");
		return true;
	case 464:
		if (!connection->welcomed) {
			deny(connection, line, TR_E_AUTH,
				"the server does not accept the password");
			return true;
		}
		return false;
	default:
		break;
	}
	/* Standard replies: FAIL COMMAND CODE [context..] text. */
	if (tr_irc_is(line, "FAIL") && !connection->welcomed &&
		tr_str_eq(tr_irc_param(line, 1), TR_STR("ACCOUNT_REQUIRED_TO_CONNECT"))) {
		deny(connection, line, TR_E_AUTH, "the server wants a login");
		return true;
	}
	return false;
}

bool tr_irc_register_line(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	if (line->numeric == 5) {
		tr_irc_isupport_take(&connection->isupport, line);
		return connection->state != TR_IRC_CONNECTION_READY; /* later it is news */
	}
	if (line->numeric == 4) {
		tr_irc_isupport_take_version(&connection->isupport, line);
	}
	if (tr_irc_caps_line(connection, line) || refused(connection, line)) {
		return true;
	}
	if (connection->state == TR_IRC_CONNECTION_READY && !tr_irc_sasl_busy(connection) &&
		(line->numeric == 900 || line->numeric == 901)) {
		connection->logged_in = line->numeric == 900; /* by NickServ, say */
	}
	if (tr_irc_sasl_line(connection, line)) {
		return true;
	}
	if (connection->state != TR_IRC_CONNECTION_REGISTERING) {
		return false;
	}
	if (refuses_nick(line->numeric) && !connection->welcomed) {
		nick_refused(connection, line);
	} else if (line->numeric == 1) {
		if (tr_irc_sasl_welcomed(connection)) {
			connection->welcomed = true;
			tr_irc_connection_set_nick(connection, tr_irc_param(line, 0));
		}
	} else if ((line->numeric == 376 || line->numeric == 422) && connection->welcomed) {
		tr_timer_destroy(connection->register_timer);
		connection->register_timer = NULL;
		tr_irc_connection_become_ready(connection);
	}
	return true;
}

void tr_irc_register_stop(struct tr_irc_connection *connection)
{
	if (connection->register_timer != NULL) {
		tr_timer_stop(connection->register_timer);
	}
}

void tr_irc_register_finish(struct tr_irc_connection *connection)
{
	tr_timer_destroy(connection->register_timer);
	tr_free_secret(connection->server_password);
	tr_irc_sasl_finish(connection);
}
