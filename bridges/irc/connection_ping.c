/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the server is alive: answers its PINGs, asks it when it has been silent, gives up when it
 * stays so. */
#include "bridges/irc/connection_internal.h"
#include "core/base/clock.h"

#define TOKEN "keepalive"

static void look(void *arg)
{
	struct tr_irc_connection *connection = arg;
	if (connection->paused) {
		connection->heard_ms = tr_clock_mono_ms(); /* it may have said much */
	}
	uint64_t silent = tr_clock_mono_ms() - connection->heard_ms;
	if (silent >= connection->ping_timeout_ms) {
		struct tr_error error;
		tr_error_set(&error, TR_E_TIMEOUT, "the server has been silent for %llu s",
			(unsigned long long)silent / 1000);
		tr_irc_connection_fail(connection, &error);
		return;
	}
	if (silent >= connection->ping_interval_ms && !connection->pinged) {
		connection->pinged = true;
		tr_irc_send_words(connection, "PING", TR_STR(TOKEN), (struct tr_str){NULL, 0},
			(struct tr_str){NULL, 0});
	}
	uint64_t next = connection->pinged ? connection->ping_timeout_ms - silent
					   : connection->ping_interval_ms - silent;
	tr_timer_start(connection->ping_timer, next);
}

void tr_irc_ping_start(struct tr_irc_connection *connection)
{
	connection->heard_ms = tr_clock_mono_ms();
	connection->ping_timer = tr_timer_create(connection->loop, look, connection);
	tr_timer_start(connection->ping_timer, connection->ping_interval_ms);
}

void tr_irc_ping_heard(struct tr_irc_connection *connection)
{
	connection->heard_ms = tr_clock_mono_ms();
	if (connection->pinged && connection->ping_timer != NULL) {
		connection->pinged = false;
		tr_timer_start(connection->ping_timer, connection->ping_interval_ms);
	}
}

bool tr_irc_ping_line(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	if (tr_irc_is(line, "PING")) {
		tr_irc_send_words(connection, "PONG", tr_irc_param(line, 0), tr_irc_param(line, 1),
			(struct tr_str){NULL, 0});
		return true;
	}
	return tr_irc_is(line, "PONG") && line->param_count > 0 &&
	       tr_str_eq(line->params[line->param_count - 1], TR_STR(TOKEN));
}

void tr_irc_ping_stop(struct tr_irc_connection *connection)
{
	if (connection->ping_timer != NULL) {
		tr_timer_stop(connection->ping_timer);
	}
}

void tr_irc_ping_finish(struct tr_irc_connection *connection)
{
	tr_timer_destroy(connection->ping_timer);
}
