/* SPDX-License-Identifier: Apache-2.0 */
/* Capability negotiation (CAP 302) and SASL PLAIN. */
#include "cap.h"
#include "dispatch.h"
#include "net.h"
#include "send.h"
#include "users.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define SASL_MAX   8192
#define SASL_CHUNK 400

static const struct {
	const char *name;
	unsigned bit;
} known[] = {
	{"account-notify", IRCD_CAP_ACCOUNT_NOTIFY},
	{"account-tag", IRCD_CAP_ACCOUNT_TAG},
	{"away-notify", IRCD_CAP_AWAY_NOTIFY},
	{"batch", IRCD_CAP_BATCH},
	{"cap-notify", IRCD_CAP_CAP_NOTIFY},
	{"draft/chathistory", IRCD_CAP_CHATHISTORY},
	{"echo-message", IRCD_CAP_ECHO},
	{"extended-join", IRCD_CAP_EXTENDED_JOIN},
	{"labeled-response", IRCD_CAP_LABEL},
	{"message-tags", IRCD_CAP_TAGS},
	{"multi-prefix", IRCD_CAP_MULTI_PREFIX},
	{"sasl", IRCD_CAP_SASL},
	{"server-time", IRCD_CAP_TIME},
	{"userhost-in-names", IRCD_CAP_USERHOST},
};

static unsigned bit_of(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, name) == 0) {
			return known[i].bit;
		}
	}
	return 0;
}

void ircd_caps_load(struct ircd_server *server)
{
	for (size_t i = 0; i < server->offer_count; i++) {
		free(server->offers[i].name);
		free(server->offers[i].value);
	}
	server->offer_count = 0;
	char *list = ircd_dup(server->options.caps ? server->options.caps : "");
	char *rest = list;
	char *cap;
	while ((cap = ircd_next_item(&rest, ','))) {
		char *equals = strchr(cap, '=');
		if (equals) {
			*equals++ = '\0';
		}
		server->offers = ircd_resize(
			server->offers, (server->offer_count + 1) * sizeof(*server->offers));
		server->offers[server->offer_count++] = (struct ircd_offer){
			.name = ircd_dup(cap), .value = ircd_dup(equals), .bit = bit_of(cap)};
	}
	free(list);
}

static const struct ircd_offer *find_offer(struct ircd_server *server, const char *name)
{
	for (size_t i = 0; i < server->offer_count; i++) {
		if (strcmp(server->offers[i].name, name) == 0) {
			return &server->offers[i];
		}
	}
	return NULL;
}

/* In as many lines as --cap-line-bytes makes necessary; all but the last say '*' (302 only). */
static void send_list(struct ircd_conn *conn, const char *verb, bool enabled_only)
{
	struct ircd_server *server = conn->server;
	struct ircd_buf line = {0};
	ircd_buf_add(&line, "", 0);
	for (size_t i = 0; i < server->offer_count; i++) {
		const struct ircd_offer *offer = &server->offers[i];
		if (enabled_only && !(conn->caps & offer->bit)) {
			continue;
		}
		bool value = offer->value && conn->cap_version >= 302 && !enabled_only;
		char *item = ircd_printf(
			"%s%s%s", offer->name, value ? "=" : "", value ? offer->value : "");
		bool full = line.len &&
			    line.len + strlen(item) + 1 > (size_t)server->options.cap_line_bytes;
		if (full && conn->cap_version >= 302) {
			ircd_reply(
				conn, "CAP %s %s * :%s", ircd_nick_of(conn->user), verb, line.data);
			line.len = 0;
		}
		ircd_buf_printf(&line, "%s%s", line.len ? " " : "", item);
		free(item);
	}
	ircd_reply(conn, "CAP %s %s :%s", ircd_nick_of(conn->user), verb, line.data);
	ircd_buf_free(&line);
}

static void request(struct ircd_conn *conn, const char *wanted)
{
	unsigned add = 0;
	unsigned remove = 0;
	bool ok = true;
	char *list = ircd_dup(wanted);
	char *rest = list;
	char *cap;
	while ((cap = ircd_next_item(&rest, ' '))) {
		bool minus = *cap == '-';
		const struct ircd_offer *offer = find_offer(conn->server, cap + minus);
		ok = ok && offer;
		if (offer && minus) {
			remove |= offer->bit;
		} else if (offer) {
			add |= offer->bit;
		}
	}
	free(list);
	ircd_reply(conn, "CAP %s %s :%s", ircd_nick_of(conn->user), ok ? "ACK" : "NAK", wanted);
	if (ok) {
		conn->caps = (conn->caps | add) & ~remove;
	}
}

