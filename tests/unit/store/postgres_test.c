/* SPDX-License-Identifier: Apache-2.0 */
/* What is PostgreSQL's own: connections that are lost, a server that is away, conflicts. */
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "tests/unit/store/store_helper.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

static const char schema[] = "CREATE TABLE numbers(seq {SERIAL}, n {BIGINT} UNIQUE)";
static const struct tr_db_statement insert = {
	"INSERT INTO numbers(n) VALUES($1) ON CONFLICT(n) DO NOTHING"};

enum { BATCHES = 2000 };

#define WALL_MS 1763735700000

struct run {
	struct store *store;
	int submitted;
	int done;
	int failed;
};

static void submit_one(struct run *run);

static void on_done(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct run *run = arg;

	(void)result;
	run->done++;
	run->failed += error != NULL;
	if (run->submitted < BATCHES) {
		submit_one(run);
	}
}

static void submit_one(struct run *run)
{
	struct tr_db_batch *batch = tr_db_batch_create(run->store->db);

	TR_DB_ADD(batch, &insert, TR_DB_N(run->submitted));
	run->submitted++;
	tr_db_submit_take(batch, on_done, run);
}

/* Runs BATCHES batches, 30 in flight, and does `what` to the server when a third and when two
 * thirds are through. */
static void run_with_trouble(struct store *store, void (*what)(struct store *store))
{
	struct run run = {.store = store};
	uint64_t end = tr_clock_mono_ms() + 60000;
	int troubles = 0;
	int i;

	store_script(store, schema);
	for (i = 0; i < 30; i++) {
		submit_one(&run);
	}
	while (run.done < BATCHES) {
		assert_true(tr_clock_mono_ms() < end);
		tr_loop_turn(store->loop, true);
		if (run.done > (troubles + 1) * BATCHES / 3 && troubles < 2) {
			troubles++;
			what(store);
		}
	}
	assert_int_equal(troubles, 2);
	assert_int_equal(run.failed, 0);
	assert_int_equal(tr_db_pending(store->db), 0);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), BATCHES);
	assert_int_equal(store_query(store, "SELECT COUNT(DISTINCT n) FROM numbers"), BATCHES);
	/* And in order. */
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM (SELECT n, LAG(n) OVER "
					    "(ORDER BY seq) AS before FROM numbers) AS pairs "
					    "WHERE before > n"),
		0);
}

static void crash_and_start(struct store *store)
{
	uint64_t end = tr_clock_mono_ms() + 50;

	/* In the middle: not between two groups. */
	tr_loop_turn(store->loop, false);
	pg_server_crash(&store_server);
	while (tr_clock_mono_ms() < end) {
		tr_loop_turn(store->loop, false);
	}
	assert_true(pg_server_start(&store_server));
}

static void cut_connections(struct store *store)
{
	(void)store;
	assert_true(pg_server_run(&store_server,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
		"WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"));
}

static void server_that_crashes_and_comes_back_costs_no_batch(void **state)
{
	run_with_trouble(*state, crash_and_start);
}

static void cut_connections_cost_no_batch(void **state)
{
	run_with_trouble(*state, cut_connections);
}

static void batches_wait_for_a_server_that_is_away(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch;
	struct outcome outcome = {0};
	uint64_t end;

	store_script(store, schema);
	store_close(store);
	pg_server_crash(&store_server);
	store_open(store, NULL);
	batch = tr_db_batch_create(store->db);
	TR_DB_ADD(batch, &insert, TR_DB_N(1));
	tr_db_submit_take(batch, outcome_callback, &outcome);
	for (end = tr_clock_mono_ms() + 500; tr_clock_mono_ms() < end;) {
		tr_loop_turn(store->loop, false);
	}
	assert_int_equal(outcome.calls, 0);
	assert_false(tr_db_healthy(store->db));
	assert_true(pg_server_start(&store_server));
	store_wait(store);
	assert_int_equal(outcome.calls, 1);
	assert_false(outcome.failed);
	assert_true(tr_db_healthy(store->db));
}

