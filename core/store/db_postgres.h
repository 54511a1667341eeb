/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the PostgreSQL backend; for core/store/db_postgres*.c only.
 *
 * db_postgres.c keeps the queue and hands groups to links; db_postgres_link.c brings a connection
 * up and up again; db_postgres_run.c sends a group through it and reads the answers.
 *
 * A group is everything up to one Sync: without BEGIN the server makes that one transaction, which
 * is committed by the Sync and rolled back whole by an error. One group is in flight per link, so
 * order holds even when it has to be run again.
 *
 * The first link holds a lock on the database, taken at each connect before anything else, so that
 * two daemons never work on one queue (db_postgres_lock.c).
 */
#ifndef TRESTLE_STORE_DB_POSTGRES_H
#define TRESTLE_STORE_DB_POSTGRES_H

#include "core/store/db_internal.h"

#include <libpq-fe.h>

struct uv_poll_s;
struct uv_getaddrinfo_s;
struct tr_pg_store;

enum tr_pg_link_state {
	TR_PG_DOWN,       /* waits for the next attempt */
	TR_PG_RESOLVING,  /* the host's name */
	TR_PG_CONNECTING, /* libpq shakes hands */
	TR_PG_SETUP,      /* the session's settings are under way */
	TR_PG_READY,
	TR_PG_CLOSED,
};

/* An answer that is due, in the order they come. */
enum tr_pg_answer_kind {
	TR_PG_ANSWER_SETUP,
	TR_PG_ANSWER_LOCK,
	TR_PG_ANSWER_PREPARE,
	TR_PG_ANSWER_RUN,
};
struct tr_pg_prepared;
struct tr_pg_answer {
	enum tr_pg_answer_kind kind;
	struct tr_pg_prepared *prepared;
	struct tr_db_batch *batch;
	struct tr_db_op *op;
};

struct tr_pg_link {
	struct tr_pg_store *store;
	enum tr_pg_link_state state;
	PGconn *conn;
	struct uv_poll_s *poll;
	int fd;
	int events; /* being polled for */
	struct uv_getaddrinfo_s *lookup;
	char *host_names; /* "name,name", one for each of: */
	char *addresses;  /* "192.0.2.1,2001:db8::1" of the last look-up, NULL = none needed */
	struct tr_timer *timer; /* next attempt, or end of this one */
	unsigned attempts;

	struct tr_list group; /* in flight */
	struct tr_pg_answer *answers;
	size_t answer_count;
	size_t answer_next;
	size_t answer_capacity;
	bool sync_due;
	bool failed;                      /* some statement of the group */
	struct tr_db_batch *failed_batch; /* NULL: the commit itself */
	struct tr_db_part *failed_part;
	struct tr_error error;
	bool conflict; /* another transaction was in the way: the same again */
	struct tr_db_cache cache;
	unsigned names; /* of prepared statements given so far */
};

enum { TR_PG_LINKS_MAX = 16 };

/* Whose the database is (db_postgres_lock.c). */
struct tr_pg_lock {
	bool wanted;
	bool got;      /* by the answer read last */
	bool was_ours; /* at some time */
	bool refused;  /* for good: every batch fails with `error` */
	uint64_t wait_until_ms;
	struct tr_error error;
};

struct tr_pg_store {
	struct tr_db *db;
	PQconninfoOption *options; /* what the URL says */
	struct tr_list queue;
	bool dispatching; /* deferred */
	struct tr_pg_lock lock;
	size_t link_count;
	struct tr_pg_link links[TR_PG_LINKS_MAX];
};

/* db_postgres.c: the link's group was committed or failed; or the link became ready. */
void tr_pg_group_done(struct tr_pg_link *link);
void tr_pg_dispatch(struct tr_pg_store *store);
/* Ends everything that is queued with this error. */
void tr_pg_fail_queue(struct tr_pg_store *store, const struct tr_error *error);
/* The connection is gone: the group goes back to the front of the queue. */
void tr_pg_group_back(struct tr_pg_link *link);

/* db_postgres_link.c */
void tr_pg_link_start(struct tr_pg_link *link);
void tr_pg_link_close(struct tr_pg_link *link);
/* Something can be read or written, or may be. */
void tr_pg_link_io(struct tr_pg_link *link);
/* Gives the connection up, because of libpq's message or of `reason`, and plans the next. */
void tr_pg_link_lost(struct tr_pg_link *link, const char *reason);
/* Sends what libpq holds back and waits for what is needed next. */
void tr_pg_link_flush(struct tr_pg_link *link);
/* The session is as it should be. */
void tr_pg_link_ready(struct tr_pg_link *link);

/* db_postgres_lock.c */
/* Whether this link holds the lock of them all. */
bool tr_pg_lock_on(const struct tr_pg_link *link);
/* Whether anything may be written now. */
bool tr_pg_lock_held(const struct tr_pg_store *store);
extern const char tr_pg_lock_sql[];
void tr_pg_lock_read(struct tr_pg_link *link, const PGresult *result);
/* The database is another daemon's: tries again, or gives up. */
void tr_pg_lock_refused(struct tr_pg_link *link);

/* db_postgres_run.c */
void tr_pg_send_setup(struct tr_pg_link *link);
/* Sends link->group. */
void tr_pg_send_group(struct tr_pg_link *link);
/* Reads what has arrived. */
void tr_pg_read(struct tr_pg_link *link);
/* Forgets answers due and prepared statements: they ended with the connection. */
void tr_pg_forget(struct tr_pg_link *link);

#endif
