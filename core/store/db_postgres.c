/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL: the queue of batches, what becomes of a group that failed, and closing. Connections
 * are brought up by db_postgres_link.c and spoken to by db_postgres_run.c.
 */
#include "core/store/db_postgres.h"

#include "core/base/clock.h"
#include "core/base/log.h"

#include <poll.h>
#include <string.h>

/* How long closing waits, how often it tries to connect meanwhile, and how often a batch is run
 * again when other transactions get in its way. */
enum { CLOSE_MS = 5000, CLOSE_TURN_MS = 100, CONFLICT_TRIES = 10 };

static void complete_all(struct tr_list *batches)
{
	struct tr_list *node;

	while ((node = tr_list_head(batches)) != NULL) {
		tr_list_remove(node);
		tr_db_complete(TR_LIST_ENTRY(node, struct tr_db_batch, node));
	}
}

void tr_pg_fail_queue(struct tr_pg_store *store, const struct tr_error *error)
{
	struct tr_list failed;
	struct tr_list *node;
	struct tr_list *following;

	tr_list_init(&failed);
	tr_db_list_move(&failed, &store->queue);
	TR_LIST_EACH (&failed, node, following) {
		tr_db_batch_fail(TR_LIST_ENTRY(node, struct tr_db_batch, node), error);
	}
	complete_all(&failed);
}

void tr_pg_dispatch(struct tr_pg_store *store)
{
	size_t i;

	if (store->lock.refused) {
		tr_pg_fail_queue(store, &store->lock.error);
		return;
	}
	if (!tr_pg_lock_held(store)) {
		return;
	}
	for (i = 0; i < store->link_count && !tr_list_empty(&store->queue); i++) {
		struct tr_pg_link *link = &store->links[i];

		if (link->state == TR_PG_READY && tr_list_empty(&link->group)) {
			tr_db_group_take(&link->group, &store->queue);
			tr_pg_send_group(link);
		}
	}
}

static void dispatch_deferred(void *arg)
{
	struct tr_pg_store *store = arg;

	store->dispatching = false;
	tr_pg_dispatch(store);
}

void tr_pg_group_back(struct tr_pg_link *link)
{
	struct tr_list *node;
	struct tr_list *following;

	TR_LIST_EACH (&link->group, node, following) {
		tr_db_batch_reset(TR_LIST_ENTRY(node, struct tr_db_batch, node));
	}
	tr_db_list_move_front(&link->store->queue, &link->group);
}

static void fail_group(struct tr_pg_link *link, struct tr_list *failed)
{
	struct tr_list *node;
	struct tr_list *following;

	TR_LIST_EACH (&link->group, node, following) {
		tr_db_batch_fail(TR_LIST_ENTRY(node, struct tr_db_batch, node), &link->error);
	}
	tr_db_list_move(failed, &link->group);
}

/* The group was rolled back. Either it is run again, whole, without the part that is to blame or
 * one by one, or its batches end in `failed`. */
static void sort_failed_group(struct tr_pg_link *link, struct tr_list *failed)
{
	struct tr_list *node = tr_list_head(&link->group);
	struct tr_db_batch *culprit = link->failed_batch
					      ? link->failed_batch
					      : TR_LIST_ENTRY(node, struct tr_db_batch, node);
	bool single = node->next == &link->group;
	struct tr_list *following;

	if (link->conflict && ++culprit->tries < CONFLICT_TRIES) {
		tr_pg_group_back(link);
	} else if (link->error.cls == TR_CLASS_RETRY) {
		fail_group(link, failed);
	} else if (link->failed_part && tr_db_batch_has_parts(culprit)) {
		tr_db_part_fail(culprit, link->failed_part, &link->error);
		tr_pg_group_back(link);
	} else if (single) {
		fail_group(link, failed);
	} else {
		TR_LIST_EACH (&link->group, node, following) {
			TR_LIST_ENTRY(node, struct tr_db_batch, node)->alone = true;
		}
		tr_pg_group_back(link);
	}
}

void tr_pg_group_done(struct tr_pg_link *link)
{
	struct tr_list done;

	tr_list_init(&done);
	if (link->failed) {
		sort_failed_group(link, &done);
	} else {
		tr_db_list_move(&done, &link->group);
	}
	/* The server gets its next work before the callbacks take their time. */
	tr_pg_dispatch(link->store);
	complete_all(&done);
}

