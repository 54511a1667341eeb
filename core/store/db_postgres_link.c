/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to PostgreSQL: name look-up (libpq's own would block the loop), handshake, session
 * settings, and all of it again with backoff when it is lost. What goes through it is left to
 * db_postgres_run.c.
 */
#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/store/db_postgres.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <uv.h>

enum { CONNECT_MS = 10000, BACKOFF_FIRST_MS = 100, BACKOFF_MAX_MS = 10000 };
enum { ADDRESSES_MAX = 8, PARAMETERS_MAX = 64, HOST_MAX = 4096 };

static const char *const state_names[] = {
	[TR_PG_DOWN] = "down",
	[TR_PG_RESOLVING] = "resolving",
	[TR_PG_CONNECTING] = "connecting",
	[TR_PG_SETUP] = "setup",
	[TR_PG_READY] = "ready",
	[TR_PG_CLOSED] = "closed",
};

static void set_state(struct tr_pg_link *link, enum tr_pg_link_state state)
{
	TR_ASSERT(link->state != TR_PG_CLOSED);
	tr_log_debug("store", "PostgreSQL: %s -> %s", state_names[link->state], state_names[state]);
	link->state = state;
}

static const char *option(const struct tr_pg_link *link, const char *keyword)
{
	const PQconninfoOption *entry;

	for (entry = link->store->options; entry->keyword; entry++) {
		if (strcmp(entry->keyword, keyword) == 0) {
			return entry->val;
		}
	}
	return NULL;
}

static void free_handle(uv_handle_t *handle)
{
	tr_free(handle);
}

static void drop_poll(struct tr_pg_link *link)
{
	if (link->poll) {
		uv_poll_stop(link->poll);
		uv_close((uv_handle_t *)link->poll, free_handle);
		link->poll = NULL;
		link->fd = -1;
		link->events = 0;
	}
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct tr_pg_link *link = handle->data;

	(void)events;
	if (status < 0) {
		/* libuv has stopped to poll; what is wrong libpq finds out itself, but perhaps only
		 * when it reads the next time. */
		link->events = 0;
	}
	tr_pg_link_io(link);
}

static void watch(struct tr_pg_link *link, int events)
{
	int fd = PQsocket(link->conn);

	if (link->poll && fd != link->fd) {
		drop_poll(link);
	}
	if (!link->poll) {
		link->poll = tr_alloc(sizeof(*link->poll));
		link->fd = fd;
		TR_ASSERT(uv_poll_init(tr_loop_uv(link->store->db->loop), link->poll, fd) == 0);
		link->poll->data = link;
	}
	if (link->events != events) {
		link->events = events;
		uv_poll_start(link->poll, events, on_poll);
	}
}

static void drop_connection(struct tr_pg_link *link)
{
	/* The descriptor leaves the loop before libpq closes it. */
	drop_poll(link);
	PQfinish(link->conn);
	link->conn = NULL;
	tr_pg_forget(link);
}

void tr_pg_link_lost(struct tr_pg_link *link, const char *reason)
{
	uint64_t delay = tr_backoff_ms(link->attempts, BACKOFF_FIRST_MS, BACKOFF_MAX_MS);
	char text[200];
	size_t len;

	if (!reason) {
		reason = link->conn ? PQerrorMessage(link->conn) : "";
	}
	len = strcspn(reason, "\n");
	snprintf(text, sizeof(text), "%.*s", len < sizeof(text) ? (int)len : 199, reason);
	/* While closing, attempts follow each other until time is up: one line was enough. */
	tr_log(link->store->db->closing ? TR_LOG_DEBUG : TR_LOG_WARN, "store",
		"PostgreSQL %s: %s; next attempt in %llu ms",
		link->state == TR_PG_READY ? "connection lost" : "cannot be reached", text,
		(unsigned long long)delay);
	drop_connection(link);
	tr_pg_group_back(link);
	link->attempts++;
	set_state(link, TR_PG_DOWN);
	tr_timer_start(link->timer, delay);
}

/* Any notice (a table that exists already) is for those who look for it. */
static void on_notice(void *arg, const char *message)
{
	(void)arg;
	tr_log_debug("store", "PostgreSQL says: %.*s", (int)strcspn(message, "\n"), message);
}

struct parameters {
	const char *keywords[PARAMETERS_MAX + 1];
	const char *values[PARAMETERS_MAX + 1];
	size_t count;
};

static void add_parameter(struct parameters *parameters, const char *keyword, const char *value)
{
	if (value && parameters->count < PARAMETERS_MAX) {
		parameters->keywords[parameters->count] = keyword;
		parameters->values[parameters->count] = value;
		parameters->count++;
	}
}

static void collect_parameters(const struct tr_pg_link *link, struct parameters *parameters)
{
	/* A peer that vanished is noticed within a minute; the rest saves round trips. */
	static const char *const defaults[][2] = {
		{"fallback_application_name", "trestle"},
		{"gssencmode", "disable"},
		{"keepalives_idle", "30"},
		{"keepalives_interval", "10"},
		{"keepalives_count", "3"},
		{"tcp_user_timeout", "30000"},
	};
	const PQconninfoOption *entry;
	size_t i;

	memset(parameters, 0, sizeof(*parameters));
	for (i = 0; i < TR_ARRAY_LEN(defaults); i++) {
		add_parameter(parameters, defaults[i][0], defaults[i][1]);
	}
	/* Later ones win. */
	for (entry = link->store->options; entry->keyword; entry++) {
		add_parameter(parameters, entry->keyword, entry->val);
	}
	add_parameter(parameters, "client_encoding", "UTF8");
	if (link->addresses) {
		add_parameter(parameters, "host", link->host_names);
		add_parameter(parameters, "hostaddr", link->addresses);
	}
}

static void handle_connecting(struct tr_pg_link *link, PostgresPollingStatusType status)
{
	switch (status) {
	case PGRES_POLLING_READING:
		watch(link, UV_READABLE);
		break;
	case PGRES_POLLING_WRITING:
		watch(link, UV_WRITABLE);
		break;
	case PGRES_POLLING_OK:
		if (PQsetnonblocking(link->conn, 1) != 0 || !PQenterPipelineMode(link->conn)) {
			tr_pg_link_lost(link, NULL);
			return;
		}
		set_state(link, TR_PG_SETUP);
		tr_pg_send_setup(link);
		break;
	default:
		tr_pg_link_lost(link, NULL);
		break;
	}
}

static void connect_now(struct tr_pg_link *link)
{
	struct parameters parameters;

	collect_parameters(link, &parameters);
	set_state(link, TR_PG_CONNECTING);
	tr_timer_start(link->timer, CONNECT_MS);
	link->conn = PQconnectStartParams(parameters.keywords, parameters.values, 0);
	TR_ASSERT(link->conn);
	if (PQstatus(link->conn) == CONNECTION_BAD) {
		tr_pg_link_lost(link, NULL);
		return;
	}
	(void)PQsetNoticeProcessor(link->conn, on_notice, NULL);
	handle_connecting(link, PGRES_POLLING_WRITING);
}

static void keep_addresses(struct tr_pg_link *link, const char *host, const struct addrinfo *found)
{
	struct tr_buf names = TR_BUF_INIT(HOST_MAX);
	struct tr_buf addresses = TR_BUF_INIT(HOST_MAX);
	char text[INET6_ADDRSTRLEN + 1];
	size_t count = 0;

	for (; found && count < ADDRESSES_MAX; found = found->ai_next) {
		if (getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0,
			    NI_NUMERICHOST) != 0) {
			continue;
		}
		/* libpq pairs host (for the certificate) and hostaddr by their position. */
		tr_buf_addf(&names, "%s%s", count ? "," : "", host);
		tr_buf_addf(&addresses, "%s%s", count ? "," : "", text);
		count++;
	}
	if (count > 0 && !tr_buf_failed(&names) && !tr_buf_failed(&addresses)) {
		tr_free(link->host_names);
		tr_free(link->addresses);
		link->host_names = tr_buf_take(&names);
		link->addresses = tr_buf_take(&addresses);
	}
	tr_buf_finish(&names);
	tr_buf_finish(&addresses);
}

