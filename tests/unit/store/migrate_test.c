/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations, on both backends. */
#include "core/store/migrate.h"

#include "core/base/alloc.h"
#include "tests/unit/store/store_helper.h"

#include <string.h>

/* A step that is run twice fails: the table is there already, the row is unique. */
static const struct tr_migration steps[] = {
	{1, "CREATE TABLE things(id {SERIAL}, name {TEXT} UNIQUE, size {BIGINT}, body {BLOB});"
	    "INSERT INTO things(name, size) VALUES('one; two', 1)"},
	{2, "CREATE INDEX things_size ON things(size) WHERE size > 0"},
	{3, "ALTER TABLE things ADD COLUMN note {TEXT}; UPDATE things SET note = 'three'"},
};

static const struct tr_migration broken_steps[] = {
	{1, "CREATE TABLE parts(id {BIGINT})"},
	{2, "INSERT INTO parts VALUES(1); INSERT INTO nowhere VALUES(1)"},
	{3, "INSERT INTO parts VALUES(3)"},
};

struct outcome_of_run {
	int calls;
	bool failed;
	struct tr_error error;
};

static void on_migrated(void *arg, const struct tr_error *error)
{
	struct outcome_of_run *outcome = arg;

	outcome->calls++;
	outcome->failed = error != NULL;
	if (error) {
		outcome->error = *error;
	}
}

static struct outcome_of_run migrate(struct store *store, const char *component,
	const struct tr_migration *migrations, size_t count)
{
	struct outcome_of_run outcome = {0};

	tr_migrate(store->db, component, migrations, count, on_migrated, &outcome);
	assert_int_equal(outcome.calls, 0);
	store_wait(store);
	assert_int_equal(outcome.calls, 1);
	return outcome;
}

static void steps_run_in_order_and_each_once(void **state)
{
	struct store *store = *state;
	size_t count;

	for (count = 0; count <= TR_ARRAY_LEN(steps); count++) {
		assert_false(migrate(store, "core", steps, count).failed);
		assert_false(migrate(store, "core", steps, count).failed);
		store_close(store);
		store_open(store, NULL);
	}
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM things "
					    "WHERE note = 'three' AND name = 'one; two'"),
		1);
	assert_int_equal(
		store_query(store, "SELECT version FROM trestle_schema WHERE component = 'core'"),
		3);
}

static void components_have_versions_of_their_own(void **state)
{
	struct store *store = *state;

	assert_false(migrate(store, "core", steps, 3).failed);
	assert_false(migrate(store, "irc", broken_steps, 1).failed);
	assert_int_equal(
		store_query(store, "SELECT version FROM trestle_schema WHERE component = 'irc'"),
		1);
	assert_int_equal(
		store_query(store, "SELECT version FROM trestle_schema WHERE component = 'core'"),
		3);
}

static void newer_schema_is_refused_with_both_versions(void **state)
{
	struct store *store = *state;
	struct outcome_of_run outcome;

	assert_false(migrate(store, "core", steps, 3).failed);
	store_script(store, "UPDATE trestle_schema SET version = 17 WHERE component = 'core'");
	outcome = migrate(store, "core", steps, 3);
	assert_true(outcome.failed);
	assert_int_equal(outcome.error.code, TR_E_UNSUPPORTED);
	assert_int_equal(outcome.error.cls, TR_CLASS_PERMANENT);
	assert_non_null(strstr(outcome.error.text, "version 17"));
	assert_non_null(strstr(outcome.error.text, "up to 3"));
	assert_int_equal(
		store_query(store, "SELECT version FROM trestle_schema WHERE component = 'core'"),
		17);
}

static void failing_step_is_undone_and_named(void **state)
{
	struct store *store = *state;
	struct outcome_of_run outcome = migrate(store, "parts", broken_steps, 3);

	assert_true(outcome.failed);
	assert_non_null(strstr(outcome.error.text, "parts"));
	assert_non_null(strstr(outcome.error.text, "version 2"));
	assert_non_null(strstr(outcome.error.text, "nowhere"));
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM parts"), 0);
	assert_int_equal(
		store_query(store, "SELECT version FROM trestle_schema WHERE component = 'parts'"),
		1);
}

/* As when the connection was lost right after the commit and the step was run again. */
static void step_that_took_effect_unheard_is_not_an_error(void **state)
{
	struct store *store = *state;
	struct outcome_of_run first = {0};
	struct outcome_of_run second = {0};

	tr_migrate(store->db, "core", steps, 3, on_migrated, &first);
	tr_migrate(store->db, "core", steps, 3, on_migrated, &second);
	store_wait(store);
	assert_int_equal(first.calls, 1);
	assert_int_equal(second.calls, 1);
	assert_false(first.failed);
	assert_false(second.failed);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM things"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TESTS(steps_run_in_order_and_each_once),
		STORE_TESTS(components_have_versions_of_their_own),
		STORE_TESTS(newer_schema_is_refused_with_both_versions),
		STORE_TESTS(failing_step_is_undone_and_named),
		STORE_TESTS(step_that_took_effect_unheard_is_not_an_error),
	};

	return cmocka_run_group_tests(tests, store_group_setup, store_group_teardown);
}
