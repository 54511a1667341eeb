/* SPDX-License-Identifier: Apache-2.0 */
/* A process that is killed while it writes has lost nothing of what was called back, and what is
 * there has no gap: on both backends. */
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "tests/unit/store/store_helper.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 25, IN_FLIGHT = 20 };

static const struct tr_db_statement insert = {
	"INSERT INTO numbers(n) VALUES($1) ON CONFLICT(n) DO NOTHING"};

/* Two rows of each number, in one batch: half a batch would show. */
static const struct tr_db_statement insert_twin = {
	"INSERT INTO twins(n) VALUES($1) ON CONFLICT(n) DO NOTHING"};

struct writer {
	struct tr_db *db;
	int pipe;
	int64_t next;
	int64_t confirmed;
};

static void write_next(struct writer *writer);

static void on_written(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct writer *writer = arg;

	(void)result;
	if (error) {
		_exit(3);
	}
	/* In order: the number is all there is to say. */
	writer->confirmed++;
	if (write(writer->pipe, &writer->confirmed, sizeof(writer->confirmed)) < 0) {
		_exit(4);
	}
	write_next(writer);
}

static void write_next(struct writer *writer)
{
	struct tr_db_batch *batch = tr_db_batch_create(writer->db);
	int64_t n = ++writer->next;

	TR_DB_ADD(batch, &insert, TR_DB_N(n));
	TR_DB_ADD(batch, &insert_twin, TR_DB_N(n));
	tr_db_submit_take(batch, on_written, writer);
}

_Noreturn static void write_until_killed(const char *url, int64_t first, int pipe_end)
{
	struct tr_loop *loop = tr_loop_create();
	struct tr_db_options options = {.url = url};
	struct tr_error error;
	struct writer writer = {tr_db_open(loop, &options, &error), pipe_end, first, first};
	int i;

	if (!writer.db) {
		_exit(2);
	}
	for (i = 0; i < IN_FLIGHT; i++) {
		write_next(&writer);
	}
	tr_loop_run(loop);
	_exit(5);
}

/* The highest number that was called back before the kill. */
static int64_t run_and_kill(const char *url, int64_t first)
{
	struct timespec time = {0, (20 + (long)tr_random_below(60)) * 1000000};
	int64_t confirmed = first;
	int64_t number;
	int ends[2];
	int status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		write_until_killed(url, first, ends[1]);
	}
	close(ends[1]);
	/* Once it writes, let it go on for a moment. */
	if (read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number)) {
		confirmed = number;
		nanosleep(&time, NULL);
	}
	kill(pid, SIGKILL);
	while (read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number)) {
		confirmed = number;
	}
	close(ends[0]);
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	return confirmed;
}

/* PostgreSQL finishes what it had received from the dead. */
static void wait_for_the_server(struct store *store)
{
	if (strcmp(store->backend, "postgres") == 0) {
		while (store_query(store, "SELECT COUNT(*) FROM pg_stat_activity "
					  "WHERE backend_type = 'client backend'") > 1) {
			tr_loop_turn(store->loop, false);
		}
	}
}

static void killed_writer_loses_nothing_that_was_called_back(void **state)
{
	struct store *store = *state;
	int64_t present = 0;
	int64_t total = 0;
	int round;

	store_script(store, "CREATE TABLE numbers(n {BIGINT} UNIQUE);"
			    "CREATE TABLE twins(n {BIGINT} UNIQUE)");
	for (round = 0; round < ROUNDS; round++) {
		int64_t confirmed;

		store_close(store);
		confirmed = run_and_kill(store->url, present);
		store_open(store, NULL);
		wait_for_the_server(store);
		total += confirmed - present;
		present = store_query(store, "SELECT COALESCE(MAX(n), 0) FROM numbers");
		assert_true(present >= confirmed);
		assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), present);
		assert_int_equal(store_query(store, "SELECT COUNT(*) FROM twins"), present);
	}
	print_message("%d kills, %lld batches called back\n", ROUNDS, (long long)total);
	assert_true(total > ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TESTS(killed_writer_loses_nothing_that_was_called_back),
	};

	return cmocka_run_group_tests(tests, store_group_setup, store_group_teardown);
}
