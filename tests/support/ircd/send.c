/* SPDX-License-Identifier: Apache-2.0 */
/* Makes lines out of messages and hands them to the connections. */
#include "send.h"

#include "net.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODIES 8

enum part {
	PART_PLAIN,
	PART_BATCHED,
	PART_OPEN,
	PART_CLOSE,
};

struct ircd_collected {
	size_t tags, tags_len, body, body_len; /* places in collect.text */
	enum part part;
};

static struct ircd_buf *next_body(void)
{
	static struct ircd_buf bodies[BODIES];
	static unsigned next;
	struct ircd_buf *body = &bodies[next++ % BODIES];
	body->len = 0;
	return body;
}

static struct ircd_msg finish_msg(struct ircd_server *server, struct ircd_buf *body)
{
	size_t limit = server->limits.line - 2;
	if (body->len > limit) {
		body->len = limit;
		body->data[limit] = '\0';
	}
	return (struct ircd_msg){.body = body->data, .len = body->len, .time_ms = ircd_now_ms()};
}

struct ircd_msg ircd_msg_make(struct ircd_server *server, const char *format, ...)
{
	struct ircd_buf *body = next_body();
	va_list args;
	va_start(args, format);
	ircd_buf_vprintf(body, format, args);
	va_end(args);
	return finish_msg(server, body);
}

struct ircd_msg ircd_msg_from(
	struct ircd_server *server, const struct ircd_user *user, const char *format, ...)
{
	struct ircd_buf *body = next_body();
	va_list args;
	ircd_buf_puts(body, ":");
	ircd_buf_puts(body, user->prefix);
	ircd_buf_puts(body, " ");
	va_start(args, format);
	ircd_buf_vprintf(body, format, args);
	va_end(args);
	struct ircd_msg msg = finish_msg(server, body);
	msg.account = user->account;
	return msg;
}

static void add_tag(struct ircd_buf *tags, const char *key, const char *value)
{
	if (tags->len) {
		ircd_buf_puts(tags, ";");
	}
	ircd_buf_puts(tags, key);
	ircd_buf_puts(tags, value);
}

static void make_tags(
	struct ircd_buf *tags, unsigned caps, const struct ircd_msg *msg, const char *batch)
{
	if (batch) {
		add_tag(tags, "batch=", batch);
	}
	if (caps & IRCD_CAP_TIME) {
		add_tag(tags, "time=", ircd_time_text(msg->time_ms));
	}
	if (caps & IRCD_CAP_TAGS && msg->msgid) {
		add_tag(tags, "msgid=", msg->msgid);
	}
	if (caps & IRCD_CAP_ACCOUNT_TAG && msg->account) {
		add_tag(tags, "account=", msg->account);
	}
	if (caps & IRCD_CAP_TAGS && msg->client_tags) {
		add_tag(tags, msg->client_tags, "");
	}
}

static void put_line(
	struct ircd_buf *line, const char *tags, size_t tags_len, const char *body, size_t body_len)
{
	if (tags_len) {
		ircd_buf_puts(line, "@");
		ircd_buf_add(line, tags, tags_len);
		ircd_buf_puts(line, " ");
	}
	ircd_buf_add(line, body, body_len);
	ircd_buf_puts(line, "\r\n");
}

static void collect(struct ircd_collect *into, const struct ircd_buf *tags,
	const struct ircd_msg *msg, enum part part)
{
	if (into->count == into->room) {
		into->room = into->room ? into->room * 2 : 16;
		into->lines = ircd_resize(into->lines, into->room * sizeof(*into->lines));
	}
	struct ircd_collected *line = &into->lines[into->count++];
	line->part = part;
	line->tags = into->text.len;
	line->tags_len = tags->len;
	ircd_buf_add(&into->text, tags->data, tags->len);
	line->body = into->text.len;
	line->body_len = msg->len;
	ircd_buf_add(&into->text, msg->body, msg->len);
}

