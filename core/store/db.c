/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database for its users: recording of batches, their way to the backend and back, and the
 * reading of results. How statements run, and what a lost connection or a full disk means, is the
 * business of the backends (db_sqlite.c, db_postgres.c).
 */
#include "core/store/db.h"

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/metrics.h"
#include "core/store/db_internal.h"

#include <inttypes.h>
#include <string.h>

/* The longest SQL a script may hold (ours are some thousand bytes), and what the smallest batch
 * takes in memory: a block of its arena. */
enum { SCRIPT_MAX = 1 << 20, BATCH_BYTES = 4096, REFUSED_SHOWN = 8 };

static const size_t QUEUE_MAX_DEFAULT = (size_t)64 << 20;

static const struct tr_db_backend *backend_for(const char *url)
{
	struct tr_str text = tr_str_from(url);

	if (tr_str_starts(text, TR_STR("sqlite:"))) {
		return &tr_db_sqlite;
	}
	if (tr_str_starts(text, TR_STR("postgres://")) ||
		tr_str_starts(text, TR_STR("postgresql://"))) {
		return &tr_db_postgres;
	}
	return NULL;
}

struct tr_db *tr_db_open(
	struct tr_loop *loop, const struct tr_db_options *options, struct tr_error *error)
{
	const struct tr_db_backend *backend = backend_for(options->url);
	struct tr_db *db;

	if (!backend) {
		/* The URL may hold a password: it is not repeated. */
		tr_error_set(error, TR_E_CONFIG,
			"the database is neither sqlite:PATH nor postgres://user@host/name");
		return NULL;
	}
	db = tr_alloc(sizeof(*db));
	db->backend = backend;
	db->loop = loop;
	db->queue_max = options->queue_max ? options->queue_max : QUEUE_MAX_DEFAULT;
	tr_list_init(&db->refused);
	if (options->metrics) {
		struct tr_buf labels = TR_BUF_INIT(64);

		tr_metrics_label(&labels, "backend", tr_str_from(backend->name));
		db->latency = tr_metrics_get(options->metrics, TR_METRIC_HISTOGRAM,
			"trestle_store_commit_seconds", tr_buf_c(&labels),
			"Time from the submission of a batch to its durable commit");
		db->refused_count = tr_metrics_get(options->metrics, TR_METRIC_COUNTER,
			"trestle_store_refused_total", tr_buf_c(&labels),
			"Work that the database refused for good");
		tr_buf_finish(&labels);
	}
	if (backend->open(db, options, error) != 0) {
		tr_free(db);
		return NULL;
	}
	return db;
}

static void complete_refused(void *arg)
{
	struct tr_db *db = arg;
	struct tr_list all;
	struct tr_list *node;

	tr_list_init(&all);
	db->refusing = false;
	tr_db_list_move(&all, &db->refused);
	while ((node = tr_list_head(&all)) != NULL) {
		tr_list_remove(node);
		tr_db_complete(TR_LIST_ENTRY(node, struct tr_db_batch, node));
	}
}

static void drain_refused(struct tr_db *db)
{
	tr_loop_defer_cancel(db->loop, complete_refused, db);
	/* A callback may submit again; it learns that the database is closed, and so on. */
	while (!tr_list_empty(&db->refused)) {
		complete_refused(db);
	}
}

void tr_db_drain(struct tr_db *db)
{
	TR_ASSERT(!db->calling);
	if (!db->closing) {
		db->closing = true;
		db->backend->close(db);
	}
	drain_refused(db);
}

void tr_db_close(struct tr_db *db)
{
	if (!db) {
		return;
	}
	tr_db_drain(db);
	TR_ASSERT(db->pending == 0);
	tr_free(db);
}

const char *tr_db_backend(const struct tr_db *db)
{
	return db->backend->name;
}

bool tr_db_healthy(const struct tr_db *db)
{
	return !db->closing && db->backend->healthy(db);
}

size_t tr_db_pending(const struct tr_db *db)
{
	return db->pending;
}

struct tr_db_batch *tr_db_batch_create(struct tr_db *db)
{
	struct tr_arena arena = {NULL};
	struct tr_db_batch *batch = tr_arena_alloc(&arena, sizeof(*batch));

