/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database: one asynchronous API over SQLite (own writer thread, group commit) and PostgreSQL
 * (libpq on the loop, pipeline mode).
 *
 * The unit of work is a struct tr_db_batch: statements recorded in order, submitted at once, run as
 * one transaction: all or nothing. Batches run in the order of their submission. The callback comes
 * after the commit is durable (fsync), with the rows of every statement, or with an error and no
 * effect.
 *
 * Batches must be idempotent: when the connection to PostgreSQL is lost in the middle of a commit,
 * whether it took effect cannot be known, and the batch is run again. So write INSERT .. ON
 * CONFLICT DO NOTHING and state-setting UPDATEs, and never decide by a count of changed rows what a
 * SELECT in the same batch can tell.
 *
 * SQL: one dialect that both take: parameters $1, $2, .. each used at least once; TEXT, BIGINT,
 * BYTEA are written as {TEXT}, {BIGINT}, {BLOB}, an auto-numbered key as {SERIAL} in migrations
 * (core/store/migrate.h). Statements are static: their address is the key of the prepared-statement
 * cache.
 *
 * Text is UTF-8 without NUL; anything else fails as a bug on both backends (use a blob for bytes
 * that may be anything).
 *
 * Errors: class retry = try the same batch again (disk full, connection lost and its bounded queue
 * full); class bug = the statement is wrong, with code TR_E_EXISTS when a row was there already.
 * What gathers the work of several in one batch says so (tr_db_batch_end_part()): a bug of one of
 * them is no failure of the others.
 * Threading: all functions on the loop thread.
 */
#ifndef TRESTLE_STORE_DB_H
#define TRESTLE_STORE_DB_H

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/io/loop.h"

struct tr_db;
struct tr_db_batch;
struct tr_db_result;
struct tr_metrics;

struct tr_db_statement {
	const char *sql;
};

enum tr_db_type { TR_DB_NULL, TR_DB_INT, TR_DB_TEXT, TR_DB_BLOB };

struct tr_db_value {
	enum tr_db_type type;
	int64_t number;
	struct tr_str bytes;
};

#define TR_DB_N(value) ((struct tr_db_value){TR_DB_INT, (value), {NULL, 0}})
#define TR_DB_T(view)  ((struct tr_db_value){TR_DB_TEXT, 0, (view)})
#define TR_DB_TC(text) TR_DB_T(tr_str_from(text)) /* NULL gives the empty text */
#define TR_DB_B(view)  ((struct tr_db_value){TR_DB_BLOB, 0, (view)})
#define TR_DB_NIL      ((struct tr_db_value){TR_DB_NULL, 0, {NULL, 0}})

struct tr_db_options {
	/* "sqlite:PATH", "sqlite::memory:", "postgres://user:password@host:port/name?sslmode=.." */
	const char *url;
	unsigned connections; /* PostgreSQL; 0 = 1. Order of submission holds with 1 only */
	size_t queue_max; /* bytes of batches waiting; 0 = 64 MiB. Beyond: class retry at once (by
			     callback) */
	struct tr_metrics *metrics; /* commit latency, and what was refused; NULL = none */
	bool unlocked;              /* PostgreSQL: beside whoever has the database; only to look */
};

/* Opens, without running migrations. SQLite: opens the file now, errors come from here (a corrupt
 * file says how to check and restore). PostgreSQL: connects in the background and again whenever
 * the connection is lost.
 *
 * One daemon a database: SQLite refuses here what another process has open (TR_E_EXISTS).
 * PostgreSQL does so in the callbacks of the first batches, after a few seconds in which the other
 * may be going; a database that was ours and is another's after the connection was lost gets no
 * more writes until it is ours again, and the batches wait. */
struct tr_db *tr_db_open(
	struct tr_loop *loop, const struct tr_db_options *options, struct tr_error *error);
/* Waits for what is queued (SQLite) or up to 5 s (PostgreSQL), then closes. Callbacks still due
 * come before it returns; what they submit fails with class retry. Not from inside a callback. */
void tr_db_close(struct tr_db *db);

/* The first half of tr_db_close(): waits and calls back as it does, while those who asked are still
 * there. From then on every batch is refused (TR_E_CLOSED, by callback) until tr_db_close(). */
void tr_db_drain(struct tr_db *db);

/* "sqlite" or "postgres". */
const char *tr_db_backend(const struct tr_db *db);
/* Whether work can be done now (PostgreSQL: connected; SQLite: the last commit succeeded). */
bool tr_db_healthy(const struct tr_db *db);
size_t tr_db_pending(const struct tr_db *db); /* batches submitted and not called back */

struct tr_db_batch *tr_db_batch_create(struct tr_db *db);
/* Drops a batch that was not submitted. */
void tr_db_batch_destroy(struct tr_db_batch *batch);
/* Whether it can be stored as text: UTF-8 without NUL. What cannot fails its whole batch, however
 * often that is tried; so text of a peer is looked at first. */
bool tr_db_text_fits(struct tr_str text);
/* Records a statement; values are copied. Returns its index in the result, from 0. */
size_t tr_db_batch_add(struct tr_db_batch *batch, const struct tr_db_statement *statement,
	const struct tr_db_value *values, size_t count);
/* TR_DB_ADD(batch, &statement, TR_DB_N(1), TR_DB_T(text)); at least one value. */
#define TR_DB_ADD(batch, statement, ...)                                    \
 tr_db_batch_add((batch), (statement), (struct tr_db_value[]){__VA_ARGS__}, \
	 sizeof((struct tr_db_value[]){__VA_ARGS__}) / sizeof(struct tr_db_value))
/* Ends a part: the statements since the part before it. What the store refuses for good (an error
 * that trying again does not mend) then fails only the part it is in; everything else is committed,
 * in order and at once, and the callback has no error but tr_db_part_error(). Parts must not need
 * each other. Returns the part's number, from 0. Statements behind the last one are a part too. */
size_t tr_db_batch_end_part(struct tr_db_batch *batch);
/* A migration's statements or the like: SQL without parameters, several separated by ';'. Each
 * takes an index in the result. */
void tr_db_batch_add_script(struct tr_db_batch *batch, const char *script);

/* `error` NULL = committed and durable. Both borrowed for the call. */
typedef void tr_db_callback(
	void *arg, const struct tr_db_result *result, const struct tr_error *error);
/* Submits and consumes the batch. `callback` may be NULL for work whose failure needs no answer (it
 * is logged). */
void tr_db_submit_take(struct tr_db_batch *batch, tr_db_callback *callback, void *arg);

/* Why nothing of this part was done; NULL = it is durable. Its statements have no rows then. */
const struct tr_error *tr_db_part_error(const struct tr_db_result *result, size_t part);

/* Rows of statement `index`. A NULL cell reads as 0 or the empty view. */
size_t tr_db_rows(const struct tr_db_result *result, size_t index);
int64_t tr_db_int(const struct tr_db_result *result, size_t index, size_t row, size_t column);
struct tr_str tr_db_text(
	const struct tr_db_result *result, size_t index, size_t row, size_t column);
bool tr_db_is_null(const struct tr_db_result *result, size_t index, size_t row, size_t column);

#endif
