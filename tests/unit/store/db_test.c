/* SPDX-License-Identifier: Apache-2.0 */
/* What the database promises, run against both backends: SQLite and a real PostgreSQL server. */
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/io/metrics.h"
#include "tests/unit/store/store_helper.h"

#include <stdio.h>
#include <string.h>

static const char numbers_schema[] = "CREATE TABLE numbers(seq {SERIAL}, n {BIGINT} UNIQUE, "
				     "t {TEXT})";
static const struct tr_db_statement insert_number = {"INSERT INTO numbers(n) VALUES($1)"};
static const struct tr_db_statement insert_once = {
	"INSERT INTO numbers(n, t) VALUES($1, $2) ON CONFLICT(n) DO NOTHING"};
static const struct tr_db_statement insert_text = {"INSERT INTO numbers(t) VALUES($1)"};

static const struct tr_db_statement values_insert = {
	"INSERT INTO vals(id, n, t, b) VALUES($1, $2, $3, $4)"};
static const struct tr_db_statement values_select = {
	"SELECT n, t, b FROM vals WHERE id >= $1 ORDER BY id"};

static const char blob_bytes[] = "\0\x01\xff'\\\0end";
static const char text_bytes[] =
	"h\xc3\xa4\xc3\x9f \xf0\x9f\x8e\x89 'quoted' \"more\" \\x00 $1\n\t";
static char *large_text;
static char *large_blob;
enum { LARGE = 300000 };

static void check_values(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	int *calls = arg;
	struct tr_str cell;

	(*calls)++;
	assert_null(error);
	assert_int_equal(tr_db_rows(result, 0), 0);
	assert_int_equal(tr_db_rows(result, 4), 4);
	assert_true(tr_db_int(result, 4, 0, 0) == INT64_MAX);
	assert_true(tr_str_eq(tr_db_text(result, 4, 0, 1), tr_str_from(text_bytes)));
	cell = tr_db_text(result, 4, 0, 2);
	assert_int_equal(cell.len, sizeof(blob_bytes) - 1);
	assert_memory_equal(cell.ptr, blob_bytes, cell.len);

	assert_true(tr_db_int(result, 4, 1, 0) == INT64_MIN);
	assert_false(tr_db_is_null(result, 4, 1, 1));
	assert_int_equal(tr_db_text(result, 4, 1, 1).len, 0);
	assert_false(tr_db_is_null(result, 4, 1, 2));
	assert_int_equal(tr_db_text(result, 4, 1, 2).len, 0);

	assert_true(tr_db_is_null(result, 4, 2, 0));
	assert_int_equal(tr_db_int(result, 4, 2, 0), 0);
	assert_true(tr_db_is_null(result, 4, 2, 1));
	assert_int_equal(tr_db_text(result, 4, 2, 1).len, 0);
	assert_true(tr_db_is_null(result, 4, 2, 2));

	assert_int_equal(tr_db_int(result, 4, 3, 0), -1);
	assert_true(tr_str_eq_c(tr_db_text(result, 4, 3, 0), "-1"));
	cell = tr_db_text(result, 4, 3, 1);
	assert_int_equal(cell.len, LARGE);
	assert_memory_equal(cell.ptr, large_text, LARGE);
	cell = tr_db_text(result, 4, 3, 2);
	assert_int_equal(cell.len, LARGE);
	assert_memory_equal(cell.ptr, large_blob, LARGE);
}

