/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hostile server says from the first byte on: CAP, SASL, numerics, 005, in any order and
 * cut. Nobody gets in as a guest who was to log in, ready comes once, what we answer are whole
 * lines without the password, and the memory for it is bounded. The first byte chooses what the
 * connection wants, the second how the stream is cut. Where SASL comes later it is tried then.
 */
#include "bridges/irc/connection_internal.h"
#include "core/base/alloc.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct tr_irc_connection *connection;
	int ready;
	bool must_log_in;
};

static void on_ready(void *arg)
{
	struct seen *seen = arg;
	seen->ready++;
	TR_ASSERT(seen->ready == 1);
	TR_ASSERT(!seen->must_log_in || tr_irc_connection_logged_in(seen->connection));
	TR_ASSERT(seen->connection->sasl == NULL && seen->connection->server_password == NULL);
}

static void on_line(void *arg, const struct tr_irc_line *line)
{
	struct seen *seen = arg;
	TR_ASSERT(seen->ready == 1);
	TR_ASSERT(line->raw.len <= TR_IRC_RECEIVED_MAX);
}

static bool on_nick_refused(void *arg, const char *refused, int numeric, struct tr_buf *nick)
{
	(void)arg;
	(void)refused;
	tr_buf_addf(nick, "nick%d", numeric);
	return true;
}

/* Whoever is a guest tries each time. */
static void on_sasl(void *arg)
{
	const struct seen *seen = arg;
	const struct tr_irc_connection_options login = {
		.sasl_user = "ali", .sasl_password = "sesame"};
	TR_ASSERT(seen->ready == 1);
	(void)tr_irc_connection_login(seen->connection, &login);
}

static void on_login(void *arg, const struct tr_error *error)
{
	const struct seen *seen = arg;
	TR_ASSERT(tr_irc_connection_logged_in(seen->connection) == (error == NULL));
	TR_ASSERT(error == NULL || strstr(error->text, "sesame") == NULL);
}

static void on_close(void *arg, const struct tr_error *error)
{
	(void)arg;
	(void)error;
}

static const struct tr_irc_connection_handler handler = {
	.on_ready = on_ready,
	.on_line = on_line,
	.on_nick_refused = on_nick_refused,
	.on_close = on_close,
	.on_sasl = on_sasl,
	.on_login = on_login,
};

/* What waits to be written: whole lines, none of them with a password in the clear. */
static void check_output(struct tr_irc_connection *connection)
{
	struct tr_str rest = tr_buf_str(&connection->out);
	struct tr_str line;
	TR_ASSERT(rest.len == 0 || tr_str_ends(rest, TR_STR("\r\n")));
	TR_ASSERT(tr_str_find(rest, TR_STR("sesame")) < 0);
	while (tr_str_split(&rest, '\n', &line)) {
		TR_ASSERT(line.len <= connection->isupport.line_len);
	}
	tr_buf_clear(&connection->out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tr_loop *loop;
	if (loop == NULL) {
		loop = tr_loop_create();
	}
	/* What the server says itself it may get back. */
	if (size < 2 || tr_str_find(tr_str_of((const char *)data, size), TR_STR("sesame")) >= 0) {
		return 0;
	}
	bool login = data[0] & 1;
	bool optional = data[0] & 2;
	const struct tr_irc_connection_options options = {
		.host = "127.0.0.1",
		.port = 1,
		.nick = "alice",
		.username = "ali",
		.realname = "Alice",
		.sasl_user = login ? "ali" : NULL,
		.sasl_password = login ? "sesame" : NULL,
		.sasl_optional = optional,
		.caps_wanted = data[0] & 4 ? ~0u : TR_IRC_CAP_BATCH | TR_IRC_CAP_ECHO_MESSAGE,
	};
	struct seen seen = {.must_log_in = login && !optional};
	struct tr_irc_connection *connection =
		tr_irc_connection_create(loop, &options, &handler, &seen);
	seen.connection = connection;
	tr_irc_connection_opened(connection);
	check_output(connection);
	size_t step = data[1] == 0 ? size : data[1];
	for (size_t i = 2; i < size && !connection->failing; i += step) {
		size_t count = size - i < step ? size - i : step;
		tr_irc_connection_read(connection, tr_str_of((const char *)data + i, count));
		check_output(connection);
		TR_ASSERT(connection->partial.len <= TR_IRC_PARTIAL_MAX);
	}
	if (connection->failing) {
		TR_ASSERT(connection->closing->text[0] != '\0');
		TR_ASSERT(strstr(connection->closing->text, "sesame") == NULL);
	}
	tr_irc_connection_destroy(connection);
	tr_loop_turn(loop, false); /* timers go */
	return 0;
}