	batch->db = db;
	batch->arena = arena;
	batch->bytes = BATCH_BYTES;
	batch->part_end = &batch->first_part;
	return batch;
}

void tr_db_batch_destroy(struct tr_db_batch *batch)
{
	struct tr_arena arena;
	struct tr_db_op *op;

	if (!batch) {
		return;
	}
	for (op = batch->first; op; op = op->next) {
		tr_free(op->cells);
	}
	arena = batch->arena;
	tr_arena_finish(&arena);
}

struct tr_str tr_db_batch_copy(struct tr_db_batch *batch, struct tr_str bytes)
{
	char *copy = tr_arena_alloc(&batch->arena, bytes.len + 1);

	if (bytes.len > 0) {
		memcpy(copy, bytes.ptr, bytes.len);
	}
	return tr_str_of(copy, bytes.len);
}

static struct tr_db_part *open_part(struct tr_db_batch *batch)
{
	if (!batch->part) {
		batch->part = tr_arena_alloc(&batch->arena, sizeof(*batch->part));
		*batch->part_end = batch->part;
		batch->part_end = &batch->part->next;
		batch->part_count++;
		batch->bytes += sizeof(*batch->part);
	}
	return batch->part;
}

size_t tr_db_batch_end_part(struct tr_db_batch *batch)
{
	open_part(batch);
	batch->part = NULL;
	batch->ended_parts = batch->part_count;
	return batch->part_count - 1;
}

bool tr_db_batch_has_parts(const struct tr_db_batch *batch)
{
	return batch->ended_parts > 0;
}

void tr_db_part_fail(
	struct tr_db_batch *batch, struct tr_db_part *part, const struct tr_error *error)
{
	struct tr_error *own;

	if (!part->error) {
		own = tr_arena_alloc(&batch->arena, sizeof(*own));
		*own = *error;
		part->error = own;
		batch->part_failed = true;
	}
}

static struct tr_db_op *add_op(struct tr_db_batch *batch)
{
	struct tr_db_op *op = tr_arena_alloc(&batch->arena, sizeof(*op));

	op->part = open_part(batch);
	if (batch->last) {
		batch->last->next = op;
	} else {
		batch->first = op;
	}
	batch->last = op;
	batch->count++;
	batch->bytes += sizeof(*op);
	return op;
}

void tr_db_batch_fail(struct tr_db_batch *batch, const struct tr_error *error)
{
	if (!batch->failed) {
		batch->failed = true;
		batch->error = *error;
	}
}

/* PostgreSQL takes only UTF-8 without NUL as text; SQLite takes anything. What one of them refuses
 * is refused for both, so that no bridge finds out the day it changes its store. */
bool tr_db_text_fits(struct tr_str text)
{
	return tr_str_empty(text) || (!memchr(text.ptr, '\0', text.len) && tr_utf8_valid(text));
}

static void check_text(
	struct tr_db_batch *batch, const struct tr_db_op *op, size_t index, struct tr_str text)
{
	struct tr_error error;

	if (tr_db_text_fits(text)) {
		return;
	}
	tr_error_set_class(&error, TR_E_INVALID, TR_CLASS_BUG,
		"text for $%zu is not UTF-8 without NUL: %.120s", index + 1, tr_db_op_sql(op));
	tr_db_part_fail(batch, op->part, &error);
}

size_t tr_db_batch_add(struct tr_db_batch *batch, const struct tr_db_statement *statement,
	const struct tr_db_value *values, size_t count)
{
	struct tr_db_op *op = add_op(batch);
	size_t i;

	op->statement = statement;
	op->count = count;
	op->values = tr_arena_alloc(&batch->arena, count * sizeof(*values));
	for (i = 0; i < count; i++) {
		op->values[i] = values[i];
		if (values[i].type == TR_DB_TEXT) {
			check_text(batch, op, i, values[i].bytes);
		}
		if (values[i].type == TR_DB_TEXT || values[i].type == TR_DB_BLOB) {
			op->values[i].bytes = tr_db_batch_copy(batch, values[i].bytes);
			batch->bytes += values[i].bytes.len;
		}
	}
	batch->bytes += count * sizeof(*values);
	return batch->count - 1;
}

