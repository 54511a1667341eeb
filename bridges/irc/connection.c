/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection's life and its lines: bytes of the stream become lines for the owner, lines of the
 * owner become bytes, those of one loop turn in one write. Registration and keepalive have files of
 * their own.
 */
#include "bridges/irc/connection_internal.h"
#include "bridges/irc/line_mask.h"
#include "core/base/alloc.h"
#include "core/base/log.h"

#include <string.h>

enum {
	WRITE_MAX = 256 * 1024,
	OUT_FLUSH = 4096,
	QUIT_TIMEOUT_MS = 2000,
	USER_MAX = 20, /* what servers have in use */
	HOST_MAX = 63, /* RFC 2812 section 2.3.1 */
	OUT_TAGS_MAX = 16,
};

static void release(struct tr_irc_connection *connection)
{
	tr_buf_finish(&connection->partial);
	tr_buf_finish(&connection->out);
	tr_free(connection->host);
	tr_free(connection->nick);
	tr_free(connection->username);
	tr_free(connection->realname);
	tr_free(connection->closing);
	tr_free(connection);
}

static void enter(struct tr_irc_connection *connection)
{
	connection->depth++;
}

/* false: the connection was destroyed meanwhile and is gone now. */
static bool leave(struct tr_irc_connection *connection)
{
	if (--connection->depth == 0 && connection->destroyed) {
		release(connection);
		return false;
	}
	return !connection->destroyed;
}

static void close_now(struct tr_irc_connection *connection, const struct tr_error *error)
{
	if (connection->state == TR_IRC_CONNECTION_CLOSED) {
		return;
	}
	connection->state = TR_IRC_CONNECTION_CLOSED;
	tr_stream_destroy(connection->stream);
	connection->stream = NULL;
	tr_irc_ping_stop(connection);
	tr_irc_register_stop(connection);
	connection->handler->on_close(connection->arg, error);
}

static void close_later(void *arg)
{
	struct tr_irc_connection *connection = arg;
	const struct tr_error error = *connection->closing;
	enter(connection);
	close_now(connection, &error);
	leave(connection);
}

void tr_irc_connection_fail(struct tr_irc_connection *connection, const struct tr_error *error)
{
	if (connection->failing || connection->state == TR_IRC_CONNECTION_CLOSED) {
		return;
	}
	connection->failing = true;
	connection->closing = tr_memdup(error, sizeof(*error));
	tr_loop_defer(connection->loop, close_later, connection);
}

void tr_irc_connection_set_nick(struct tr_irc_connection *connection, struct tr_str nick)
{
	if (tr_str_empty(nick)) {
		return;
	}
	char *old = connection->nick; /* `nick` may be a view of it */
	connection->nick = tr_str_dup(nick);
	tr_free(old);
}

void tr_irc_connection_become_ready(struct tr_irc_connection *connection)
{
	connection->state = TR_IRC_CONNECTION_READY;
	tr_free_secret(connection->server_password);
	connection->server_password = NULL;
	tr_irc_sasl_finish(connection);
	connection->handler->on_ready(connection->arg);
}

/* How long the prefix is that others get before our lines. */
static void learn_prefix(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	if (line->numeric == 396) {
		struct tr_str host = tr_irc_param(line, 1);
		ptrdiff_t at = tr_str_rfind_char(host, '@');
		connection->host_len = tr_str_from_index(host, (size_t)(at + 1)).len;
	} else if (tr_irc_is(line, "CHGHOST")) {
		connection->user_len = tr_irc_param(line, 0).len;
		connection->host_len = tr_irc_param(line, 1).len;
	} else if (!tr_str_empty(line->host)) {
		connection->user_len = line->user.len;
		connection->host_len = line->host.len;
	}
}

/* Lines about ourselves. Those of a batch are old (chathistory): somebody else may have had our
 * nick then. */
static bool is_own(const struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	struct tr_str batch;
	if (tr_irc_tag(line, "batch", &batch)) {
		return false;
	}
	return line->numeric == 396 ||
	       (!tr_str_empty(line->nick) && tr_irc_connection_is_me(connection, line->nick));
}

