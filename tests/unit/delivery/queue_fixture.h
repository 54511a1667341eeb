/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a scratch directory that can be closed and opened again, for the tests of both queues.
 */
#ifndef TRESTLE_TESTS_QUEUE_FIXTURE_H
#define TRESTLE_TESTS_QUEUE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/delivery/journal.h"
#include "core/delivery/schema.h"
#include "core/io/metrics.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
	struct tr_loop *loop;
	struct tr_metrics *metrics;
	struct tr_db *db;
	struct tr_journal *journal;
	char directory[64];
	char url[128];
	bool ready;
};

/* Of the tables, or of a queue that is opened. */
static void fixture_ready(void *arg, const struct tr_error *error)
{
	struct fixture *fixture = arg;
	assert_null(error);
	fixture->ready = true;
}

static void fixture_await(struct fixture *fixture)
{
	while (!fixture->ready) {
		tr_loop_turn(fixture->loop, true);
	}
	fixture->ready = false;
}

static void fixture_open(struct fixture *fixture)
{
	struct tr_error error;
	const struct tr_db_options options = {.url = fixture->url};
	fixture->db = tr_db_open(fixture->loop, &options, &error);
	assert_non_null(fixture->db);
	fixture->journal = tr_journal_create(fixture->loop, fixture->db);
	tr_migrate(fixture->db, "delivery", tr_delivery_migrations, tr_delivery_migration_count,
		fixture_ready, fixture);
	fixture_await(fixture);
}

static void fixture_close(struct fixture *fixture)
{
	tr_journal_destroy(fixture->journal);
	tr_db_close(fixture->db);
}

static void fixture_init(struct fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	fixture->loop = tr_loop_create();
	fixture->metrics = tr_metrics_create();
	strncpy(fixture->directory, "/tmp/trestle-queue-XXXXXX", sizeof(fixture->directory) - 1);
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(fixture->url, sizeof(fixture->url), "sqlite:%s/store.db", fixture->directory);
	fixture_open(fixture);
}

static void fixture_finish(struct fixture *fixture)
{
	static const char *const names[] = {
		"store.db", "store.db-wal", "store.db-shm", "store.db-lock", "store.db.lock"};
	char path[160];
	fixture_close(fixture);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", fixture->directory, names[i]);
		unlink(path);
	}
	rmdir(fixture->directory);
	tr_metrics_destroy(fixture->metrics);
	tr_loop_destroy(fixture->loop);
}

#endif