static void on_lookup(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct tr_pg_link *link = request->data;

	tr_free(request);
	if (link) {
		link->lookup = NULL;
		if (status != 0) {
			tr_pg_link_lost(link, uv_strerror(status));
		} else {
			keep_addresses(link, option(link, "host"), found);
			connect_now(link);
		}
	}
	uv_freeaddrinfo(found);
}

static bool needs_lookup(const struct tr_pg_link *link)
{
	const char *host = option(link, "host");
	unsigned char address[sizeof(struct in6_addr)];

	/* A socket's path, an address, or a list, which libpq goes through itself. */
	return host && host[0] != '/' && host[0] != '\0' && !strchr(host, ',') &&
	       !option(link, "hostaddr") && inet_pton(AF_INET, host, address) != 1 &&
	       inet_pton(AF_INET6, host, address) != 1;
}

static void look_up(struct tr_pg_link *link)
{
	struct addrinfo hints;
	int rc;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	set_state(link, TR_PG_RESOLVING);
	link->lookup = tr_alloc(sizeof(*link->lookup));
	link->lookup->data = link;
	rc = uv_getaddrinfo(tr_loop_uv(link->store->db->loop), link->lookup, on_lookup,
		option(link, "host"), NULL, &hints);
	if (rc != 0) {
		tr_free(link->lookup);
		link->lookup = NULL;
		tr_pg_link_lost(link, uv_strerror(rc));
	}
}