void ircd_cmd_cap(struct ircd_conn *conn, struct ircd_line *line)
{
	const char *verb = line->params[0];
	if (strcmp(verb, "LS") == 0) {
		long version = strtol(ircd_line_param(line, 1), NULL, 10);
		conn->cap_version = version > conn->cap_version ? (int)version : conn->cap_version;
		if (version >= 302) {
			conn->caps |= IRCD_CAP_CAP_NOTIFY;
		}
		conn->cap_negotiating = !conn->user->registered;
		send_list(conn, "LS", false);
	} else if (strcmp(verb, "LIST") == 0) {
		send_list(conn, "LIST", true);
	} else if (strcmp(verb, "REQ") == 0) {
		conn->cap_negotiating = !conn->user->registered;
		request(conn, ircd_line_param(line, 1));
	} else if (strcmp(verb, "END") == 0) {
		conn->cap_negotiating = false;
		ircd_try_register(conn);
	} else {
		ircd_numeric(conn, 410, "%s :Invalid CAP command", verb);
	}
}

void ircd_caps_announce(struct ircd_server *server, const char *verb, const char *list)
{
	for (size_t i = 0; i < server->conn_count; i++) {
		struct ircd_conn *conn = server->conns[i];
		if (conn->caps & IRCD_CAP_CAP_NOTIFY && conn->user->registered) {
			ircd_reply(conn, "CAP %s %s :%s", ircd_nick_of(conn->user), verb, list);
		}
	}
}

/* SASL */

static void sasl_failed(struct ircd_conn *conn)
{
	conn->sasl_started = false;
	conn->sasl.len = 0;
	ircd_numeric(conn, 904, ":SASL authentication failed");
}

/* authzid NUL authcid NUL password, against --account name:password. */
static const char *account_for(struct ircd_server *server, const char *data, size_t len)
{
	const char *authcid = memchr(data, '\0', len);
	size_t left = authcid ? len - (size_t)(authcid + 1 - data) : 0;
	const char *password = left ? memchr(authcid + 1, '\0', left) : NULL;
	if (!password) {
		return NULL;
	}
	authcid++;
	password++;
	size_t name_len = strlen(authcid);
	size_t password_len = len - (size_t)(password - data);
	for (int i = 0; i < server->options.account_count; i++) {
		const char *entry = server->options.accounts[i];
		if (strncmp(entry, authcid, name_len) == 0 && entry[name_len] == ':' &&
			strlen(entry + name_len + 1) == password_len &&
			memcmp(entry + name_len + 1, password, password_len) == 0) {
			return entry;
		}
	}
	return NULL;
}

static void sasl_finish(struct ircd_conn *conn)
{
	struct ircd_user *user = conn->user;
	unsigned char *plain = ircd_alloc(conn->sasl.len + 4);
	int len = -1;
	if (conn->sasl.len && conn->sasl.len % 4 == 0) {
		len = EVP_DecodeBlock(plain, (unsigned char *)conn->sasl.data, (int)conn->sasl.len);
	}
	for (size_t i = conn->sasl.len; len > 0 && i && conn->sasl.data[i - 1] == '='; i--) {
		len--;
	}
	const char *entry =
		len > 0 ? account_for(conn->server, (const char *)plain, (size_t)len) : NULL;
	free(plain);
	if (!entry) {
		sasl_failed(conn);
		return;
	}
	conn->sasl_started = false;
	conn->sasl.len = 0;
	free(user->account);
	user->account = ircd_printf("%.*s", (int)strcspn(entry, ":"), entry);
	ircd_numeric(conn, 900, "%s %s :You are now logged in as %s",
		user->prefix ? user->prefix : "*!*@*", user->account, user->account);
	ircd_numeric(conn, 903, ":SASL authentication successful");
}

static void sasl_begin(struct ircd_conn *conn, const char *mechanism)
{
	if (strcmp(mechanism, "PLAIN") != 0) {
		ircd_numeric(conn, 908, "PLAIN :are available SASL mechanisms");
		sasl_failed(conn);
		return;
	}
	conn->sasl_started = true;
	conn->sasl.len = 0;
	const char *line =
		conn->server->options.echo_colon ? "AUTHENTICATE :+\r\n" : "AUTHENTICATE +\r\n";
	ircd_conn_write(conn, line, strlen(line));
}

void ircd_cmd_authenticate(struct ircd_conn *conn, struct ircd_line *line)
{
	const char *data = line->params[0];
	size_t len = strlen(data);
	if (!(conn->caps & IRCD_CAP_SASL)) {
		ircd_numeric(conn, 421, "AUTHENTICATE :Unknown command");
	} else if (conn->user->account) {
		ircd_numeric(conn, 907, ":You have already authenticated using SASL");
	} else if (strcmp(data, "*") == 0) {
		conn->sasl_started = false;
		ircd_numeric(conn, 906, ":SASL authentication aborted");
	} else if (!conn->sasl_started) {
		sasl_begin(conn, data);
	} else if (len > SASL_CHUNK || conn->sasl.len + len > SASL_MAX) {
		conn->sasl_started = false;
		ircd_numeric(conn, 905, ":SASL message too long");
	} else {
		if (strcmp(data, "+") != 0) {
			ircd_buf_add(&conn->sasl, data, len);
		}
		if (len < SASL_CHUNK) {
			sasl_finish(conn);
		}
	}
}