static void own_line(struct tr_irc_connection *connection, const struct tr_irc_line *line)
{
	learn_prefix(connection, line);
	if (tr_irc_is(line, "NICK") && line->param_count > 0) {
		tr_irc_connection_set_nick(connection, line->params[0]);
	}
}

/* Whether lines are still wanted. */
static bool goes_on(const struct tr_irc_connection *connection)
{
	return !connection->destroyed && !connection->failing &&
	       connection->state != TR_IRC_CONNECTION_CLOSED;
}

static bool take_line(void *arg, struct tr_str text)
{
	struct tr_irc_connection *connection = arg;
	if (connection->state == TR_IRC_CONNECTION_READY && connection->handler->drops != NULL) {
		bool drop = connection->handler->drops(connection->arg, text);
		if (drop || !goes_on(connection)) {
			return goes_on(connection);
		}
	}
	tr_irc_line_trace(connection->host, connection->nick, "<-", text);
	struct tr_irc_line line;
	if (!tr_irc_line_parse(text, &line)) {
		tr_log_debug("irc", "%s: a line that is none is left out", connection->host);
		return true;
	}
	if (tr_irc_is(&line, "ERROR")) {
		tr_irc_connection_take_error(connection, tr_irc_param(&line, 0));
		return goes_on(connection);
	}
	if (is_own(connection, &line)) {
		own_line(connection, &line);
		if (tr_irc_is(&line, "NICK")) {
			line.nick = tr_str_from(connection->nick); /* still ours for the owner */
		}
	}
	if (!tr_irc_ping_line(connection, &line) && !tr_irc_register_line(connection, &line)) {
		connection->handler->on_line(connection->arg, &line);
	}
	return goes_on(connection);
}

void tr_irc_connection_read(void *arg, struct tr_str bytes)
{
	struct tr_irc_connection *connection = arg;
	if (connection->failing) {
		return;
	}
	enter(connection);
	tr_irc_ping_heard(connection);
	tr_irc_lines_feed(
		&connection->partial, bytes, &connection->too_long, take_line, connection);
	leave(connection);
}

void tr_irc_connection_opened(void *arg)
{
	struct tr_irc_connection *connection = arg;
	connection->state = TR_IRC_CONNECTION_REGISTERING;
	tr_irc_ping_start(connection);
	tr_irc_register_start(connection, connection->register_timeout_ms);
}

static void on_drain(void *arg)
{
	struct tr_irc_connection *connection = arg;
	enter(connection);
	if (connection->handler->on_drain != NULL && connection->state == TR_IRC_CONNECTION_READY) {
		connection->handler->on_drain(connection->arg);
	}
	leave(connection);
}

static void on_close(void *arg, const struct tr_error *error)
{
	struct tr_irc_connection *connection = arg;
	const struct tr_error why = connection->closing ? *connection->closing : *error;
	enter(connection);
	close_now(connection, &why);
	leave(connection);
}

static const struct tr_stream_handler stream_handler = {
	.on_open = tr_irc_connection_opened,
	.on_read = tr_irc_connection_read,
	.on_drain = on_drain,
	.on_close = on_close,
};

static void write_out(struct tr_irc_connection *connection)
{
	if (connection->stream != NULL && connection->out.len > 0 &&
		tr_stream_write(connection->stream, tr_buf_str(&connection->out)) == TR_E_TOO_BIG) {
		struct tr_error error;
		tr_error_set(&error, TR_E_NETWORK, "the server takes nothing any more");
		tr_irc_connection_fail(connection, &error);
	}
	if (connection->state == TR_IRC_CONNECTION_REGISTERING || connection->sasl != NULL) {
		tr_wipe(connection->out.data, connection->out.len); /* a password may be in it */
	}
	tr_buf_finish(&connection->out);
}

static void flush(void *arg)
{
	struct tr_irc_connection *connection = arg;
	connection->flushing = false;
	write_out(connection);
}