static void rows_come_back_as_they_were_written(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch;
	int calls = 0;
	size_t i;

	large_text = tr_alloc(LARGE);
	large_blob = tr_alloc(LARGE);
	for (i = 0; i < LARGE; i++) {
		large_text[i] = (char)('a' + i % 26);
		large_blob[i] = (char)(i * 31);
	}
	store_script(store, "CREATE TABLE vals(id {BIGINT}, n {BIGINT}, t {TEXT}, b {BLOB})");
	batch = tr_db_batch_create(store->db);
	TR_DB_ADD(batch, &values_insert, TR_DB_N(1), TR_DB_N(INT64_MAX),
		TR_DB_T(tr_str_from(text_bytes)),
		TR_DB_B(tr_str_of(blob_bytes, sizeof(blob_bytes) - 1)));
	TR_DB_ADD(batch, &values_insert, TR_DB_N(2), TR_DB_N(INT64_MIN), TR_DB_TC(NULL),
		TR_DB_B(tr_str_of(NULL, 0)));
	TR_DB_ADD(batch, &values_insert, TR_DB_N(3), TR_DB_NIL, TR_DB_NIL, TR_DB_NIL);
	TR_DB_ADD(batch, &values_insert, TR_DB_N(4), TR_DB_N(-1),
		TR_DB_T(tr_str_of(large_text, LARGE)), TR_DB_B(tr_str_of(large_blob, LARGE)));
	assert_int_equal(TR_DB_ADD(batch, &values_select, TR_DB_N(1)), 4);
	tr_db_submit_take(batch, check_values, &calls);
	store_wait(store);
	assert_int_equal(calls, 1);
	tr_free(large_text);
	tr_free(large_blob);
}

static const struct tr_db_statement shuffled = {"SELECT $2 || $1 || $2"};

static void parameters_go_by_number_and_may_repeat(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch = tr_db_batch_create(store->db);
	struct outcome outcome;

	TR_DB_ADD(batch, &shuffled, TR_DB_TC("a"), TR_DB_TC("b"));
	outcome = store_run(store, batch);
	assert_false(outcome.failed);
	assert_string_equal(outcome.text, "bab");
}

static const struct tr_db_statement is_null = {
	"SELECT CASE WHEN $1 IS NULL THEN -1 ELSE COALESCE($1, 0) END"};

static void parameter_that_was_null_may_be_a_number_later(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch;
	struct outcome outcome;

	store_script(store, numbers_schema);
	batch = tr_db_batch_create(store->db);
	TR_DB_ADD(batch, &insert_once, TR_DB_NIL, TR_DB_NIL);
	TR_DB_ADD(batch, &insert_once, TR_DB_N(5), TR_DB_NIL);
	TR_DB_ADD(batch, &insert_once, TR_DB_N(6), TR_DB_TC("six"));
	outcome = store_run(store, batch);
	assert_false(outcome.failed);
	batch = tr_db_batch_create(store->db);
	TR_DB_ADD(batch, &is_null, TR_DB_N(INT64_MAX));
	outcome = store_run(store, batch);
	assert_false(outcome.failed);
	assert_true(outcome.number == INT64_MAX);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), 3);
	assert_int_equal(store_query(store, "SELECT SUM(n) FROM numbers"), 11);
}

static void text_that_is_not_clean_utf8_is_a_bug(void **state)
{
	struct store *store = *state;
	static const struct tr_str bad[] = {TR_STR("a\0b"), TR_STR("\xff"), TR_STR("\xed\xa0\x80")};
	struct outcome outcome;
	size_t i;

	store_script(store, numbers_schema);
	for (i = 0; i < TR_ARRAY_LEN(bad); i++) {
		struct tr_db_batch *batch = tr_db_batch_create(store->db);

		TR_DB_ADD(batch, &insert_text, TR_DB_TC("good"));
		TR_DB_ADD(batch, &insert_text, TR_DB_T(bad[i]));
		outcome = store_run(store, batch);
		assert_true(outcome.failed);
		assert_int_equal(outcome.error.cls, TR_CLASS_BUG);
	}
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), 0);
}

static void numbers_of_a_serial_are_never_given_twice(void **state)
{
	struct store *store = *state;

	store_script(store, numbers_schema);
	store_script(store, "INSERT INTO numbers(n) VALUES(1);"
			    "INSERT INTO numbers(n) VALUES(2);"
			    "DELETE FROM numbers WHERE n = 2;"
			    "INSERT INTO numbers(n) VALUES(3)");
	assert_int_equal(store_query(store, "SELECT MAX(seq) FROM numbers"), 3);
}

