/* SPDX-License-Identifier: Apache-2.0 */
/* Fresh databases of both backends and waiting for batches, for the tests of the store. */
#include "tests/unit/store/store_helper.h"

#include "core/base/alloc.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_MS = 60000 };

struct pg_server store_server;

int store_group_setup(void **state)
{
	(void)state;
	return pg_server_create(&store_server) ? 0 : -1;
}

int store_group_teardown(void **state)
{
	(void)state;
	pg_server_destroy(&store_server);
	return 0;
}

int store_setup(void **state)
{
	static int number;
	struct store *store = tr_alloc(sizeof(*store));
	char text[64];

	store->backend = *state;
	store->loop = tr_loop_create();
	snprintf(store->dir, sizeof(store->dir), "/tmp/trestle-store-XXXXXX");
	if (!mkdtemp(store->dir)) {
		return -1;
	}
	number++;
	if (strcmp(store->backend, "sqlite") == 0) {
		snprintf(store->url, sizeof(store->url), "sqlite:%s/test.db", store->dir);
	} else {
		snprintf(text, sizeof(text), "CREATE SCHEMA test%d", number);
		if (!pg_server_run(&store_server, text)) {
			return -1;
		}
		snprintf(text, sizeof(text), "options=-csearch_path%%3Dtest%d", number);
		pg_server_url(&store_server, text, store->url, sizeof(store->url));
	}
	*state = store;
	store_open(store, NULL);
	return 0;
}

int store_teardown(void **state)
{
	struct store *store = *state;
	char *arguments[] = {"/bin/rm", "-rf", store->dir, NULL};
	pid_t pid;

	store_close(store);
	tr_loop_destroy(store->loop);
	pid = fork();
	if (pid == 0) {
		execv(arguments[0], arguments);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	tr_free(store);
	return 0;
}

void store_open(struct store *store, const struct tr_db_options *options)
{
	struct tr_db_options plain = {.url = store->url};
	struct tr_error error;

	store->db = tr_db_open(store->loop, options ? options : &plain, &error);
	if (!store->db) {
		fail_msg("open: %s", error.text);
	}
}

void store_close(struct store *store)
{
	tr_db_close(store->db);
	store->db = NULL;
}

void outcome_callback(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct outcome *outcome = arg;
	struct tr_str text;

	outcome->calls++;
	outcome->failed = error != NULL;
	if (error) {
		outcome->error = *error;
		return;
	}
	outcome->rows = tr_db_rows(result, 0);
	if (outcome->rows > 0) {
		outcome->number = tr_db_int(result, 0, 0, 0);
		text = tr_db_text(result, 0, 0, 0);
		snprintf(outcome->text, sizeof(outcome->text), "%.*s", TR_STR_ARG(text));
	}
}

void store_wait(struct store *store)
{
	uint64_t end = tr_clock_mono_ms() + WAIT_MS;

	while (tr_db_pending(store->db) > 0) {
		assert_true(tr_clock_mono_ms() < end);
		tr_loop_turn(store->loop, true);
	}
}

struct outcome store_run(struct store *store, struct tr_db_batch *batch)
{
	struct outcome outcome = {0};

	tr_db_submit_take(batch, outcome_callback, &outcome);
	assert_int_equal(outcome.calls, 0);
	store_wait(store);
	assert_int_equal(outcome.calls, 1);
	return outcome;
}

void store_script(struct store *store, const char *script)
{
	struct tr_db_batch *batch = tr_db_batch_create(store->db);
	struct outcome outcome;

	tr_db_batch_add_script(batch, script);
	outcome = store_run(store, batch);
	if (outcome.failed) {
		fail_msg("%s", outcome.error.text);
	}
}

int64_t store_query(struct store *store, const char *sql)
{
	struct tr_db_batch *batch = tr_db_batch_create(store->db);
	struct outcome outcome;

	tr_db_batch_add_script(batch, sql);
	outcome = store_run(store, batch);
	if (outcome.failed) {
		fail_msg("%s", outcome.error.text);
	}
	assert_true(outcome.rows > 0);
	return outcome.number;
}
