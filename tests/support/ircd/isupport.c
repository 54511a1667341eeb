/* SPDX-License-Identifier: Apache-2.0 */
/* RPL_ISUPPORT: which tokens are announced, and the limits the server itself keeps to because of
 * them. A token given on the command line replaces the one of the same name; "-TOKEN" removes it
 * but leaves the behaviour at its default. */
#include "send.h"
#include "server.h"

#include <stdlib.h>
#include <string.h>

#define TOKENS_PER_LINE 12

/* The last --isupport for this token: "TOKEN", "TOKEN=value" or "-TOKEN"; NULL when there is none.
 */
static const char *find_override(struct ircd_server *server, const char *token)
{
	size_t len = strlen(token);
	for (int i = server->options.isupport_count - 1; i >= 0; i--) {
		const char *text = server->options.isupport[i];
		const char *name = text + (*text == '-');
		if (strncmp(name, token, len) == 0 && (name[len] == '=' || !name[len])) {
			return text;
		}
	}
	return NULL;
}

const char *ircd_isupport_override(struct ircd_server *server, const char *token)
{
	const char *text = find_override(server, token);
	const char *equals = text && *text != '-' ? strchr(text, '=') : NULL;
	return equals ? equals + 1 : NULL;
}

static size_t number(struct ircd_server *server, const char *token, size_t or)
{
	const char *value = ircd_isupport_override(server, token);
	unsigned long n = value ? strtoul(value, NULL, 10) : 0;
	return n ? n : or ;
}

static void apply_prefix(struct ircd_limits *limits, const char *value)
{
	const char *end = value && *value == '(' ? strchr(value, ')') : NULL;
	size_t n = end ? (size_t)(end - value - 1) : 0;
	if (n == 0 || n > IRCD_STATUS_MAX || strlen(end + 1) != n) {
		return;
	}
	memcpy(limits->status_modes, value + 1, n);
	limits->status_modes[n] = '\0';
	memcpy(limits->status_signs, end + 1, n);
	limits->status_signs[n] = '\0';
}

void ircd_isupport_apply(struct ircd_server *server)
{
	struct ircd_limits *limits = &server->limits;
	*limits = (struct ircd_limits){
		.casemapping = IRCD_CASE_RFC1459,
		.chantypes = "#",
		.status_modes = "ov",
		.status_signs = "@+",
	};
	limits->nick = number(server, "NICKLEN", 30);
	limits->line = number(server, "LINELEN", 512);
	limits->channel = number(server, "CHANNELLEN", 64);
	limits->topic = number(server, "TOPICLEN", 390);
	limits->user = number(server, "USERLEN", 10);
	if (limits->line < 64) {
		limits->line = 64;
	}
	const char *mapping = ircd_isupport_override(server, "CASEMAPPING");
	if (mapping && strcmp(mapping, "ascii") == 0) {
		limits->casemapping = IRCD_CASE_ASCII;
	} else if (mapping && strcmp(mapping, "rfc1459-strict") == 0) {
		limits->casemapping = IRCD_CASE_STRICT;
	}
	const char *types = ircd_isupport_override(server, "CHANTYPES");
	if (types && *types && strlen(types) < sizeof(limits->chantypes)) {
		memcpy(limits->chantypes, types, strlen(types) + 1);
	}
	const char *deaf = ircd_isupport_override(server, "DEAF");
	limits->deaf = deaf ? *deaf : '\0';
	apply_prefix(limits, ircd_isupport_override(server, "PREFIX"));
}

struct listing {
	struct ircd_conn *conn;
	struct ircd_buf line;
	int count;
};

static void finish_line(struct listing *listing)
{
	if (listing->count) {
		ircd_numeric(
			listing->conn, 5, "%s :are supported by this server", listing->line.data);
	}
	listing->line.len = 0;
	listing->count = 0;
}

static void add_token(struct listing *listing, const char *token)
{
	if (listing->count) {
		ircd_buf_puts(&listing->line, " ");
	}
	ircd_buf_puts(&listing->line, token);
	listing->count++;
	if (listing->count == TOKENS_PER_LINE) {
		finish_line(listing);
	}
}

/* A token of ours, unless the command line says otherwise. */
static void add_default(struct listing *listing, char *token)
{
	char name[32];
	size_t len = strcspn(token, "=");
	memcpy(name, token, len);
	name[len] = '\0';
	if (!find_override(listing->conn->server, name)) {
		add_token(listing, token);
	}
	free(token);
}

static void add_defaults(struct listing *listing)
{
	struct ircd_server *server = listing->conn->server;
	const struct ircd_limits *limits = &server->limits;
	add_default(listing, ircd_printf("AWAYLEN=%d", 200));
	add_default(listing, ircd_printf("CASEMAPPING=%s", "rfc1459"));
	add_default(listing, ircd_printf("CHANMODES=%s", "b,k,l,imnst"));
	add_default(listing, ircd_printf("CHANNELLEN=%zu", limits->channel));
	add_default(listing, ircd_printf("CHANTYPES=%s", limits->chantypes));
	add_default(listing, ircd_printf("KICKLEN=%d", 255));
	add_default(listing, ircd_printf("MODES=%d", 20));
	add_default(listing, ircd_printf("NETWORK=%s", server->options.network));
	add_default(listing, ircd_printf("NICKLEN=%zu", limits->nick));
	add_default(
		listing, ircd_printf("PREFIX=(%s)%s", limits->status_modes, limits->status_signs));
	add_default(listing, ircd_printf("TOPICLEN=%zu", limits->topic));
	add_default(listing, ircd_printf("USERLEN=%zu", limits->user));
	if (listing->conn->server->options.caps &&
		strstr(listing->conn->server->options.caps, "chathistory")) {
		add_default(listing, ircd_printf("CHATHISTORY=%d", server->options.history_limit));
		add_default(listing, ircd_printf("MSGREFTYPES=%s", "msgid,timestamp"));
	}
}

void ircd_isupport_send(struct ircd_conn *conn)
{
	struct listing listing = {.conn = conn};
	struct ircd_options *options = &conn->server->options;
	add_defaults(&listing);
	for (int i = 0; i < options->isupport_count; i++) {
		if (options->isupport[i][0] != '-') {
			add_token(&listing, options->isupport[i]);
		}
	}
	finish_line(&listing);
	ircd_buf_free(&listing.line);
}
