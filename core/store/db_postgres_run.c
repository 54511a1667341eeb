/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group of batches through one connection in libpq's pipeline mode: statements prepared at first
 * use and sent without waiting for each other, one Sync at the end, and the answers read in order.
 * What follows from a failure is decided in db_postgres.c.
 */
#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/store/db_postgres.h"

#include <stdio.h>
#include <string.h>

/* Type numbers of the server's catalogue (pg_type.dat): they never change. */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_OID = 26,
};

enum { SQL_MAX = 1 << 20, NAME_LEN = 16 };

/* A commit that is not on disk is none; a server that was told otherwise is told again. */
static const char setup_sql[] =
	"SELECT current_setting('fsync'), "
	"pg_encoding_to_char((SELECT encoding FROM pg_database WHERE datname = "
	"current_database())), "
	"CASE WHEN current_setting('synchronous_commit') = 'off' "
	"THEN set_config('synchronous_commit', 'on', false) END, "
	/* A daemon whose machine is gone loses its lock within a minute. */
	"set_config('tcp_keepalives_idle', '30', false), "
	"set_config('tcp_keepalives_interval', '10', false), "
	"set_config('tcp_keepalives_count', '3', false)";

struct tr_pg_prepared {
	char name[NAME_LEN];
	const char *sql;
	size_t count;
	Oid *types;
	bool sent; /* so it can be named from now on; false again when the server refused it */
};

static void free_prepared(void *value)
{
	struct tr_pg_prepared *prepared = value;

	tr_free(prepared->types);
	tr_free(prepared);
}

void tr_pg_forget(struct tr_pg_link *link)
{
	tr_db_cache_finish(&link->cache, free_prepared);
	tr_free(link->answers);
	link->answers = NULL;
	link->answer_count = 0;
	link->answer_next = 0;
	link->answer_capacity = 0;
	link->sync_due = false;
	link->failed = false;
}

static void expect(struct tr_pg_link *link, enum tr_pg_answer_kind kind,
	struct tr_pg_prepared *prepared, struct tr_db_batch *batch, struct tr_db_op *op)
{
	struct tr_pg_answer *answer;

	if (link->answer_count == link->answer_capacity) {
		link->answer_capacity = link->answer_capacity ? 2 * link->answer_capacity : 64;
		link->answers = tr_realloc_array(
			link->answers, link->answer_capacity, sizeof(*link->answers));
	}
	answer = &link->answers[link->answer_count++];
	answer->kind = kind;
	answer->prepared = prepared;
	answer->batch = batch;
	answer->op = op;
}

static Oid type_of(const struct tr_db_value *value)
{
	switch (value->type) {
	case TR_DB_INT:
		return OID_INT8;
	case TR_DB_TEXT:
		return OID_TEXT;
	case TR_DB_BLOB:
		return OID_BYTEA;
	default:
		return 0; /* NULL: the server sees from the statement */
	}
}

/* Whether the statement was prepared for values like these. One that was NULL then is a number now:
 * it is prepared again with what is known by now. */
static bool fits(const struct tr_pg_prepared *prepared, const struct tr_db_op *op)
{
	size_t i;

	if (!prepared->sent || prepared->count != op->count) {
		return false;
	}
	for (i = 0; i < op->count; i++) {
		Oid type = type_of(&op->values[i]);

		if (type != 0 && type != prepared->types[i]) {
			return false;
		}
	}
	return true;
}

static bool prepare(struct tr_pg_link *link, struct tr_pg_prepared *prepared,
	struct tr_db_batch *batch, struct tr_db_op *op)
{
	struct tr_buf sql = TR_BUF_INIT(SQL_MAX);
	size_t i;
	int rc;

	prepared->sql = op->statement->sql;
	if (prepared->count != op->count) {
		tr_free(prepared->types);
		prepared->types = tr_alloc_array(op->count, sizeof(*prepared->types));
		prepared->count = op->count;
	}
	for (i = 0; i < op->count; i++) {
		Oid type = type_of(&op->values[i]);

		prepared->types[i] = type != 0 ? type : prepared->types[i];
	}
	snprintf(prepared->name, sizeof(prepared->name), "t%u", ++link->names);
	prepared->sent = true;
	tr_db_sql_expand(&sql, prepared->sql, strlen(prepared->sql), &tr_db_postgres.dialect);
	rc = PQsendPrepare(
		link->conn, prepared->name, tr_buf_c(&sql), (int)prepared->count, prepared->types);
	tr_buf_finish(&sql);
	expect(link, TR_PG_ANSWER_PREPARE, prepared, batch, op);
	return rc == 1;
}

static struct tr_pg_prepared *prepared_for(
	struct tr_pg_link *link, const struct tr_db_statement *statement)
{
	void **slot = tr_db_cache_slot(&link->cache, statement);

	if (!*slot) {
		*slot = tr_alloc(sizeof(struct tr_pg_prepared));
	}
	return *slot;
}