static void script_is_cut_at_semicolons_outside_of_text_and_comments(void **state)
{
	struct store *store = *state;

	store_script(store,
		"-- a comment; with a semicolon\n"
		"CREATE TABLE \"odd;name\"(t {TEXT}); ;\n"
		"/* another; one */ INSERT INTO \"odd;name\" VALUES('it''s; fine -- {TEXT');\n"
		"INSERT INTO \"odd;name\" VALUES('b') -- ; the end");
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM \"odd;name\""), 2);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM \"odd;name\" "
					    "WHERE t = 'it''s; fine -- {TEXT'"),
		1);
}

static void batch_is_all_or_nothing(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch;
	struct outcome outcome;

	store_script(store, numbers_schema);
	batch = tr_db_batch_create(store->db);
	TR_DB_ADD(batch, &insert_number, TR_DB_N(1));
	TR_DB_ADD(batch, &insert_number, TR_DB_N(2));
	TR_DB_ADD(batch, &insert_number, TR_DB_N(1));
	TR_DB_ADD(batch, &insert_number, TR_DB_N(3));
	outcome = store_run(store, batch);
	assert_true(outcome.failed);
	assert_int_equal(outcome.error.code, TR_E_EXISTS);
	assert_int_equal(outcome.error.cls, TR_CLASS_BUG);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), 0);
	assert_true(tr_db_healthy(store->db));
}

static const struct tr_db_statement wrong = {"SELECT nothing FROM nowhere WHERE a = $1"};
static const struct tr_db_statement two_values = {"SELECT $1 || $2"};

static void wrong_statement_is_a_bug_each_time(void **state)
{
	struct store *store = *state;
	struct outcome outcome;
	int i;

	for (i = 0; i < 3; i++) {
		struct tr_db_batch *batch = tr_db_batch_create(store->db);

		TR_DB_ADD(batch, i < 2 ? &wrong : &two_values, TR_DB_TC("x"));
		outcome = store_run(store, batch);
		assert_true(outcome.failed);
		assert_int_equal(outcome.error.cls, TR_CLASS_BUG);
	}
	assert_int_equal(store_query(store, "SELECT 42"), 42);
}

static void failing_batch_does_not_hurt_others_of_its_group(void **state)
{
	enum { BATCHES = 40 };
	struct store *store = *state;
	struct outcome outcomes[BATCHES] = {{0}};
	int i;

	store_script(store, numbers_schema);
	for (i = 0; i < BATCHES; i++) {
		struct tr_db_batch *batch = tr_db_batch_create(store->db);

		TR_DB_ADD(batch, &insert_number, TR_DB_N(i));
		if (i == 17 || i == 30) {
			TR_DB_ADD(batch, &insert_number, TR_DB_N(3));
		}
		tr_db_submit_take(batch, outcome_callback, &outcomes[i]);
	}
	store_wait(store);
	for (i = 0; i < BATCHES; i++) {
		assert_int_equal(outcomes[i].calls, 1);
		assert_int_equal(outcomes[i].failed, i == 17 || i == 30);
	}
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), BATCHES - 2);
	/* In order all the same: a later seq never has a smaller number. */
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers a JOIN numbers b "
					    "ON a.seq < b.seq AND a.n > b.n"),
		0);
}

struct order {
	int next;
	bool submitting;
};

struct ordered {
	struct order *order;
	int number;
};

static void check_order(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct ordered *ordered = arg;

	assert_null(error);
	assert_false(ordered->order->submitting);
	assert_int_equal(ordered->number, ordered->order->next);
	assert_int_equal(tr_db_int(result, 1, 0, 0), ordered->number);
	ordered->order->next++;
}

