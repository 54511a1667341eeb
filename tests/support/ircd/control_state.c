/* SPDX-License-Identifier: Apache-2.0 */
/* Control commands that only look: who is connected, who is where, what was said. */
#include "control.h"
#include "history.h"
#include "net.h"
#include "tls.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void add_field(struct ircd_buf *out, const char *name, const char *text)
{
	ircd_buf_printf(out, ",\"%s\":", name);
	if (text) {
		ircd_json_add_string(out, text);
	} else {
		ircd_buf_puts(out, "null");
	}
}

static const char *yes(bool value)
{
	return value ? "true" : "false";
}

static size_t count_queued(const struct ircd_conn *conn)
{
	size_t count = 0;
	for (size_t i = conn->in_start; i < conn->in.len; i++) {
		count += conn->in.data[i] == '\n';
	}
	return count;
}

static void add_caps(struct ircd_buf *out, const struct ircd_conn *conn)
{
	const struct ircd_server *server = conn->server;
	const char *comma = "";
	ircd_buf_puts(out, ",\"caps\":[");
	for (size_t i = 0; i < server->offer_count; i++) {
		if (conn->caps & server->offers[i].bit) {
			ircd_buf_puts(out, comma);
			ircd_json_add_string(out, server->offers[i].name);
			comma = ",";
		}
	}
	ircd_buf_puts(out, "]");
}

static void add_connection(struct ircd_buf *out, const struct ircd_conn *conn)
{
	const struct ircd_user *user = conn->user;
	ircd_buf_printf(out, "{\"conn\":%" PRIu64, conn->id);
	add_field(out, "nick", user->nick);
	add_field(out, "prefix", user->prefix);
	add_field(out, "real", user->real);
	add_field(out, "account", user->account);
	add_field(out, "peer", conn->peer);
	ircd_buf_printf(out, ",\"registered\":%s,\"silent\":%s,\"tls\":%s", yes(user->registered),
		yes(conn->silent), yes(conn->tls != NULL));
	ircd_buf_printf(out, ",\"deaf\":%s", yes(user->deaf));
	ircd_buf_printf(out, ",\"queued\":%zu,\"unsent\":%zu", count_queued(conn), conn->out.len);
	add_field(out, "sni", ircd_tls_sni(conn->tls));
	add_field(out, "certfp", ircd_tls_fingerprint(conn->tls));
	add_caps(out, conn);
	ircd_buf_puts(out, "}");
}

struct listing {
	struct ircd_server *server;
	struct ircd_buf *out;
	bool more;
};

static void add_channel(void *value, void *data)
{
	struct ircd_channel *channel = value;
	struct listing *listing = data;
	struct ircd_buf *out = listing->out;
	ircd_buf_puts(out, listing->more ? ",{\"name\":" : "{\"name\":");
	ircd_json_add_string(out, channel->name);
	listing->more = true;
	add_field(out, "topic", channel->topic);
	add_field(out, "modes", channel->modes);
	add_field(out, "key", channel->key);
	ircd_buf_printf(out, ",\"limit\":%zu,\"history\":%zu,\"bans\":[", channel->limit,
		ircd_history_count(ircd_history_find(listing->server, channel->fold)));
	for (size_t i = 0; i < channel->ban_count; i++) {
		ircd_buf_puts(out, i ? "," : "");
		ircd_json_add_string(out, channel->bans[i]);
	}
	ircd_buf_puts(out, "],\"members\":{");
	for (size_t i = 0; i < channel->member_count; i++) {
		ircd_buf_puts(out, i ? "," : "");
		ircd_json_add_string(out, channel->members[i]->user->nick);
		ircd_buf_puts(out, ":");
		ircd_json_add_string(
			out, ircd_member_signs(listing->server, channel->members[i], true));
	}
	ircd_buf_puts(out, "}}");
}

static void add_nick(void *value, void *data)
{
	struct ircd_user *user = value;
	struct listing *listing = data;
	if (user->registered) {
		ircd_buf_puts(listing->out, listing->more ? "," : "");
		ircd_json_add_string(listing->out, user->nick);
		listing->more = true;
	}
}

void ircd_control_counts(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	(void)request;
	ircd_buf_printf(&answer->fields,
		",\"connections\":%zu,\"users\":%zu,\"channels\":%zu,\"lines_taken\":%" PRIu64
		",\"lines_said\":%" PRIu64 ",\"connects\":%" PRIu64 ",\"saying\":%s",
		server->conn_count, server->users.count, server->channels.count,
		server->lines_taken, server->lines_said, server->conn_last,
		yes(server->says != NULL));
}

void ircd_control_state(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	struct ircd_buf *out = &answer->fields;
	struct listing listing = {.server = server, .out = out};
	ircd_buf_printf(out, ",\"lines_taken\":%" PRIu64 ",\"lines_said\":%" PRIu64,
		server->lines_taken, server->lines_said);
	ircd_buf_puts(out, ",\"nicks\":[");
	ircd_map_each(&server->users, add_nick, &listing);
	ircd_buf_puts(out, "],\"clients\":[");
	for (size_t i = 0; i < server->conn_count; i++) {
		ircd_buf_puts(out, i ? "," : "");
		add_connection(out, server->conns[i]);
	}
	ircd_buf_puts(out, "],\"channels\":[");
	listing.more = false;
	ircd_map_each(&server->channels, add_channel, &listing);
	ircd_buf_puts(out, "]");
	(void)request;
}

/* The lines kept for "channel", the last "last" of them; "clear" forgets them. */
void ircd_control_history(
	struct ircd_server *server, const struct ircd_json *request, struct ircd_answer *answer)
{
	char *key = ircd_fold(server, ircd_json_text(request, "channel", ""));
	struct ircd_history *history = ircd_history_find(server, key);
	size_t count = ircd_history_count(history);
	size_t last = (size_t)ircd_json_number(request, "last", 1e9);
	ircd_buf_puts(&answer->fields, ",\"lines\":[");
	for (size_t i = count > last ? count - last : 0; i < count; i++) {
		struct ircd_msg msg = ircd_history_get(history, i);
		ircd_buf_printf(&answer->fields, "%s{\"time\":%" PRId64,
			i && i != count - last ? "," : "", msg.time_ms);
		add_field(&answer->fields, "msgid", msg.msgid);
		add_field(&answer->fields, "line", msg.body);
		ircd_buf_puts(&answer->fields, "}");
	}
	ircd_buf_puts(&answer->fields, "]");
	if (history && ircd_json_bool(request, "clear", false)) {
		ircd_map_remove(&server->histories, key);
		ircd_history_destroy(history);
	}
	free(key);
}