static size_t connections(const struct tr_db_options *options)
{
	if (options->connections == 0) {
		return 1;
	}
	return options->connections < TR_PG_LINKS_MAX ? options->connections : TR_PG_LINKS_MAX;
}

static int pg_open(struct tr_db *db, const struct tr_db_options *options, struct tr_error *error)
{
	struct tr_pg_store *store;
	/* libpq's own message may repeat the URL, and with it the password. */
	PQconninfoOption *parsed = PQconninfoParse(options->url, NULL);
	size_t i;

	if (!parsed) {
		return tr_error_set(error, TR_E_CONFIG,
			"the database URL is malformed; it is written "
			"postgres://user:password@host:port/name, with %%XX for special "
			"characters in the password");
	}
	store = tr_alloc(sizeof(*store));
	store->db = db;
	store->options = parsed;
	tr_list_init(&store->queue);
	store->link_count = connections(options);
	store->lock.wanted = !options->unlocked;
	db->store = store;
	for (i = 0; i < store->link_count; i++) {
		store->links[i].store = store;
		tr_pg_link_start(&store->links[i]);
	}
	return 0;
}

static void pg_submit(struct tr_db *db, struct tr_db_batch *batch)
{
	struct tr_pg_store *store = db->store;

	tr_list_append(&store->queue, &batch->node);
	/* All that is submitted in this turn of the loop becomes one group. */
	if (!store->dispatching) {
		store->dispatching = true;
		tr_loop_defer(db->loop, dispatch_deferred, store);
	}
}

static bool pg_healthy(const struct tr_db *db)
{
	const struct tr_pg_store *store = db->store;
	size_t i;

	for (i = 0; i < store->link_count; i++) {
		if (store->links[i].state == TR_PG_READY) {
			return true;
		}
	}
	return false;
}

static bool busy(const struct tr_pg_store *store)
{
	size_t i;

	for (i = 0; i < store->link_count; i++) {
		if (!tr_list_empty(&store->links[i].group)) {
			return true;
		}
	}
	return !tr_list_empty(&store->queue);
}

/* One round of what the loop does for the links otherwise; it may not be run from here. */
static void drain_turn(struct tr_pg_store *store)
{
	struct pollfd fds[TR_PG_LINKS_MAX];
	size_t i;

	for (i = 0; i < store->link_count; i++) {
		struct tr_pg_link *link = &store->links[i];

		fds[i].fd = link->conn ? PQsocket(link->conn) : -1;
		fds[i].events = POLLIN;
		fds[i].revents = 0;
		if (link->state == TR_PG_CONNECTING || (link->conn && PQflush(link->conn) == 1)) {
			fds[i].events |= POLLOUT;
		}
	}
	(void)poll(fds, (nfds_t)store->link_count, CLOSE_TURN_MS);
	for (i = 0; i < store->link_count; i++) {
		if (fds[i].revents != 0) {
			tr_pg_link_io(&store->links[i]);
		} else if (store->links[i].state == TR_PG_DOWN) {
			tr_pg_link_start(&store->links[i]);
		}
	}
	tr_pg_dispatch(store);
}

static void give_up(struct tr_pg_store *store)
{
	struct tr_error error;

	tr_error_set_class(&error, TR_E_CLOSED, TR_CLASS_RETRY,
		"the database was closed before PostgreSQL confirmed the commit");
	tr_pg_fail_queue(store, &error);
}

static void pg_close(struct tr_db *db)
{
	struct tr_pg_store *store = db->store;
	uint64_t end = tr_clock_mono_ms() + CLOSE_MS;
	size_t i;

	tr_loop_defer_cancel(db->loop, dispatch_deferred, store);
	tr_pg_dispatch(store);
	while (busy(store) && tr_clock_mono_ms() < end) {
		drain_turn(store);
	}
	for (i = 0; i < store->link_count; i++) {
		tr_pg_link_close(&store->links[i]);
	}
	give_up(store);
	PQconninfoFree(store->options);
	tr_free(store);
}

const struct tr_db_backend tr_db_postgres = {
	.name = "postgres",
	.dialect = {"TEXT", "BIGINT", "BYTEA", "BIGSERIAL PRIMARY KEY"},
	.open = pg_open,
	.submit = pg_submit,
	.healthy = pg_healthy,
	.close = pg_close,
};