static void close_gives_up_after_five_seconds_without_a_server(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch;
	struct outcome outcome = {0};
	uint64_t start = tr_clock_mono_ms();

	store_script(store, schema);
	pg_server_crash(&store_server);
	batch = tr_db_batch_create(store->db);
	TR_DB_ADD(batch, &insert, TR_DB_N(1));
	tr_db_submit_take(batch, outcome_callback, &outcome);
	store_close(store);
	assert_true(tr_clock_mono_ms() - start >= 4500);
	assert_int_equal(outcome.calls, 1);
	assert_true(outcome.failed);
	assert_int_equal(outcome.error.cls, TR_CLASS_RETRY);
	assert_true(pg_server_start(&store_server));
}

static void close_waits_for_a_server_that_comes_back(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch;
	struct outcome outcome = {0};

	store_script(store, schema);
	cut_connections(store);
	batch = tr_db_batch_create(store->db);
	TR_DB_ADD(batch, &insert, TR_DB_N(1));
	tr_db_submit_take(batch, outcome_callback, &outcome);
	store_close(store);
	assert_int_equal(outcome.calls, 1);
	assert_false(outcome.failed);
}

static void failure_at_the_commit_itself_is_a_failure(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch;
	struct outcome good = {0};
	struct outcome bad = {0};

	store_script(store, "CREATE TABLE late(n {BIGINT} UNIQUE DEFERRABLE INITIALLY DEFERRED);"
			    "CREATE TABLE numbers(n {BIGINT} UNIQUE)");
	batch = tr_db_batch_create(store->db);
	TR_DB_ADD(batch, &insert, TR_DB_N(1));
	tr_db_submit_take(batch, outcome_callback, &good);
	batch = tr_db_batch_create(store->db);
	tr_db_batch_add_script(batch, "INSERT INTO late VALUES(1); INSERT INTO late VALUES(1)");
	tr_db_submit_take(batch, outcome_callback, &bad);
	store_wait(store);
	assert_false(good.failed);
	assert_true(bad.failed);
	assert_int_equal(bad.error.code, TR_E_EXISTS);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), 1);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM late"), 0);
}

static const struct tr_db_statement count_up = {"UPDATE counter SET n = n + $1"};

/* Two writers that read and write the same row: each loses now and then and is run again. */
static void serialization_failures_are_run_again(void **state)
{
	enum { EACH = 100 };
	struct store *store = *state;
	struct store other = *store;
	static struct outcome outcomes[2][EACH];
	size_t len = strlen(store->url);
	int i;

	memset(outcomes, 0, sizeof(outcomes));
	store_script(store, "CREATE TABLE counter(n {BIGINT}); INSERT INTO counter VALUES(0)");
	store_close(store);
	snprintf(store->url + len, sizeof(store->url) - len,
		"%%20-cdefault_transaction_isolation%%3Dserializable");
	snprintf(other.url, sizeof(other.url), "%s", store->url);
	const struct tr_db_options options = {.url = store->url, .unlocked = true};
	store_open(store, &options);
	store_open(&other, &options);
	for (i = 0; i < EACH; i++) {
		struct store *stores[] = {store, &other};
		int j;

		for (j = 0; j < 2; j++) {
			struct tr_db_batch *batch = tr_db_batch_create(stores[j]->db);

			TR_DB_ADD(batch, &count_up, TR_DB_N(1));
			tr_db_submit_take(batch, outcome_callback, &outcomes[j][i]);
		}
		tr_loop_turn(store->loop, i % 4 == 0);
	}
	store_wait(store);
	store_wait(&other);
	for (i = 0; i < EACH; i++) {
		assert_false(outcomes[0][i].failed);
		assert_false(outcomes[1][i].failed);
	}
	store_close(&other);
	assert_int_equal(store_query(store, "SELECT n FROM counter"), 2 * EACH);
}

static void several_connections_share_the_work(void **state)
{
	struct store *store = *state;
	struct tr_db_options options = {.url = store->url, .connections = 3};
	static struct outcome outcomes[300];
	int i;

	memset(outcomes, 0, sizeof(outcomes));
	store_script(store, schema);
	store_close(store);
	store_open(store, &options);
	for (i = 0; i < 300; i++) {
		struct tr_db_batch *batch = tr_db_batch_create(store->db);

		TR_DB_ADD(batch, &insert, TR_DB_N(i));
		tr_db_submit_take(batch, outcome_callback, &outcomes[i]);
		tr_loop_turn(store->loop, false);
	}
	store_wait(store);
	for (i = 0; i < 300; i++) {
		assert_int_equal(outcomes[i].calls, 1);
		assert_false(outcomes[i].failed);
	}
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), 300);
}

