/* SPDX-License-Identifier: Apache-2.0 */
/* Stores of earlier versions keep their rows when they are migrated. */
#include "bridges/irc/schema.h"

#include "core/delivery/schema.h"
#include "core/io/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct store {
	struct tr_loop *loop;
	struct tr_db *db;
	bool done;
	char text[64]; /* the first value of the last answer */
};

static void migrated(void *arg, const struct tr_error *error)
{
	struct store *store = arg;
	assert_null(error);
	store->done = true;
}

static void migrate(struct store *store, const char *component,
	const struct tr_migration *migrations, size_t count)
{
	store->done = false;
	tr_migrate(store->db, component, migrations, count, migrated, store);
	while (!store->done) {
		tr_loop_turn(store->loop, true);
	}
}

static void answered(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct store *store = arg;
	assert_null(error);
	store->text[0] = '\0';
	if (tr_db_rows(result, 0) > 0) {
		struct tr_str text = tr_db_text(result, 0, 0, 0);
		assert_true(text.len < sizeof(store->text));
		memcpy(store->text, text.ptr, text.len);
		store->text[text.len] = '\0';
	}
	store->done = true;
}

static const char *run(struct store *store, const struct tr_db_statement *statement)
{
	struct tr_db_batch *batch = tr_db_batch_create(store->db);
	tr_db_batch_add(batch, statement, NULL, 0);
	store->done = false;
	tr_db_submit_take(batch, answered, store);
	while (!store->done) {
		tr_loop_turn(store->loop, true);
	}
	return store->text;
}

static int open_store(void **state)
{
	static struct store store;
	const struct tr_db_options options = {.url = "sqlite::memory:"};
	struct tr_error error;
	store = (struct store){.loop = tr_loop_create()};
	store.db = tr_db_open(store.loop, &options, &error);
	*state = &store;
	return store.db == NULL;
}

static int close_store(void **state)
{
	struct store *store = *state;
	tr_db_close(store->db);
	tr_loop_destroy(store->loop);
	return 0;
}

static void message_that_was_cut_by_an_earlier_version_goes_on(void **state)
{
	static const struct tr_db_statement insert = {
		"INSERT INTO irc_progress(event_id, lines, width) VALUES ('$1', 2, 400)"};
	static const struct tr_db_statement select = {
		"SELECT event_id || ' ' || lines || ' ' || width || ' [' || said || ']' FROM "
		"irc_progress"};
	migrate(*state, "irc", tr_irc_migrations, 4);
	run(*state, &insert);
	migrate(*state, "irc", tr_irc_migrations, TR_IRC_MIGRATIONS);
	assert_string_equal(run(*state, &select), "$1 2 400 []");
}

static void messages_of_an_earlier_version_are_found_by_their_event(void **state)
{
	static const struct tr_db_statement insert = {
		"INSERT INTO message(room_id, remote_id, event_id, sender, ts) VALUES"
		" ('!r', 'id1', '$1', '@a:hs', 1)"};
	static const struct tr_db_statement select = {
		"SELECT remote_id FROM message INDEXED BY message_time WHERE ts = 1 AND event_id = '$1'"};
	migrate(*state, "delivery", tr_delivery_migrations, 1);
	run(*state, &insert);
	migrate(*state, "delivery", tr_delivery_migrations, tr_delivery_migration_count);
	assert_string_equal(run(*state, &select), "id1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)
	const struct CMUnitTest tests[] = {
		TEST(message_that_was_cut_by_an_earlier_version_goes_on),
		TEST(messages_of_an_earlier_version_are_found_by_their_event),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