static const struct tr_db_statement step_number = {
	"UPDATE numbers SET n = $1 WHERE n = CAST($1 AS {BIGINT}) - 1"};
static const struct tr_db_statement read_number = {"SELECT MAX(n) + $1 FROM numbers"};

static void batches_run_and_call_back_in_order(void **state)
{
	enum { BATCHES = 700 };
	static struct ordered ordered[BATCHES];
	struct store *store = *state;
	struct order order = {0, true};
	int i;

	store_script(store, numbers_schema);
	store_script(store, "INSERT INTO numbers(n) VALUES(-1)");
	for (i = 0; i < BATCHES; i++) {
		struct tr_db_batch *batch = tr_db_batch_create(store->db);

		ordered[i].order = &order;
		ordered[i].number = i;
		/* Each builds on the one before: any other order stops the chain. */
		TR_DB_ADD(batch, &step_number, TR_DB_N(i));
		TR_DB_ADD(batch, &read_number, TR_DB_N(0));
		tr_db_submit_take(batch, check_order, &ordered[i]);
		if (i % 50 == 49) {
			order.submitting = false;
			tr_loop_turn(store->loop, false);
			order.submitting = true;
		}
	}
	order.submitting = false;
	store_wait(store);
	assert_int_equal(order.next, BATCHES);
	assert_int_equal(store_query(store, "SELECT n FROM numbers"), BATCHES - 1);
}

static const struct tr_db_statement seq_of = {"SELECT seq, t FROM numbers WHERE n = $1"};

static void check_once(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	int *calls = arg;

	assert_null(error);
	assert_int_equal(tr_db_rows(result, 1), 1);
	assert_int_equal(tr_db_int(result, 1, 0, 0), 1);
	assert_true(tr_str_eq_c(tr_db_text(result, 1, 0, 1), "first"));
	(*calls)++;
}

static void insert_or_nothing_then_select_tells_what_is_there(void **state)
{
	struct store *store = *state;
	int calls = 0;
	int i;

	store_script(store, numbers_schema);
	for (i = 0; i < 3; i++) {
		struct tr_db_batch *batch = tr_db_batch_create(store->db);

		TR_DB_ADD(batch, &insert_once, TR_DB_N(9), TR_DB_TC(i == 0 ? "first" : "later"));
		TR_DB_ADD(batch, &seq_of, TR_DB_N(9));
		tr_db_submit_take(batch, check_once, &calls);
	}
	store_wait(store);
	assert_int_equal(calls, 3);
}

static void check_many(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	size_t *rows = arg;
	size_t i;

	assert_null(error);
	*rows = tr_db_rows(result, 0);
	for (i = 0; i < *rows; i++) {
		assert_int_equal(tr_db_int(result, 0, i, 0), (int64_t)i);
		assert_true(tr_str_eq_c(tr_db_text(result, 0, i, 1), "some text"));
	}
}

static void big_batch_and_its_rows_come_through(void **state)
{
	enum { ROWS = 20000 };
	struct store *store = *state;
	struct tr_db_batch *batch;
	struct outcome outcome;
	size_t rows = 0;
	int i;

	store_script(store, numbers_schema);
	batch = tr_db_batch_create(store->db);
	for (i = 0; i < ROWS; i++) {
		TR_DB_ADD(batch, &insert_once, TR_DB_N(i), TR_DB_TC("some text"));
	}
	outcome = store_run(store, batch);
	assert_false(outcome.failed);
	batch = tr_db_batch_create(store->db);
	tr_db_batch_add_script(batch, "SELECT n, t FROM numbers ORDER BY seq");
	tr_db_submit_take(batch, check_many, &rows);
	store_wait(store);
	assert_int_equal(rows, ROWS);
}