static void host_name_is_looked_up(void **state)
{
	struct store *store = *state;
	char query[64];

	store_close(store);
	snprintf(query, sizeof(query), "connect_timeout=5");
	snprintf(store->url, sizeof(store->url), "postgres://trestle@localhost:%d/postgres?%s",
		store_server.port, query);
	store_open(store, NULL);
	assert_int_equal(store_query(store, "SELECT 7"), 7);
}

static void socket_in_the_file_system_works(void **state)
{
	struct store *store = *state;

	store_close(store);
	snprintf(store->url, sizeof(store->url),
		"postgres:///postgres?host=%s&port=%d&user=trestle", store_server.dir,
		store_server.port);
	store_open(store, NULL);
	assert_int_equal(store_query(store, "SELECT 7"), 7);
}

/* A daemon over a server that was told to confirm before the disk has it. */
static void commit_that_would_not_be_synced_is_made_to(void **state)
{
	struct store *store = *state;

	store_close(store);
	pg_server_url(&store_server, "options=-csynchronous_commit%3Doff", store->url,
		sizeof(store->url));
	store_open(store, NULL);
	assert_int_equal(store_query(store, "SELECT CASE WHEN current_setting('synchronous_commit')"
					    " = 'on' THEN 1 ELSE 0 END"),
		1);
}

/* Waits for what is pending by a clock that is told to run. */
static void wait_while_time_flies(struct store *store)
{
	while (tr_db_pending(store->db) > 0) {
		tr_loop_turn(store->loop, true);
		tr_clock_advance(1000);
	}
}

static void second_daemon_on_a_database_is_refused_and_told_what_to_do(void **state)
{
	struct store *store = *state;
	struct store other = *store;
	struct outcome outcome = {0};
	struct tr_db_batch *batch;

	store_script(store, schema);
	tr_clock_fake(WALL_MS);
	store_open(&other, NULL);
	batch = tr_db_batch_create(other.db);
	TR_DB_ADD(batch, &insert, TR_DB_N(1));
	tr_db_submit_take(batch, outcome_callback, &outcome);
	wait_while_time_flies(&other);
	assert_true(outcome.failed);
	assert_int_equal(outcome.error.code, TR_E_EXISTS);
	assert_int_equal(outcome.error.cls, TR_CLASS_PERMANENT);
	assert_non_null(strstr(outcome.error.text, "database postgres of PostgreSQL is in use"));
	assert_non_null(strstr(outcome.error.text, "(from 127.0.0.1 since 20"));
	assert_non_null(strstr(outcome.error.text, "stop the other or give this one its own"));
	assert_false(tr_db_healthy(other.db));
	store_close(&other);
	tr_clock_real();
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), 0);
}

static void daemon_that_comes_while_another_goes_gets_the_database(void **state)
{
	struct store *store = *state;
	struct store other = *store;
	struct outcome outcome = {0};
	struct tr_db_batch *batch;
	uint64_t end;

	store_script(store, schema);
	store_open(&other, NULL);
	batch = tr_db_batch_create(other.db);
	TR_DB_ADD(batch, &insert, TR_DB_N(1));
	tr_db_submit_take(batch, outcome_callback, &outcome);
	for (end = tr_clock_mono_ms() + 300; tr_clock_mono_ms() < end;) {
		tr_loop_turn(store->loop, false);
	}
	assert_int_equal(outcome.calls, 0);
	store_close(store);
	store_wait(&other);
	assert_false(outcome.failed);
	store->db = other.db;
}

static void daemons_with_a_schema_each_share_a_database(void **state)
{
	struct store *store = *state;
	struct store other = *store;
	size_t len = strlen(other.url);

	assert_true(pg_server_run(&store_server, "CREATE SCHEMA second"));
	snprintf(other.url + len, sizeof(other.url) - len, "%%20-csearch_path%%3Dsecond");
	store_script(store, schema);
	store_open(&other, NULL);
	assert_int_equal(store_query(&other, "SELECT 7"), 7);
	store_close(&other);
}