/* int8 as it goes over the wire: eight bytes, the highest first. */
static char *wire_int(struct tr_db_batch *batch, int64_t number)
{
	unsigned char *bytes = tr_arena_alloc(&batch->arena, sizeof(number));
	uint64_t rest = (uint64_t)number;
	size_t i;

	for (i = sizeof(number); i-- > 0; rest >>= 8) {
		bytes[i] = (unsigned char)rest;
	}
	return (char *)bytes;
}

static bool send_op(struct tr_pg_link *link, struct tr_db_batch *batch, struct tr_db_op *op)
{
	struct tr_pg_prepared *prepared = prepared_for(link, op->statement);
	const char **values = tr_arena_alloc(&batch->arena, op->count * sizeof(*values));
	int *lengths = tr_arena_alloc(&batch->arena, op->count * sizeof(*lengths));
	int *formats = tr_arena_alloc(&batch->arena, op->count * sizeof(*formats));
	size_t i;

	if (!fits(prepared, op) && !prepare(link, prepared, batch, op)) {
		return false;
	}
	for (i = 0; i < op->count; i++) {
		const struct tr_db_value *value = &op->values[i];

		formats[i] = 1;
		if (value->type == TR_DB_INT) {
			values[i] = wire_int(batch, value->number);
			lengths[i] = (int)sizeof(value->number);
		} else if (value->type != TR_DB_NULL) {
			values[i] = value->bytes.ptr;
			lengths[i] = (int)value->bytes.len;
		}
	}
	expect(link, TR_PG_ANSWER_RUN, NULL, batch, op);
	return PQsendQueryPrepared(link->conn, prepared->name, (int)op->count, values, lengths,
		       formats, 0) == 1;
}

static bool send_batch(struct tr_pg_link *link, struct tr_db_batch *batch)
{
	struct tr_db_op *op;

	for (op = batch->first; op; op = op->next) {
		if (op->part->error) {
			continue;
		}
		if (op->statement) {
			if (!send_op(link, batch, op)) {
				return false;
			}
			continue;
		}
		expect(link, TR_PG_ANSWER_RUN, NULL, batch, op);
		if (!PQsendQueryParams(link->conn, op->script, 0, NULL, NULL, NULL, NULL, 0)) {
			return false;
		}
	}
	return true;
}

static void begin(struct tr_pg_link *link)
{
	link->answer_count = 0;
	link->answer_next = 0;
	link->failed = false;
	link->failed_batch = NULL;
	link->failed_part = NULL;
	link->conflict = false;
	link->sync_due = true;
}

static void end(struct tr_pg_link *link)
{
	if (!PQpipelineSync(link->conn)) {
		tr_pg_link_lost(link, NULL);
		return;
	}
	tr_pg_link_flush(link);
}

void tr_pg_send_setup(struct tr_pg_link *link)
{
	begin(link);
	expect(link, TR_PG_ANSWER_SETUP, NULL, NULL, NULL);
	bool sent = PQsendQueryParams(link->conn, setup_sql, 0, NULL, NULL, NULL, NULL, 0);
	if (sent && tr_pg_lock_on(link)) {
		expect(link, TR_PG_ANSWER_LOCK, NULL, NULL, NULL);
		sent = PQsendQueryParams(link->conn, tr_pg_lock_sql, 0, NULL, NULL, NULL, NULL, 0);
	}
	if (!sent) {
		tr_pg_link_lost(link, NULL);
		return;
	}
	end(link);
}

void tr_pg_send_group(struct tr_pg_link *link)
{
	struct tr_list *node;
	struct tr_list *following;

	begin(link);
	TR_LIST_EACH (&link->group, node, following) {
		if (!send_batch(link, TR_LIST_ENTRY(node, struct tr_db_batch, node))) {
			tr_pg_link_lost(link, NULL);
			return;
		}
	}
	end(link);
}

static void read_cell(struct tr_db_batch *batch, const PGresult *result, int row, int column,
	struct tr_db_value *cell)
{
	const char *text = PQgetvalue(result, row, column);
	struct tr_str view = tr_str_of(text, (size_t)PQgetlength(result, row, column));
	unsigned char *bytes;

	switch (PQftype(result, column)) {
	case OID_INT8:
	case OID_INT4:
	case OID_INT2:
	case OID_OID:
		cell->type = TR_DB_INT;
		(void)tr_str_to_i64(view, &cell->number);
		break;
	case OID_BOOL:
		cell->type = TR_DB_INT;
		cell->number = text[0] == 't';
		break;
	case OID_BYTEA:
		cell->type = TR_DB_BLOB;
		bytes = PQunescapeBytea((const unsigned char *)text, &view.len);
		TR_ASSERT(bytes);
		cell->bytes = tr_db_batch_copy(batch, tr_str_of((char *)bytes, view.len));
		PQfreemem(bytes);
		break;
	default:
		cell->type = TR_DB_TEXT;
		cell->bytes = tr_db_batch_copy(batch, view);
		break;
	}
}