static void close_waits_for_what_is_queued(void **state)
{
	enum { BATCHES = 500 };
	static struct outcome outcomes[BATCHES];
	struct store *store = *state;
	int i;

	memset(outcomes, 0, sizeof(outcomes));
	store_script(store, numbers_schema);
	for (i = 0; i < BATCHES; i++) {
		struct tr_db_batch *batch = tr_db_batch_create(store->db);

		TR_DB_ADD(batch, &insert_number, TR_DB_N(i));
		tr_db_submit_take(batch, outcome_callback, &outcomes[i]);
	}
	store_close(store);
	for (i = 0; i < BATCHES; i++) {
		assert_int_equal(outcomes[i].calls, 1);
		assert_false(outcomes[i].failed);
	}
	store_open(store, NULL);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), BATCHES);
}

struct chain {
	struct store *store;
	int calls;
	struct outcome last;
};

static void submit_again(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct chain *chain = arg;
	struct tr_db_batch *batch = tr_db_batch_create(chain->store->db);

	(void)result;
	assert_null(error);
	chain->calls++;
	TR_DB_ADD(batch, &insert_number, TR_DB_N(chain->calls));
	if (chain->calls < 5) {
		tr_db_submit_take(batch, submit_again, chain);
	} else {
		tr_db_submit_take(batch, outcome_callback, &chain->last);
	}
}

static void callback_may_submit(void **state)
{
	struct store *store = *state;
	struct chain chain = {store, 0, {0}};

	store_script(store, numbers_schema);
	submit_again(&chain, NULL, NULL);
	store_wait(store);
	assert_int_equal(chain.calls, 5);
	assert_int_equal(chain.last.calls, 1);
	assert_false(chain.last.failed);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), 5);
}

static void submission_while_closing_fails_for_a_retry(void **state)
{
	struct store *store = *state;
	struct chain chain = {store, 4, {0}};
	struct tr_db_batch *batch;

	store_script(store, numbers_schema);
	batch = tr_db_batch_create(store->db);
	TR_DB_ADD(batch, &insert_number, TR_DB_N(1));
	tr_db_submit_take(batch, submit_again, &chain);
	store_close(store);
	assert_int_equal(chain.last.calls, 1);
	assert_true(chain.last.failed);
	assert_int_equal(chain.last.error.code, TR_E_CLOSED);
	assert_int_equal(chain.last.error.cls, TR_CLASS_RETRY);
	store_open(store, NULL);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), 1);
}

static void full_queue_fails_for_a_retry(void **state)
{
	enum { BATCHES = 100 };
	struct store *store = *state;
	struct tr_db_options options = {.url = store->url, .queue_max = 65536};
	static struct outcome outcomes[BATCHES];
	char text[10001];
	int refused = 0;
	int i;

	memset(outcomes, 0, sizeof(outcomes));
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	store_script(store, numbers_schema);
	store_close(store);
	store_open(store, &options);
	for (i = 0; i < BATCHES; i++) {
		struct tr_db_batch *batch = tr_db_batch_create(store->db);

		TR_DB_ADD(batch, &insert_once, TR_DB_N(i), TR_DB_TC(text));
		tr_db_submit_take(batch, outcome_callback, &outcomes[i]);
		assert_int_equal(outcomes[i].calls, 0);
	}
	assert_int_equal(tr_db_pending(store->db), BATCHES);
	store_wait(store);
	for (i = 0; i < BATCHES; i++) {
		assert_int_equal(outcomes[i].calls, 1);
		if (outcomes[i].failed) {
			assert_int_equal(outcomes[i].error.cls, TR_CLASS_RETRY);
			refused++;
		}
	}
	assert_in_range(refused, 1, BATCHES - 1);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), BATCHES - refused);
}

static void batch_larger_than_the_queue_goes_through_alone(void **state)
{
	struct store *store = *state;
	struct tr_db_options options = {.url = store->url, .queue_max = 100};
	struct tr_db_batch *batch;
	struct outcome outcome;

	store_script(store, numbers_schema);
	store_close(store);
	store_open(store, &options);
	batch = tr_db_batch_create(store->db);
	TR_DB_ADD(batch, &insert_number, TR_DB_N(1));
	outcome = store_run(store, batch);
	assert_false(outcome.failed);
}