static void on_timer(void *arg)
{
	struct tr_pg_link *link = arg;

	if (link->state == TR_PG_DOWN) {
		tr_pg_link_start(link);
	} else {
		tr_pg_link_lost(link, "no answer within 10 s");
	}
}

void tr_pg_link_start(struct tr_pg_link *link)
{
	if (!link->timer) {
		link->timer = tr_timer_create(link->store->db->loop, on_timer, link);
		tr_list_init(&link->group);
		link->fd = -1;
	}
	/* While closing the loop does not run, and with it no look-up: the last one has to do. */
	if (needs_lookup(link) && !(link->store->db->closing && link->addresses)) {
		look_up(link);
	} else {
		connect_now(link);
	}
}

void tr_pg_link_ready(struct tr_pg_link *link)
{
	int version = PQserverVersion(link->conn);

	tr_timer_stop(link->timer);
	link->attempts = 0;
	set_state(link, TR_PG_READY);
	tr_log_info("store", "connected to PostgreSQL %d.%d", version / 10000, version % 10000);
	tr_pg_dispatch(link->store);
}

void tr_pg_link_flush(struct tr_pg_link *link)
{
	int rc = PQflush(link->conn);

	if (rc < 0) {
		tr_pg_link_lost(link, NULL);
	} else {
		watch(link, rc == 1 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
	}
}

void tr_pg_link_io(struct tr_pg_link *link)
{
	if (link->state == TR_PG_CONNECTING) {
		/* libpq may close this descriptor and open another under the same number. */
		if (link->poll) {
			uv_poll_stop(link->poll);
			link->events = 0;
		}
		handle_connecting(link, PQconnectPoll(link->conn));
	} else if (link->state == TR_PG_SETUP || link->state == TR_PG_READY) {
		if (!PQconsumeInput(link->conn)) {
			tr_pg_link_lost(link, NULL);
			return;
		}
		tr_pg_link_flush(link);
		if (link->conn) {
			tr_pg_read(link);
		}
	}
}

void tr_pg_link_close(struct tr_pg_link *link)
{
	if (link->lookup) {
		/* It comes back to nobody. */
		link->lookup->data = NULL;
		uv_cancel((uv_req_t *)link->lookup);
		link->lookup = NULL;
	}
	drop_connection(link);
	tr_pg_group_back(link);
	set_state(link, TR_PG_CLOSED);
	tr_timer_destroy(link->timer);
	tr_free(link->host_names);
	tr_free(link->addresses);
}
