/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the store share: a place for a fresh database of either backend, and ways to
 * run a batch and wait for it.
 */
#ifndef TRESTLE_TESTS_STORE_HELPER_H
#define TRESTLE_TESTS_STORE_HELPER_H

#include "core/store/db.h"
#include "tests/unit/store/pg_server_helper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The server of the program, started by store_group_setup(). */
extern struct pg_server store_server;

struct store {
	const char *backend; /* "sqlite" or "postgres" */
	char dir[64];
	char url[256];
	struct tr_loop *loop;
	struct tr_db *db;
};

/* Starts and ends the PostgreSQL server. */
int store_group_setup(void **state);
int store_group_teardown(void **state);
/* Of a test: the initial state is the backend's name, afterwards it is a struct store. */
int store_setup(void **state);
int store_teardown(void **state);

/* The same list for both backends. */
#define STORE_TESTS(name)                                                               \
 {"sqlite: " #name, name, store_setup, store_teardown, (void *)(uintptr_t) "sqlite"},   \
 {                                                                                      \
  "postgres: " #name, name, store_setup, store_teardown, (void *)(uintptr_t) "postgres" \
 }

void store_open(struct store *store, const struct tr_db_options *options);
void store_close(struct store *store);
/* Runs a script that must succeed. */
void store_script(struct store *store, const char *script);

/* What became of a batch. */
struct outcome {
	int calls;
	bool failed;
	struct tr_error error;
	size_t rows;    /* of the first statement */
	int64_t number; /* its first cell, when it has rows */
	char text[256];
};
/* A callback that fills an outcome. */
void outcome_callback(void *arg, const struct tr_db_result *result, const struct tr_error *error);
/* Submits and turns the loop until it was called back. */
struct outcome store_run(struct store *store, struct tr_db_batch *batch);
/* Turns the loop until nothing is pending; fails the test after 60 s. */
void store_wait(struct store *store);
/* The first cell of a query without parameters. */
int64_t store_query(struct store *store, const char *sql);

#endif