static void batch_that_is_not_submitted_leaves_nothing(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch = tr_db_batch_create(store->db);

	TR_DB_ADD(batch, &insert_number, TR_DB_N(1));
	tr_db_batch_destroy(batch);
	tr_db_batch_destroy(NULL);
	assert_int_equal(tr_db_pending(store->db), 0);
}

static void count_call(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	int *calls = arg;

	(void)result;
	assert_null(error);
	(*calls)++;
}

static void empty_batch_is_called_back(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch = tr_db_batch_create(store->db);
	int calls = 0;

	tr_db_batch_add_script(batch, " ; -- nothing");
	tr_db_submit_take(batch, count_call, &calls);
	assert_int_equal(calls, 0);
	store_wait(store);
	assert_int_equal(calls, 1);
}

static int logged;

static void count_log(enum tr_log_level level, const char *line, void *arg)
{
	(void)arg;
	if (level <= TR_LOG_WARN && strstr(line, "numbers")) {
		logged++;
	}
}

static void failure_that_nobody_hears_is_logged(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch = tr_db_batch_create(store->db);

	logged = 0;
	tr_log_set_sink(count_log, NULL);
	TR_DB_ADD(batch, &insert_number, TR_DB_N(1));
	tr_db_submit_take(batch, NULL, NULL);
	store_wait(store);
	tr_log_set_sink(NULL, NULL);
	assert_int_equal(logged, 1);
}

static void commits_are_measured(void **state)
{
	struct store *store = *state;
	struct tr_metrics *metrics = tr_metrics_create();
	struct tr_db_options options = {.url = store->url, .metrics = metrics};
	struct tr_buf out = TR_BUF_INIT(65536);
	char expected[128];

	store_close(store);
	store_open(store, &options);
	store_query(store, "SELECT 1");
	assert_int_equal(tr_metrics_print(metrics, &out), 0);
	snprintf(expected, sizeof(expected), "trestle_store_commit_seconds_count{backend=\"%s\"} 1",
		store->backend);
	assert_non_null(strstr(tr_buf_c(&out), expected));
	assert_string_equal(tr_db_backend(store->db), store->backend);
	tr_buf_finish(&out);
	store_close(store);
	tr_metrics_destroy(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TESTS(rows_come_back_as_they_were_written),
		STORE_TESTS(parameters_go_by_number_and_may_repeat),
		STORE_TESTS(parameter_that_was_null_may_be_a_number_later),
		STORE_TESTS(text_that_is_not_clean_utf8_is_a_bug),
		STORE_TESTS(numbers_of_a_serial_are_never_given_twice),
		STORE_TESTS(script_is_cut_at_semicolons_outside_of_text_and_comments),
		STORE_TESTS(batch_is_all_or_nothing),
		STORE_TESTS(wrong_statement_is_a_bug_each_time),
		STORE_TESTS(failing_batch_does_not_hurt_others_of_its_group),
		STORE_TESTS(batches_run_and_call_back_in_order),
		STORE_TESTS(insert_or_nothing_then_select_tells_what_is_there),
		STORE_TESTS(big_batch_and_its_rows_come_through),
		STORE_TESTS(close_waits_for_what_is_queued),
		STORE_TESTS(callback_may_submit),
		STORE_TESTS(submission_while_closing_fails_for_a_retry),
		STORE_TESTS(full_queue_fails_for_a_retry),
		STORE_TESTS(batch_larger_than_the_queue_goes_through_alone),
		STORE_TESTS(batch_that_is_not_submitted_leaves_nothing),
		STORE_TESTS(empty_batch_is_called_back),
		STORE_TESTS(failure_that_nobody_hears_is_logged),
		STORE_TESTS(commits_are_measured),
	};

	return cmocka_run_group_tests(tests, store_group_setup, store_group_teardown);
}