void tr_irc_connection_flush(struct tr_irc_connection *connection)
{
	if (connection->flushing) {
		write_out(connection); /* what was deferred finds nothing left */
	}
}

static bool can_send(const struct tr_irc_connection *connection)
{
	return connection->state == TR_IRC_CONNECTION_REGISTERING ||
	       connection->state == TR_IRC_CONNECTION_READY;
}

/* Whether the server understands this tag from us. */
static bool tag_known(const struct tr_irc_connection *connection, const char *key)
{
	enum tr_irc_cap cap = tr_str_eq_c(TR_STR("label"), key) ? TR_IRC_CAP_LABELED_RESPONSE
								: TR_IRC_CAP_MESSAGE_TAGS;
	return (connection->caps & cap) != 0;
}

int tr_irc_send(struct tr_irc_connection *connection, const struct tr_irc_out *line)
{
	if (!can_send(connection)) {
		return TR_E_CLOSED;
	}
	if (line->tag_count > OUT_TAGS_MAX) {
		return TR_E_INVALID;
	}
	struct tr_irc_out_tag tags[OUT_TAGS_MAX];
	struct tr_irc_out plain = *line;
	plain.tags = tags;
	plain.tag_count = 0;
	for (size_t i = 0; i < line->tag_count; i++) {
		if (tag_known(connection, line->tags[i].key)) {
			tags[plain.tag_count++] = line->tags[i];
		}
	}
	size_t start = connection->out.len;
	int failed = tr_irc_line_write(&connection->out, &plain, connection->isupport.line_len);
	if (failed) {
		return failed;
	}
	if (connection->isupport.utf8_only &&
		!tr_utf8_valid(tr_str_from_index(tr_buf_str(&connection->out), start))) {
		tr_buf_truncate(&connection->out, start);
		return TR_E_INVALID;
	}
	struct tr_str written = tr_str_from_index(tr_buf_str(&connection->out), start);
	tr_irc_line_trace(connection->host, connection->nick, "->",
		tr_str_slice(written, 0, written.len - 2));
	if (connection->out.len >= OUT_FLUSH) {
		flush(connection);
		tr_loop_defer_cancel(connection->loop, flush, connection);
	} else if (!connection->flushing) {
		connection->flushing = true;
		tr_loop_defer(connection->loop, flush, connection);
	}
	return 0;
}

int tr_irc_send_words(struct tr_irc_connection *connection, const char *command, struct tr_str a,
	struct tr_str b, struct tr_str c)
{
	struct tr_irc_out line = {.command = command, .params = {a, b, c}};
	while (line.param_count < 3 && !tr_str_empty(line.params[line.param_count])) {
		line.param_count++;
	}
	return tr_irc_send(connection, &line);
}

bool tr_irc_connection_writable(const struct tr_irc_connection *connection)
{
	return connection->stream != NULL && tr_stream_writable(connection->stream);
}

static void update_reading(struct tr_irc_connection *connection)
{
	if (connection->stream == NULL) {
		return;
	}
	if (connection->paused || connection->resting) {
		tr_stream_pause(connection->stream);
	} else {
		tr_stream_resume(connection->stream);
	}
}

void tr_irc_connection_pause(struct tr_irc_connection *connection, bool paused)
{
	connection->paused = paused;
	update_reading(connection);
	if (!paused && connection->stream != NULL) {
		tr_irc_ping_heard(connection);
	}
}

void tr_irc_connection_rest(struct tr_irc_connection *connection, bool resting)
{
	connection->resting = resting;
	update_reading(connection);
}

bool tr_irc_connection_ready(const struct tr_irc_connection *connection)
{
	return connection->state == TR_IRC_CONNECTION_READY;
}

const char *tr_irc_connection_nick(const struct tr_irc_connection *connection)
{
	return connection->nick;
}

bool tr_irc_connection_is_me(const struct tr_irc_connection *connection, struct tr_str nick)
{
	return tr_irc_same(&connection->isupport, nick, tr_str_from(connection->nick));
}

unsigned tr_irc_connection_caps(const struct tr_irc_connection *connection)
{
	return connection->caps;
}