void tr_db_batch_add_script(struct tr_db_batch *batch, const char *script)
{
	struct tr_buf sql = TR_BUF_INIT(SCRIPT_MAX);
	const char *start;
	size_t len;

	while (tr_db_sql_next(&script, &start, &len)) {
		struct tr_db_op *op = add_op(batch);

		tr_buf_clear(&sql);
		tr_db_sql_expand(&sql, start, len, &batch->db->backend->dialect);
		TR_ASSERT(!tr_buf_failed(&sql));
		op->script = tr_db_batch_copy(batch, tr_buf_str(&sql)).ptr;
		batch->bytes += sql.len;
	}
	tr_buf_finish(&sql);
}

static void refuse(struct tr_db *db, struct tr_db_batch *batch)
{
	tr_list_append(&db->refused, &batch->node);
	if (!db->refusing && !db->closing) {
		db->refusing = true;
		tr_loop_defer(db->loop, complete_refused, db);
	}
}

static const struct tr_db_part *failed_part(const struct tr_db_batch *batch)
{
	const struct tr_db_part *part = batch->first_part;

	while (!part->error) {
		part = part->next;
	}
	return part;
}

void tr_db_submit_take(struct tr_db_batch *batch, tr_db_callback *callback, void *arg)
{
	struct tr_db *db = batch->db;
	struct tr_error error;

	if (batch->part_failed && !tr_db_batch_has_parts(batch)) {
		tr_db_batch_fail(batch, failed_part(batch)->error);
	}
	batch->callback = callback;
	batch->arg = arg;
	batch->submitted_us = tr_clock_mono_us();
	if (db->closing) {
		tr_error_set_class(
			&error, TR_E_CLOSED, TR_CLASS_RETRY, "the database is being closed");
		tr_db_batch_fail(batch, &error);
	} else if (db->pending > 0 && db->pending_bytes + batch->bytes > db->queue_max) {
		tr_error_set_class(&error, TR_E_STORE, TR_CLASS_RETRY,
			"the queue of the database is full: %zu batches wait", db->pending);
		tr_db_batch_fail(batch, &error);
	}
	db->pending++;
	db->pending_bytes += batch->bytes;
	if (batch->failed) {
		refuse(db, batch);
	} else {
		db->backend->submit(db, batch);
	}
}

static const struct tr_error **part_errors(struct tr_db_batch *batch)
{
	const struct tr_error **errors;
	const struct tr_db_part *part;
	size_t i = 0;

	if (!batch->part_failed) {
		return NULL;
	}
	errors = tr_arena_alloc(&batch->arena, batch->part_count * sizeof(*errors));
	for (part = batch->first_part; part; part = part->next) {
		errors[i++] = part->error;
	}
	return errors;
}

static void call_back(struct tr_db_batch *batch, const struct tr_error *error)
{
	struct tr_db_result result = {NULL, batch->count, &batch->arena, part_errors(batch)};
	struct tr_db_op *op;
	size_t i = 0;

	result.ops = tr_arena_alloc(&batch->arena, batch->count * sizeof(struct tr_db_op *));
	for (op = batch->first; op; op = op->next) {
		result.ops[i++] = op;
	}
	batch->callback(batch->arg, &result, error);
}

static void count_refused(struct tr_db *db, double count)
{
	if (db->refused_count) {
		tr_metric_add(db->refused_count, count);
	}
}

/* Where all parts are refused the reason is one. */
static void note_refused_parts(struct tr_db *db, const struct tr_db_batch *batch)
{
	const struct tr_db_part *part;
	size_t count = 0;

	for (part = batch->first_part; part; part = part->next) {
		if (part->error && ++count <= REFUSED_SHOWN) {
			tr_log_error("store", "%s", part->error->text);
		}
	}
	if (count > REFUSED_SHOWN) {
		tr_log_error("store", "%zu more are refused", count - REFUSED_SHOWN);
	}
	count_refused(db, (double)count);
}

void tr_db_complete(struct tr_db_batch *batch)
{
	struct tr_db *db = batch->db;
	const struct tr_error *error = batch->failed ? &batch->error : NULL;

	db->pending--;
	db->pending_bytes -= batch->bytes;
	if (error) {
		if (error->cls == TR_CLASS_BUG) {
			tr_log_error("store", "%s", error->text);
			count_refused(db, 1);
		} else if (!batch->callback) {
			tr_log_warn("store", "work in the background failed: %s", error->text);
		}
		tr_db_batch_reset(batch);
	} else {
		if (batch->part_failed) {
			note_refused_parts(db, batch);
		}
		if (db->latency) {
			tr_metric_observe(db->latency,
				(double)(tr_clock_mono_us() - batch->submitted_us) / 1e6);
		}
	}
	if (batch->callback) {
		db->calling = true;
		call_back(batch, error);
		db->calling = false;
	}
	tr_db_batch_destroy(batch);
}