static void read_rows(struct tr_db_batch *batch, struct tr_db_op *op, const PGresult *result)
{
	int rows = PQntuples(result);
	int row;
	int column;

	op->columns = (size_t)PQnfields(result);
	for (row = 0; row < rows; row++) {
		struct tr_db_value *cells = tr_db_op_add_row(op);

		for (column = 0; column < PQnfields(result); column++) {
			if (!PQgetisnull(result, row, column)) {
				read_cell(batch, result, row, column, &cells[column]);
			}
		}
	}
}

static void read_setup(const PGresult *result)
{
	if (strcmp(PQgetvalue(result, 0, 0), "on") != 0) {
		tr_log_warn("store", "PostgreSQL runs with fsync off: a power cut loses messages");
	}
	if (strcmp(PQgetvalue(result, 0, 1), "UTF8") != 0) {
		tr_log_warn("store",
			"the PostgreSQL database has the encoding %s, it should have UTF8: text in "
			"other letters will be refused",
			PQgetvalue(result, 0, 1));
	}
}

/* What to do about an SQLSTATE (PostgreSQL documentation, appendix A). What an administrator can
 * mend (a full disk, a missing permission, a standby) is no reason to give up messages. */
static enum tr_error_class class_of(const char *state)
{
	static const char *const transient[] = {
		"08",    /* connection exception */
		"25006", /* read only: a standby */
		"28",    /* authorization */
		"40",    /* transaction rolled back */
		"42501", /* insufficient privilege */
		"53",    /* insufficient resources: disk full, out of memory */
		"55P03", /* lock not available */
		"57",    /* operator intervention: shutdown, canceled */
		"58",    /* system error: I/O */
		"XX",    /* internal: damaged pages */
	};
	size_t i;

	if (strcmp(state, "08P01") == 0) {
		/* Of the protocol: the number of values is not that of the parameters. */
		return TR_CLASS_BUG;
	}
	for (i = 0; i < TR_ARRAY_LEN(transient); i++) {
		if (strncmp(state, transient[i], strlen(transient[i])) == 0) {
			return TR_CLASS_RETRY;
		}
	}
	return TR_CLASS_BUG;
}

/* Keeps the first failure of a group; those after it are its consequence. */
static void note_failure(
	struct tr_pg_link *link, const struct tr_pg_answer *answer, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (link->failed) {
		return;
	}
	state = state ? state : "";
	message = message ? message : PQresultErrorMessage(result);
	link->failed = true;
	link->failed_batch = answer ? answer->batch : NULL;
	link->failed_part = answer && answer->op ? answer->op->part : NULL;
	link->conflict = strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0;
	tr_error_set_class(&link->error, strcmp(state, "23505") == 0 ? TR_E_EXISTS : TR_E_STORE,
		*state ? class_of(state) : TR_CLASS_RETRY, "PostgreSQL: %.*s (%s): %.90s",
		(int)strcspn(message, "\n") < 90 ? (int)strcspn(message, "\n") : 90, message, state,
		answer && answer->op ? tr_db_op_sql(answer->op) : "commit");
}

static void take_result(struct tr_pg_link *link, const PGresult *result)
{
	struct tr_pg_answer *answer =
		link->answer_next < link->answer_count ? &link->answers[link->answer_next] : NULL;
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_TUPLES_OK && answer) {
		if (answer->kind == TR_PG_ANSWER_SETUP) {
			read_setup(result);
		} else if (answer->kind == TR_PG_ANSWER_LOCK) {
			tr_pg_lock_read(link, result);
		} else {
			read_rows(answer->batch, answer->op, result);
		}
		return;
	}
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
		status == PGRES_EMPTY_QUERY) {
		return;
	}
	if (answer && answer->kind == TR_PG_ANSWER_PREPARE) {
		answer->prepared->sent = false;
	}
	/* PGRES_PIPELINE_ABORTED: skipped because of an earlier failure. */
	if (status != PGRES_PIPELINE_ABORTED) {
		note_failure(link, answer, result);
	}
}

static void finish(struct tr_pg_link *link)
{
	link->sync_due = false;
	if (link->state == TR_PG_READY) {
		tr_pg_group_done(link);
	} else if (link->failed) {
		tr_pg_link_lost(link, link->error.text);
	} else if (tr_pg_lock_on(link) && !link->store->lock.got) {
		tr_pg_lock_refused(link);
	} else {
		tr_pg_link_ready(link);
	}
}

void tr_pg_read(struct tr_pg_link *link)
{
	while (link->sync_due && !PQisBusy(link->conn)) {
		PGresult *result = PQgetResult(link->conn);
		bool synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;

		if (!result) {
			/* The end of one statement's results. */
			if (link->answer_next < link->answer_count) {
				link->answer_next++;
			} else if (PQstatus(link->conn) == CONNECTION_BAD) {
				tr_pg_link_lost(link, NULL);
				return;
			}
			continue;
		}
		if (!synced) {
			take_result(link, result);
		}
		PQclear(result);
		if (synced) {
			finish(link);
			return;
		}
		if (PQstatus(link->conn) == CONNECTION_BAD) {
			tr_pg_link_lost(link, NULL);
			return;
		}
	}
}
