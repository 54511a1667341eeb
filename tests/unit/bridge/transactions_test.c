/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a transaction while the store does not answer. */
#include "tests/unit/bridge/world_helper.h"

#include <sqlite3.h>

/* Somebody else (a backup, a shell) keeps the store from writing. */
static sqlite3 *lock_store(const struct world *world)
{
	sqlite3 *other = NULL;
	const char *path = world->database + strlen("sqlite:");
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return other;
}

static void unlock_store(sqlite3 *other)
{
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

static void push(struct world *world, const char *id, const char *text)
{
	char *content = tr_asprintf("{\"msgtype\":\"m.text\",\"body\":\"%s\"}", text);
	world_push(world, id, "m.room.message", "!mapped:hs", "@alice:hs", NULL, content);
	tr_free(content);
}

static void wait_for_pings(struct world *world, unsigned count)
{
	while (world->pings < count) {
		tr_loop_turn(world->loop, true);
	}
}

static void held_transaction_is_answered_in_time_and_the_homeserver_called_back(void **state)
{
	struct world *world = *state;
	world->hold_ms = 100;
	world_start(world);
	wait_for_pings(world, 1);
	sqlite3 *other = lock_store(world);
	push(world, "$1", "hello");
	assert_int_equal(world->status, 503);
	assert_int_equal(world_count(&world->ops, "hello"), 0);
	unlock_store(other);
	/* It was on its way into the store all the same. */
	world_expect(world, &world->ops, "message @alice:hs #chan hello\n");
	wait_for_pings(world, 2);
	world->txn--;
	world_say(world, "$1", "!mapped:hs", "@alice:hs", "hello");
	assert_int_equal(world->status, 200);
	world_say(world, "$2", "!mapped:hs", "@alice:hs", "bye");
	world_expect(world, &world->ops, "message @alice:hs #chan bye\n");
	assert_int_equal(world_count(&world->ops, "hello"), 1);
}

static void transaction_held_for_a_moment_is_answered_200(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_say(world, "$1", "!mapped:hs", "@alice:hs", "one");
	world_say(world, "$2", "!mapped:hs", "@alice:hs", "two");
	assert_int_equal(world->status, 200);
	assert_true(world->pings <= 1);
}

static void end_while_a_transaction_is_held_is_clean(void **state)
{
	struct world *world = *state;
	world->hold_ms = 50;
	world_start(world);
	sqlite3 *other = lock_store(world);
	push(world, "$1", "hello");
	assert_int_equal(world->status, 503);
	unlock_store(other);
	world_drop(world);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(held_transaction_is_answered_in_time_and_the_homeserver_called_back),
		WORLD_TEST(transaction_held_for_a_moment_is_answered_200),
		WORLD_TEST(end_while_a_transaction_is_held_is_clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