void tr_db_op_reset(struct tr_db_op *op)
{
	tr_free(op->cells);
	op->cells = NULL;
	op->capacity = 0;
	op->rows = 0;
	op->columns = 0;
}

void tr_db_batch_reset(struct tr_db_batch *batch)
{
	struct tr_db_op *op;

	batch->failed = false;
	for (op = batch->first; op; op = op->next) {
		tr_db_op_reset(op);
	}
}

struct tr_db_value *tr_db_op_add_row(struct tr_db_op *op)
{
	size_t used = op->rows * op->columns;
	struct tr_db_value *row;

	if (used + op->columns > op->capacity) {
		op->capacity = op->capacity ? 2 * op->capacity : 4 * op->columns;
		op->cells = tr_realloc_array(op->cells, op->capacity, sizeof(*op->cells));
	}
	row = op->cells + used;
	memset(row, 0, op->columns * sizeof(*row));
	op->rows++;
	return row;
}

const char *tr_db_op_sql(const struct tr_db_op *op)
{
	return op->statement ? op->statement->sql : op->script;
}

void tr_db_list_move(struct tr_list *to, struct tr_list *from)
{
	if (tr_list_empty(from)) {
		return;
	}
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	tr_list_init(from);
}

void tr_db_list_move_front(struct tr_list *to, struct tr_list *from)
{
	tr_db_list_move(from, to);
	tr_db_list_move(to, from);
}

void tr_db_group_take(struct tr_list *group, struct tr_list *queue)
{
	struct tr_list *node;
	size_t batches = 0;
	size_t bytes = 0;

	while ((node = tr_list_head(queue)) != NULL && batches < TR_DB_GROUP_BATCHES &&
		bytes < TR_DB_GROUP_BYTES) {
		const struct tr_db_batch *batch = TR_LIST_ENTRY(node, struct tr_db_batch, node);

		if (batch->alone && batches > 0) {
			return;
		}
		tr_list_remove(node);
		tr_list_append(group, node);
		batches++;
		bytes += batch->bytes;
		if (batch->alone) {
			return;
		}
	}
}

const struct tr_error *tr_db_part_error(const struct tr_db_result *result, size_t part)
{
	return result->part_errors ? result->part_errors[part] : NULL;
}

static struct tr_db_op *op_at(const struct tr_db_result *result, size_t index)
{
	TR_ASSERT(index < result->count);
	return result->ops[index];
}

static struct tr_db_value *cell_at(
	const struct tr_db_result *result, size_t index, size_t row, size_t column)
{
	struct tr_db_op *op = op_at(result, index);

	TR_ASSERT(row < op->rows && column < op->columns);
	return &op->cells[row * op->columns + column];
}

size_t tr_db_rows(const struct tr_db_result *result, size_t index)
{
	return op_at(result, index)->rows;
}

int64_t tr_db_int(const struct tr_db_result *result, size_t index, size_t row, size_t column)
{
	const struct tr_db_value *cell = cell_at(result, index, row, column);
	int64_t number = 0;

	if (cell->type == TR_DB_INT) {
		return cell->number;
	}
	/* A sum is a number of another type on PostgreSQL, an empty text is none: 0. */
	(void)tr_str_to_i64(cell->bytes, &number);
	return number;
}

struct tr_str tr_db_text(const struct tr_db_result *result, size_t index, size_t row, size_t column)
{
	struct tr_db_value *cell = cell_at(result, index, row, column);

	if (cell->type == TR_DB_INT && !cell->bytes.ptr) {
		cell->bytes = tr_str_from(tr_arena_printf(result->arena, "%" PRId64, cell->number));
	}
	return cell->bytes;
}

bool tr_db_is_null(const struct tr_db_result *result, size_t index, size_t row, size_t column)
{
	return cell_at(result, index, row, column)->type == TR_DB_NULL;
}
