/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between core/store/db.c and its backends; nobody else includes this.
 *
 * Life of a batch: recorded on the loop thread, handed to the backend by submit, run there as part
 * of a group (one transaction of the database), filled with rows or with an error, and given back
 * through tr_db_complete() on the loop thread. Whoever holds it owns it alone: the SQLite writer
 * thread may write to its memory while it has it.
 *
 * Groups: a backend takes all that is queued into one transaction. When one batch of a group fails,
 * the group is rolled back and its batches run again one by one, in order, so that the failing one
 * fails alone. A batch of several parts is run again without the part that failed.
 */
#ifndef TRESTLE_STORE_DB_INTERNAL_H
#define TRESTLE_STORE_DB_INTERNAL_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/store/db.h"

struct tr_metric;

/* A group ends when it holds this much: the first in it would wait too long for the last. */
enum { TR_DB_GROUP_BATCHES = 256, TR_DB_GROUP_BYTES = 4 << 20 };

/* Statements that the store may refuse without harm to the rest of their batch. */
struct tr_db_part {
	struct tr_db_part *next;
	/* Of the batch's memory; NULL = not refused. It stays when the batch is run again, without
	 * this part then. */
	const struct tr_error *error;
};

/* One statement of a batch, and its rows once it has run. */
struct tr_db_op {
	struct tr_db_op *next;
	struct tr_db_part *part;
	const struct tr_db_statement *statement; /* NULL for a statement of a script */
	const char *script;                      /* then its text, already in the dialect */
	struct tr_db_value *values;
	size_t count;
	size_t columns;
	size_t rows;
	size_t capacity; /* in cells */
	struct tr_db_value *cells;
};

/* What callers see of a batch that has run. */
struct tr_db_result {
	struct tr_db_op **ops;
	size_t count;
	struct tr_arena *arena;
	const struct tr_error **part_errors; /* NULL: none */
};

struct tr_db_batch {
	struct tr_list node;
	struct tr_arena arena; /* this struct lies in it too */
	struct tr_db *db;
	struct tr_db_op *first;
	struct tr_db_op *last;
	size_t count;
	struct tr_db_part *first_part;
	struct tr_db_part *part; /* the open one; NULL: the next statement begins one */
	struct tr_db_part **part_end;
	size_t part_count;
	size_t ended_parts; /* 0 = its user knows of none: it fails as a whole */
	bool part_failed;
	size_t bytes;
	uint64_t submitted_us;
	tr_db_callback *callback;
	void *arg;
	unsigned tries; /* PostgreSQL: how often it was run again after a conflict */
	bool writes;    /* SQLite: one of its statements does; reading works on a full disk too */
	bool alone;     /* its group failed: run it in a transaction of its own */
	bool failed;
	struct tr_error error; /* set when failed */
};

struct tr_db_dialect {
	const char *text;
	const char *bigint;
	const char *blob;
	const char *serial;
};

/* The functions of a backend; all on the loop thread. */
typedef int tr_db_backend_open(
	struct tr_db *db, const struct tr_db_options *options, struct tr_error *error);
/* Takes the batch; it comes back through tr_db_complete(), never before this returns. */
typedef void tr_db_backend_submit(struct tr_db *db, struct tr_db_batch *batch);
typedef bool tr_db_backend_healthy(const struct tr_db *db);
/* Completes what it holds, then lets go of everything. */
typedef void tr_db_backend_close(struct tr_db *db);

struct tr_db_backend {
	const char *name;
	struct tr_db_dialect dialect;
	tr_db_backend_open *open;
	tr_db_backend_submit *submit;
	tr_db_backend_healthy *healthy;
	tr_db_backend_close *close;
};

extern const struct tr_db_backend tr_db_sqlite;
extern const struct tr_db_backend tr_db_postgres;

struct tr_db {
	const struct tr_db_backend *backend;
	void *store; /* of the backend */
	struct tr_loop *loop;
	struct tr_metric *latency;
	struct tr_metric *refused_count;
	size_t queue_max;
	size_t pending;
	size_t pending_bytes;
	struct tr_list refused; /* failed before they reached the backend */
	bool refusing;          /* their callbacks are deferred */
	bool calling;           /* inside a callback of a user */
	bool closing;
};

/* Calls back and frees. On the loop thread, never from inside submit. */
void tr_db_complete(struct tr_db_batch *batch);

/* Marks the batch as failed. */
void tr_db_batch_fail(struct tr_db_batch *batch, const struct tr_error *error);
/* Whether the failure of one of its parts leaves the others. */
bool tr_db_batch_has_parts(const struct tr_db_batch *batch);
/* The store refuses the part for good: the batch goes on without it. */
void tr_db_part_fail(
	struct tr_db_batch *batch, struct tr_db_part *part, const struct tr_error *error);
/* Forgets rows and error before the batch is run again. */
void tr_db_batch_reset(struct tr_db_batch *batch);
void tr_db_op_reset(struct tr_db_op *op);
/* A new row of op->columns cells, all NULL. */
struct tr_db_value *tr_db_op_add_row(struct tr_db_op *op);
/* The SQL of an operation, for messages. */
const char *tr_db_op_sql(const struct tr_db_op *op);
/* Copies bytes into the batch's memory, NUL-terminated. */
struct tr_str tr_db_batch_copy(struct tr_db_batch *batch, struct tr_str bytes);

/* Moves all of `from` behind the last of `to`, or before the first. */
void tr_db_list_move(struct tr_list *to, struct tr_list *from);
void tr_db_list_move_front(struct tr_list *to, struct tr_list *from);
/* Moves the next group from the front of `queue`. */
void tr_db_group_take(struct tr_list *group, struct tr_list *queue);

/* The SQL in the words of the backend: {BIGINT} and its like replaced. */
void tr_db_sql_expand(
	struct tr_buf *out, const char *sql, size_t len, const struct tr_db_dialect *dialect);
/* The next statement of a script: its start and length without the ';', or false at the end.
 * Quotes and comments are understood. *script moves on. */
bool tr_db_sql_next(const char **script, const char **start, size_t *len);

/* Prepared statements by the address of their struct tr_db_statement. A zeroed struct is empty. */
struct tr_db_cache {
	struct tr_db_cache_entry *entries;
	size_t capacity;
	size_t count;
};
/* Where the value for `key` is kept: NULL inside at first. Valid until the next call. */
void **tr_db_cache_slot(struct tr_db_cache *cache, const void *key);
typedef void tr_db_cache_visitor(void *value);
/* Visits every value that was set, then frees the table. */
void tr_db_cache_finish(struct tr_db_cache *cache, tr_db_cache_visitor *visitor);

#endif