static void nothing_is_written_while_another_has_taken_the_database(void **state)
{
	struct store *store = *state;
	struct outcome outcome = {0};
	struct tr_db_batch *batch;
	char url[200];
	uint64_t end;

	store_script(store, schema);
	pg_server_url(&store_server, "", url, sizeof(url));
	PGconn *thief = PQconnectdb(url);
	PQclear(PQexec(thief,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		" WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"));
	PGresult *taken = PQexec(thief,
		"SELECT pg_advisory_lock(1953654131, hashtext(s)) FROM (SELECT nspname AS s FROM"
		" pg_namespace) AS names");
	assert_int_equal(PQresultStatus(taken), PGRES_TUPLES_OK);
	PQclear(taken);
	batch = tr_db_batch_create(store->db);
	TR_DB_ADD(batch, &insert, TR_DB_N(1));
	tr_db_submit_take(batch, outcome_callback, &outcome);
	for (end = tr_clock_mono_ms() + 1000; tr_clock_mono_ms() < end;) {
		tr_loop_turn(store->loop, false);
	}
	assert_int_equal(outcome.calls, 0);
	PQfinish(thief);
	store_wait(store);
	assert_false(outcome.failed);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), 1);
}

static int leaks;

static void look_for_password(enum tr_log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	leaks += strstr(line, "hunter2") != NULL;
}

static void password_is_neither_logged_nor_in_errors(void **state)
{
	struct store *store = *state;
	struct tr_db_options options = {.url = "postgres://user:hunter2@[broken/name"};
	struct tr_error error;
	enum tr_log_level level = tr_log_get_level();
	uint64_t end;

	leaks = 0;
	tr_log_set_level(TR_LOG_TRACE);
	tr_log_set_sink(look_for_password, NULL);
	assert_null(tr_db_open(store->loop, &options, &error));
	assert_int_equal(error.code, TR_E_CONFIG);
	assert_null(strstr(error.text, "hunter2"));
	store_close(store);
	snprintf(store->url, sizeof(store->url), "postgres://nobody:hunter2@127.0.0.1:%d/none",
		store_server.port);
	store_open(store, NULL);
	for (end = tr_clock_mono_ms() + 300; tr_clock_mono_ms() < end;) {
		tr_loop_turn(store->loop, false);
	}
	assert_false(tr_db_healthy(store->db));
	tr_log_set_sink(NULL, NULL);
	tr_log_set_level(level);
	assert_int_equal(leaks, 0);
}

#define POSTGRES_TEST(name)                                                \
 {                                                                         \
#  name, name, store_setup, store_teardown, (void *)(uintptr_t) "postgres" \
 }

int main(void)
{
	const struct CMUnitTest tests[] = {
		POSTGRES_TEST(server_that_crashes_and_comes_back_costs_no_batch),
		POSTGRES_TEST(cut_connections_cost_no_batch),
		POSTGRES_TEST(batches_wait_for_a_server_that_is_away),
		POSTGRES_TEST(close_gives_up_after_five_seconds_without_a_server),
		POSTGRES_TEST(close_waits_for_a_server_that_comes_back),
		POSTGRES_TEST(failure_at_the_commit_itself_is_a_failure),
		POSTGRES_TEST(serialization_failures_are_run_again),
		POSTGRES_TEST(several_connections_share_the_work),
		POSTGRES_TEST(host_name_is_looked_up),
		POSTGRES_TEST(socket_in_the_file_system_works),
		POSTGRES_TEST(commit_that_would_not_be_synced_is_made_to),
		POSTGRES_TEST(second_daemon_on_a_database_is_refused_and_told_what_to_do),
		POSTGRES_TEST(daemon_that_comes_while_another_goes_gets_the_database),
		POSTGRES_TEST(daemons_with_a_schema_each_share_a_database),
		POSTGRES_TEST(nothing_is_written_while_another_has_taken_the_database),
		POSTGRES_TEST(password_is_neither_logged_nor_in_errors),
	};

	return cmocka_run_group_tests(tests, store_group_setup, store_group_teardown);
}