static void send_part(struct ircd_conn *conn, const struct ircd_msg *msg, const char *batch,
	enum part part, bool apart)
{
	static struct ircd_buf tags;
	static struct ircd_buf line;
	if (conn->closed) {
		return;
	}
	tags.len = 0;
	line.len = 0;
	make_tags(&tags, conn->caps, msg, batch);
	if (!apart && conn->server->collect.conn == conn) {
		collect(&conn->server->collect, &tags, msg, part);
		return;
	}
	put_line(&line, tags.data, tags.len, msg->body, msg->len);
	ircd_conn_write(conn, line.data, line.len);
}

void ircd_send(struct ircd_conn *conn, const struct ircd_msg *msg, const char *batch)
{
	send_part(conn, msg, batch, batch ? PART_BATCHED : PART_PLAIN, false);
}

void ircd_send_apart(struct ircd_conn *conn, const struct ircd_msg *msg)
{
	send_part(conn, msg, NULL, PART_PLAIN, true);
}

void ircd_numeric(struct ircd_conn *conn, int number, const char *format, ...)
{
	struct ircd_buf *body = next_body();
	va_list args;
	ircd_buf_printf(
		body, ":%s %03d %s ", conn->server->options.name, number, ircd_nick_of(conn->user));
	va_start(args, format);
	ircd_buf_vprintf(body, format, args);
	va_end(args);
	struct ircd_msg msg = finish_msg(conn->server, body);
	ircd_send(conn, &msg, NULL);
}

void ircd_reply(struct ircd_conn *conn, const char *format, ...)
{
	struct ircd_buf *body = next_body();
	va_list args;
	ircd_buf_printf(body, ":%s ", conn->server->options.name);
	va_start(args, format);
	ircd_buf_vprintf(body, format, args);
	va_end(args);
	struct ircd_msg msg = finish_msg(conn->server, body);
	ircd_send(conn, &msg, NULL);
}

/* The lines of one message by the capabilities that change them, made when first needed. */
struct variants {
	struct ircd_buf line[8];
	bool made[8];
};

static void send_variant(
	struct variants *variants, struct ircd_conn *conn, const struct ircd_msg *msg)
{
	if (conn->closed || conn->server->collect.conn == conn) {
		ircd_send(conn, msg, NULL);
		return;
	}
	int i = (conn->caps & IRCD_CAP_TIME ? 1 : 0) | (conn->caps & IRCD_CAP_TAGS ? 2 : 0) |
		(conn->caps & IRCD_CAP_ACCOUNT_TAG ? 4 : 0);
	struct ircd_buf *line = &variants->line[i];
	if (!variants->made[i]) {
		static struct ircd_buf tags;
		tags.len = 0;
		line->len = 0;
		make_tags(&tags, conn->caps, msg, NULL);
		put_line(line, tags.data, tags.len, msg->body, msg->len);
		variants->made[i] = true;
	}
	ircd_conn_write(conn, line->data, line->len);
}

static struct variants *fresh_variants(void)
{
	static struct variants variants;
	memset(variants.made, 0, sizeof(variants.made));
	return &variants;
}

static void send_members(struct ircd_channel *channel, const struct ircd_msg *msg,
	const struct ircd_user *except, bool deaf_too)
{
	struct variants *variants = fresh_variants();
	for (size_t i = 0; i < channel->member_count; i++) {
		struct ircd_user *user = channel->members[i]->user;
		if (user != except && user->conn && (deaf_too || !user->deaf)) {
			send_variant(variants, user->conn, msg);
		}
	}
}

void ircd_send_channel(
	struct ircd_channel *channel, const struct ircd_msg *msg, const struct ircd_user *except)
{
	send_members(channel, msg, except, true);
}

void ircd_send_said(
	struct ircd_channel *channel, const struct ircd_msg *msg, const struct ircd_user *except)
{
	send_members(channel, msg, except, false);
}

void ircd_send_neighbours(
	struct ircd_server *server, struct ircd_user *user, const struct ircd_msg *msg, bool self)
{
	struct variants *variants = fresh_variants();
	uint64_t mark = ++server->mark;
	user->mark = mark;
	if (self && user->conn) {
		send_variant(variants, user->conn, msg);
	}
	for (size_t i = 0; i < user->member_count; i++) {
		struct ircd_channel *channel = user->members[i]->channel;
		for (size_t j = 0; j < channel->member_count; j++) {
			struct ircd_user *other = channel->members[j]->user;
			if (other->mark != mark && other->conn) {
				other->mark = mark;
				send_variant(variants, other->conn, msg);
			}
		}
	}
}

