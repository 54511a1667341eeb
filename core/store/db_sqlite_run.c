/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements and groups on an open SQLite database: prepared once, bound, stepped, their rows
 * copied into the batch. Runs on the writer thread; the thread itself and its mailbox are in
 * db_sqlite.c.
 */
#include "core/store/db_sqlite_run.h"

#include "core/base/buf.h"

#include <sqlite3.h>
#include <string.h>

enum { SQL_MAX = 1 << 20 };

enum control { BEGIN, COMMIT, ROLLBACK, SAVEPOINT, ROLLBACK_TO, RELEASE, CONTROL_COUNT };

static const struct tr_db_statement control_sql[CONTROL_COUNT] = {
	[BEGIN] = {"BEGIN IMMEDIATE"},
	[COMMIT] = {"COMMIT"},
	[ROLLBACK] = {"ROLLBACK"},
	[SAVEPOINT] = {"SAVEPOINT batch"},
	[ROLLBACK_TO] = {"ROLLBACK TO batch"},
	[RELEASE] = {"RELEASE batch"},
};

struct prepared {
	sqlite3_stmt *handle;
	const char *sql;
	size_t values;   /* how many the statement takes */
	unsigned *order; /* for each of SQLite's parameters the number after its '$', less one */
	size_t params;
};

static void free_prepared(void *value)
{
	struct prepared *prepared = value;

	sqlite3_finalize(prepared->handle);
	tr_free(prepared->order);
	tr_free(prepared);
}

/* What to do about SQLite's result code. Damage found at run time is a matter for the
 * administrator, not a reason to give up messages: it counts as transient. */
static enum tr_error_class class_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_NOMEM:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_PROTOCOL:
	case SQLITE_INTERRUPT:
	case SQLITE_ABORT:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return TR_CLASS_RETRY;
	default:
		return TR_CLASS_BUG;
	}
}