bool tr_irc_connection_logged_in(const struct tr_irc_connection *connection)
{
	return connection->logged_in;
}

const struct tr_irc_isupport *tr_irc_connection_isupport(const struct tr_irc_connection *connection)
{
	return &connection->isupport;
}

size_t tr_irc_connection_text_max(
	const struct tr_irc_connection *connection, const char *command, struct tr_str target)
{
	size_t user = connection->user_len ? connection->user_len : USER_MAX;
	size_t host = connection->host_len ? connection->host_len : HOST_MAX;
	/* ":nick!user@host COMMAND target :" and CR LF */
	size_t prefix = 1 + strlen(connection->nick) + 1 + user + 1 + host + 1;
	size_t used = prefix + strlen(command) + 1 + target.len + 2 + 2;
	size_t line = connection->isupport.line_len;
	/* A server that says absurd lengths still gets some text. */
	return used + 64 < line ? line - used : 64;
}

uint16_t tr_irc_connection_local_port(const struct tr_irc_connection *connection)
{
	return connection->stream ? tr_stream_local_port(connection->stream) : 0;
}

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
	return value ? value : fallback;
}

struct tr_irc_connection *tr_irc_connection_create(struct tr_loop *loop,
	const struct tr_irc_connection_options *options,
	const struct tr_irc_connection_handler *handler, void *arg)
{
	struct tr_irc_connection *connection = tr_alloc(sizeof(*connection));
	connection->loop = loop;
	connection->handler = handler;
	connection->arg = arg;
	connection->host = tr_strdup(options->host);
	connection->nick = tr_strdup(options->nick);
	connection->username = tr_strdup(options->username);
	connection->realname = tr_strdup(options->realname);
	connection->server_password = tr_strdup(options->server_password);
	connection->encrypted = options->tls != NULL;
	connection->identified =
		connection->encrypted && options->identity != NULL && options->sasl_external;
	tr_irc_sasl_init(connection, options);
	connection->caps_wanted = options->caps_wanted;
	connection->ping_interval_ms = or_default(options->ping_interval_ms, 60000);
	connection->ping_timeout_ms = or_default(options->ping_timeout_ms, 180000);
	connection->register_timeout_ms = or_default(options->register_timeout_ms, 60000);
	tr_irc_isupport_init(&connection->isupport);
	tr_buf_init(&connection->partial, TR_IRC_PARTIAL_MAX);
	tr_buf_init(&connection->out, WRITE_MAX);
	const struct tr_stream_options stream = {
		.host = options->host,
		.port = options->port,
		.tls = options->tls,
		.tls_name = options->tls_name,
		.identity = options->identity,
		.write_max = WRITE_MAX,
	};
	connection->stream = tr_stream_create(loop, &stream, &stream_handler, connection);
	return connection;
}

void tr_irc_connection_destroy(struct tr_irc_connection *connection)
{
	if (connection == NULL || connection->destroyed) {
		return;
	}
	connection->destroyed = true;
	connection->state = TR_IRC_CONNECTION_CLOSED;
	tr_stream_destroy(connection->stream);
	connection->stream = NULL;
	tr_loop_defer_cancel(connection->loop, flush, connection);
	tr_loop_defer_cancel(connection->loop, close_later, connection);
	tr_irc_ping_finish(connection);
	tr_irc_register_finish(connection);
	if (connection->depth == 0) {
		release(connection);
	}
}

void tr_irc_connection_quit(struct tr_irc_connection *connection, struct tr_str reason)
{
	if (!can_send(connection)) {
		struct tr_error error;
		tr_error_set(&error, TR_E_CANCELED, "the connection was given up");
		tr_irc_connection_fail(connection, &error);
		return;
	}
	connection->quitting = true;
	tr_irc_send_words(
		connection, "QUIT", reason, (struct tr_str){NULL, 0}, (struct tr_str){NULL, 0});
	flush(connection);
	tr_loop_defer_cancel(connection->loop, flush, connection);
	tr_stream_shutdown(connection->stream, QUIT_TIMEOUT_MS);
}