const char *ircd_batch_open(struct ircd_conn *conn, const char *type_and_params)
{
	static char reference[24];
	if (!(conn->caps & IRCD_CAP_BATCH)) {
		return NULL;
	}
	snprintf(reference, sizeof(reference), "b%" PRIu64, ++conn->server->batch_last);
	struct ircd_msg msg = ircd_msg_make(conn->server, ":%s BATCH +%s %s",
		conn->server->options.name, reference, type_and_params);
	send_part(conn, &msg, NULL, PART_OPEN, false);
	return reference;
}

void ircd_batch_close(struct ircd_conn *conn, const char *reference)
{
	if (reference) {
		struct ircd_msg msg = ircd_msg_make(
			conn->server, ":%s BATCH -%s", conn->server->options.name, reference);
		send_part(conn, &msg, NULL, PART_CLOSE, false);
	}
}

void ircd_collect_begin(struct ircd_conn *conn, const char *label)
{
	struct ircd_collect *into = &conn->server->collect;
	into->conn = conn;
	into->label = ircd_dup(label);
	into->count = 0;
	into->text.len = 0;
}

/* Whether the answer is one batch as it is, which then carries the label itself. */
static bool is_one_batch(const struct ircd_collect *from)
{
	for (size_t i = 1; i + 1 < from->count; i++) {
		if (from->lines[i].part != PART_BATCHED) {
			return false;
		}
	}
	return from->count > 1 && from->lines[0].part == PART_OPEN &&
	       from->lines[from->count - 1].part == PART_CLOSE;
}

static void write_collected(struct ircd_conn *conn, const struct ircd_collect *from,
	const struct ircd_collected *line, const char *key, const char *value)
{
	struct ircd_buf tags = {0};
	struct ircd_buf text = {0};
	if (key) {
		add_tag(&tags, key, value);
	}
	if (line->tags_len) {
		ircd_buf_puts(&tags, tags.len ? ";" : "");
		ircd_buf_add(&tags, from->text.data + line->tags, line->tags_len);
	}
	put_line(&text, tags.data, tags.len, from->text.data + line->body, line->body_len);
	ircd_conn_write(conn, text.data, text.len);
	ircd_buf_free(&tags);
	ircd_buf_free(&text);
}

static void write_wrapped(struct ircd_conn *conn, const struct ircd_collect *from)
{
	const char *name = conn->server->options.name;
	char reference[24];
	char *line = NULL;
	snprintf(reference, sizeof(reference), "b%" PRIu64, ++conn->server->batch_last);
	line = ircd_printf(
		"@label=%s :%s BATCH +%s labeled-response\r\n", from->label, name, reference);
	ircd_conn_write(conn, line, strlen(line));
	free(line);
	for (size_t i = 0; i < from->count; i++) {
		bool own = from->lines[i].part == PART_BATCHED || from->lines[i].part == PART_CLOSE;
		write_collected(conn, from, &from->lines[i], own ? NULL : "batch=", reference);
	}
	line = ircd_printf(":%s BATCH -%s\r\n", name, reference);
	ircd_conn_write(conn, line, strlen(line));
	free(line);
}

void ircd_collect_end(struct ircd_server *server)
{
	struct ircd_collect *from = &server->collect;
	struct ircd_conn *conn = from->conn;
	from->conn = NULL;
	if (!conn->closed && from->count == 0) {
		struct ircd_buf line = {0};
		ircd_buf_printf(&line, "@label=%s :%s ACK\r\n", from->label, server->options.name);
		ircd_conn_write(conn, line.data, line.len);
		ircd_buf_free(&line);
	} else if (from->count == 1 || (!server->options.label_outer && is_one_batch(from))) {
		for (size_t i = 0; i < from->count; i++) {
			write_collected(
				conn, from, &from->lines[i], i ? NULL : "label=", from->label);
		}
	} else if (from->count) {
		write_wrapped(conn, from);
	}
	free(from->label);
	from->label = NULL;
}