static int fail(struct tr_sqlite_runner *runner, int rc, const char *sql, struct tr_error *error)
{
	bool exists = rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY;
	bool damaged = (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;

	return tr_error_set_class(error, exists ? TR_E_EXISTS : TR_E_STORE, class_of(rc),
		"SQLite: %.90s%s: %.90s", sqlite3_errmsg(runner->file.handle),
		damaged ? " (stop and check with PRAGMA integrity_check)" : "", sql);
}

/* SQLite numbers $1, $2 in order of appearance; we go by the number in the name. */
static int read_parameters(struct prepared *prepared, struct tr_error *error)
{
	size_t i;

	prepared->params = (size_t)sqlite3_bind_parameter_count(prepared->handle);
	prepared->order = tr_alloc_array(prepared->params, sizeof(*prepared->order));
	for (i = 0; i < prepared->params; i++) {
		const char *name = sqlite3_bind_parameter_name(prepared->handle, (int)i + 1);
		uint64_t number = 0;

		if (!name || !tr_str_to_u64(tr_str_from(name + 1), &number) || number == 0 ||
			number > 65535) {
			return tr_error_set_class(error, TR_E_BUG, TR_CLASS_BUG,
				"parameters are written $1, $2, ..: %.120s", prepared->sql);
		}
		prepared->order[i] = (unsigned)number - 1;
		if (prepared->values < number) {
			prepared->values = (size_t)number;
		}
	}
	return 0;
}

static struct prepared *prepare(
	struct tr_sqlite_runner *runner, const char *sql, bool keep, struct tr_error *error)
{
	struct tr_buf text = TR_BUF_INIT(SQL_MAX);
	struct prepared *prepared = tr_alloc(sizeof(*prepared));
	int rc;

	prepared->sql = sql;
	tr_db_sql_expand(&text, sql, strlen(sql), &tr_db_sqlite.dialect);
	rc = sqlite3_prepare_v3(runner->file.handle, tr_buf_c(&text), -1,
		keep ? SQLITE_PREPARE_PERSISTENT : 0, &prepared->handle, NULL);
	tr_buf_finish(&text);
	if (rc != SQLITE_OK) {
		fail(runner, rc, sql, error);
	} else {
		rc = read_parameters(prepared, error);
	}
	if (rc != 0) {
		free_prepared(prepared);
		return NULL;
	}
	return prepared;
}

static struct prepared *prepared_for(struct tr_sqlite_runner *runner,
	const struct tr_db_statement *statement, struct tr_error *error)
{
	void **slot = tr_db_cache_slot(&runner->cache, statement);

	if (!*slot) {
		*slot = prepare(runner, statement->sql, true, error);
	}
	return *slot;
}

static void bind_value(sqlite3_stmt *handle, int index, const struct tr_db_value *value)
{
	/* The bytes live as long as the batch, and every run binds anew: nothing is copied. A
	 * failure to bind shows in the step. */
	switch (value->type) {
	case TR_DB_NULL:
		(void)sqlite3_bind_null(handle, index);
		break;
	case TR_DB_INT:
		(void)sqlite3_bind_int64(handle, index, value->number);
		break;
	case TR_DB_TEXT:
		(void)sqlite3_bind_text64(handle, index, value->bytes.ptr, value->bytes.len,
			SQLITE_STATIC, SQLITE_UTF8);
		break;
	case TR_DB_BLOB:
		(void)sqlite3_bind_blob64(
			handle, index, value->bytes.ptr, value->bytes.len, SQLITE_STATIC);
		break;
	}
}

static void read_cell(
	struct tr_db_batch *batch, sqlite3_stmt *handle, int column, struct tr_db_value *cell)
{
	const void *bytes;

	switch (sqlite3_column_type(handle, column)) {
	case SQLITE_NULL:
		return;
	case SQLITE_INTEGER:
		cell->type = TR_DB_INT;
		cell->number = sqlite3_column_int64(handle, column);
		return;
	case SQLITE_BLOB:
		cell->type = TR_DB_BLOB;
		bytes = sqlite3_column_blob(handle, column);
		break;
	default:
		cell->type = TR_DB_TEXT;
		bytes = sqlite3_column_text(handle, column);
		break;
	}
	cell->bytes = tr_db_batch_copy(
		batch, tr_str_of(bytes, (size_t)sqlite3_column_bytes(handle, column)));
}

static void read_row(struct tr_db_batch *batch, struct tr_db_op *op, sqlite3_stmt *handle)
{
	struct tr_db_value *row;
	size_t i;

	op->columns = (size_t)sqlite3_column_count(handle);
	row = tr_db_op_add_row(op);
	for (i = 0; i < op->columns; i++) {
		read_cell(batch, handle, (int)i, &row[i]);
	}
}

static int step(struct tr_sqlite_runner *runner, struct tr_db_batch *batch, struct tr_db_op *op,
	struct prepared *prepared, struct tr_error *error)
{
	size_t i;
	int rc;

	if (prepared->values != op->count) {
		return tr_error_set_class(error, TR_E_BUG, TR_CLASS_BUG,
			"%zu values for %zu parameters: %.120s", op->count, prepared->values,
			prepared->sql);
	}
	for (i = 0; i < prepared->params; i++) {
		bind_value(prepared->handle, (int)i + 1, &op->values[prepared->order[i]]);
	}
	while ((rc = sqlite3_step(prepared->handle)) == SQLITE_ROW) {
		read_row(batch, op, prepared->handle);
	}
	if (rc != SQLITE_DONE) {
		fail(runner, rc, prepared->sql, error);
	}
	(void)sqlite3_reset(prepared->handle);
	return rc == SQLITE_DONE ? 0 : TR_E_STORE;
}

static void note_writing(struct tr_db_batch *batch, const struct prepared *prepared)
{
	if (batch && prepared && !sqlite3_stmt_readonly(prepared->handle)) {
		batch->writes = true;
	}
}

static int run_op(struct tr_sqlite_runner *runner, struct tr_db_batch *batch, struct tr_db_op *op,
	struct tr_error *error)
{
	struct prepared *prepared;
	int rc;

	if (op->statement) {
		prepared = prepared_for(runner, op->statement, error);
		note_writing(batch, prepared);
		return prepared ? step(runner, batch, op, prepared, error) : TR_E_STORE;
	}
	prepared = prepare(runner, op->script, false, error);
	if (!prepared) {
		return TR_E_STORE;
	}
	note_writing(batch, prepared);
	rc = step(runner, batch, op, prepared, error);
	free_prepared(prepared);
	return rc;
}

static int run_control(
	struct tr_sqlite_runner *runner, enum control control, struct tr_error *error)
{
	struct tr_db_op op;

	memset(&op, 0, sizeof(op));
	op.statement = &control_sql[control];
	return run_op(runner, NULL, &op, error);
}

static int run_batch(
	struct tr_sqlite_runner *runner, struct tr_db_batch *batch, struct tr_error *error)
{
	struct tr_db_op *op;

	for (op = batch->first; op; op = op->next) {
		if (!op->part->error && run_op(runner, batch, op, error) != 0) {
			return TR_E_STORE;
		}
	}
	return 0;
}

static int run_part(struct tr_sqlite_runner *runner, struct tr_db_batch *batch,
	struct tr_db_op *first, struct tr_error *error)
{
	struct tr_db_op *op;

	for (op = first; op && op->part == first->part; op = op->next) {
		if (run_op(runner, batch, op, error) != 0) {
			return TR_E_STORE;
		}
	}
	return 0;
}

/* A part under a savepoint. What is not the part's own fault is returned. */
static int run_part_apart(struct tr_sqlite_runner *runner, struct tr_db_batch *batch,
	struct tr_db_op *first, struct tr_error *error)
{
	if (run_control(runner, SAVEPOINT, error) != 0) {
		return TR_E_STORE;
	}
	if (run_part(runner, batch, first, error) != 0) {
		if (error->cls != TR_CLASS_BUG || sqlite3_get_autocommit(runner->file.handle)) {
			return TR_E_STORE;
		}
		tr_db_part_fail(batch, first->part, error);
		if (run_control(runner, ROLLBACK_TO, error) != 0) {
			return TR_E_STORE;
		}
	}
	return run_control(runner, RELEASE, error);
}

/* All parts of a batch; on an error none of them is done. */
static int run_parts(
	struct tr_sqlite_runner *runner, struct tr_db_batch *batch, struct tr_error *error)
{
	struct tr_db_op *op = batch->first;

	while (op) {
		struct tr_db_part *part = op->part;

		if (!part->error && run_part_apart(runner, batch, op, error) != 0) {
			return TR_E_STORE;
		}
		for (; op && op->part == part; op = op->next) {
			if (part->error) {
				tr_db_op_reset(op);
			}
		}
	}
	return 0;
}

static void roll_back(struct tr_sqlite_runner *runner)
{
	struct tr_error ignored;

	/* Some failures (disk full, I/O) have already ended the transaction. */
	if (!sqlite3_get_autocommit(runner->file.handle)) {
		(void)run_control(runner, ROLLBACK, &ignored);
	}
}

/* One batch under a savepoint, or several. A failure of the batch alone goes into the batch; that
 * of the whole transaction is returned. */
static int run_apart(
	struct tr_sqlite_runner *runner, struct tr_db_batch *batch, struct tr_error *error)
{
	struct tr_error own;

	if (tr_db_batch_has_parts(batch)) {
		return run_parts(runner, batch, error);
	}
	if (run_control(runner, SAVEPOINT, error) != 0) {
		return TR_E_STORE;
	}
	if (run_batch(runner, batch, &own) != 0) {
		if (sqlite3_get_autocommit(runner->file.handle)) {
			*error = own;
			return TR_E_STORE;
		}
		tr_db_batch_fail(batch, &own);
		if (run_control(runner, ROLLBACK_TO, error) != 0) {
			return TR_E_STORE;
		}
	}
	return run_control(runner, RELEASE, error);
}

typedef int run_one(
	struct tr_sqlite_runner *runner, struct tr_db_batch *batch, struct tr_error *error);

/* The group in one transaction. */
static int run_group(struct tr_sqlite_runner *runner, struct tr_list *group, run_one *run,
	struct tr_error *error)
{
	struct tr_list *node;
	struct tr_list *following;

	if (run_control(runner, BEGIN, error) != 0) {
		return TR_E_STORE;
	}
	TR_LIST_EACH (group, node, following) {
		if (run(runner, TR_LIST_ENTRY(node, struct tr_db_batch, node), error) != 0) {
			return TR_E_STORE;
		}
	}
	return run_control(runner, COMMIT, error);
}

static void reset_all(struct tr_list *group)
{
	struct tr_list *node;
	struct tr_list *following;

	TR_LIST_EACH (group, node, following) {
		tr_db_batch_reset(TR_LIST_ENTRY(node, struct tr_db_batch, node));
	}
}

static void fail_all(struct tr_list *group, const struct tr_error *error)
{
	struct tr_list *node;
	struct tr_list *following;

	TR_LIST_EACH (group, node, following) {
		tr_db_batch_fail(TR_LIST_ENTRY(node, struct tr_db_batch, node), error);
	}
}

/* A group is run without savepoints first: they cost a third of the time and a failing statement is
 * a bug. */
void tr_sqlite_run_group(struct tr_sqlite_runner *runner, struct tr_list *group)
{
	bool single = group->next == group->prev &&
		      !tr_db_batch_has_parts(
			      TR_LIST_ENTRY(tr_list_head(group), struct tr_db_batch, node));
	struct tr_error error;
	int rc = run_group(runner, group, run_batch, &error);

	if (rc != 0) {
		roll_back(runner);
	}
	if (rc != 0 && !single && error.cls == TR_CLASS_BUG) {
		reset_all(group);
		rc = run_group(runner, group, run_apart, &error);
		if (rc != 0) {
			roll_back(runner);
		}
	}
	if (rc != 0) {
		fail_all(group, &error);
	}
}

void tr_sqlite_runner_finish(struct tr_sqlite_runner *runner)
{
	tr_db_cache_finish(&runner->cache, free_prepared);
	tr_db_sqlite_file_close(&runner->file);
}
