/* SPDX-License-Identifier: Apache-2.0 */
/* Ghosts that may not speak are raised, together, by the bot, where it may. */
#include "core/bridge/bridge_internal.h"
#include "tests/unit/bridge/world_helper.h"

#define LEVELS "!mapped:hs m.room.power_levels "

struct outcome {
	bool came;
	bool failed;
	struct tr_error error;
};

static void ended(void *arg, const struct tr_error *error)
{
	struct outcome *outcome = arg;
	assert_false(outcome->came);
	outcome->came = true;
	outcome->failed = error != NULL;
	if (error != NULL) {
		outcome->error = *error;
	}
}

static void set_levels(struct world *world, const char *room, const char *levels)
{
	char *key = tr_asprintf("%s m.room.power_levels ", room);
	tr_json_set_take(world->states, key, tr_json_parse(tr_str_from(levels), NULL));
	tr_free(key);
}

static int64_t level_of(struct world *world, const char *room, const char *user_id)
{
	char *key = tr_asprintf("%s m.room.power_levels ", room);
	int64_t level = -1;
	(void)tr_json_get_int(tr_json_path(world->states, key, "users", NULL), user_id, &level);
	tr_free(key);
	return level;
}

static void ensure(struct world *world, const char *nick, const char *room, const char *type,
	struct outcome *outcome)
{
	struct tr_ghost *ghost = tr_ghost_open(world->bridge, tr_str_from(nick), tr_str_from(nick));
	tr_power_ensure(world->bridge, ghost, room, type, ended, outcome);
	assert_false(outcome->came);
}

static void wait_for(struct world *world, const struct outcome *outcome)
{
	while (!outcome->came) {
		tr_loop_turn(world->loop, true);
	}
}

static void ghosts_that_wait_for_the_same_room_are_raised_together(void **state)
{
	struct world *world = *state;
	struct outcome outcomes[4] = {{0}};
	world_start(world);
	set_levels(world, "!mapped:hs",
		"{\"users\":{\"@bot:hs\":100,\"@boss:hs\":100,\"@x_low:hs\":-5},"
		"\"events_default\":25,\"ban\":60}");
	ensure(world, "one", "!mapped:hs", "m.room.message", &outcomes[0]);
	ensure(world, "two", "!mapped:hs", "m.room.message", &outcomes[1]);
	ensure(world, "low", "!mapped:hs", "m.room.message", &outcomes[2]);
	ensure(world, "two", "!mapped:hs", "m.reaction", &outcomes[3]);
	for (size_t i = 0; i < TR_ARRAY_LEN(outcomes); i++) {
		wait_for(world, &outcomes[i]);
		assert_false(outcomes[i].failed);
	}
	/* The first alone, then all who came meanwhile. */
	assert_int_equal(world_count(&world->log, "state " LEVELS), 2);
	assert_int_equal(level_of(world, "!mapped:hs", "@x_one:hs"), 25);
	assert_int_equal(level_of(world, "!mapped:hs", "@x_two:hs"), 25);
	assert_int_equal(level_of(world, "!mapped:hs", "@x_low:hs"), 25);
	assert_int_equal(level_of(world, "!mapped:hs", "@boss:hs"), 100);
	int64_t ban = 0;
	assert_true(tr_json_get_int(tr_json_get(world->states, LEVELS), "ban", &ban));
	assert_int_equal(ban, 60);
}

static void nothing_is_written_where_nobody_lacks_power(void **state)
{
	struct world *world = *state;
	struct outcome plain = {0};
	struct outcome none = {0};
	world_start(world);
	set_levels(world, "!mapped:hs", "{\"users\":{\"@x_one:hs\":50},\"events_default\":50}");
	ensure(world, "one", "!mapped:hs", "m.room.message", &plain);
	ensure(world, "one", "!other:hs", "m.room.message", &none);
	wait_for(world, &plain);
	wait_for(world, &none);
	assert_false(plain.failed);
	assert_false(none.failed);
	assert_int_equal(world_count(&world->log, "m.room.power_levels"), 0);
}

static void bot_without_the_power_says_what_can_be_done(void **state)
{
	struct world *world = *state;
	struct outcome outcome = {0};
	world_start(world);
	set_levels(world, "!mapped:hs", "{\"users\":{\"@bot:hs\":50},\"events_default\":75}");
	ensure(world, "one", "!mapped:hs", "m.room.message", &outcome);
	wait_for(world, &outcome);
	assert_true(outcome.failed);
	assert_int_equal(outcome.error.cls, TR_CLASS_DENIED);
	assert_non_null(strstr(outcome.error.text, "takes power 75"));
	assert_int_equal(world_count(&world->log, "m.room.power_levels"), 0);
}

static void creators_are_not_written_into_the_levels(void **state)
{
	struct world *world = *state;
	struct outcome creator = {0};
	struct outcome other = {0};
	world_start(world);
	set_levels(world, "!hash", "{\"users\":{},\"events_default\":50}");
	tr_json_set_take(world->states, "!hash m.room.create ",
		tr_json_parse(TR_STR("{\"sender\":\"@x_one:hs\",\"content\":{"
				     "\"additional_creators\":[\"@bot:hs\"]}}"),
			NULL));
	ensure(world, "one", "!hash", "m.room.message", &creator);
	wait_for(world, &creator);
	assert_false(creator.failed);
	assert_int_equal(world_count(&world->log, "m.room.power_levels"), 0);
	ensure(world, "two", "!hash", "m.room.message", &other);
	wait_for(world, &other);
	assert_false(other.failed);
	assert_int_equal(level_of(world, "!hash", "@x_two:hs"), 50);
	assert_int_equal(level_of(world, "!hash", "@x_one:hs"), -1);
}

static void failure_to_write_is_the_answer_and_the_next_try_is_free(void **state)
{
	struct world *world = *state;
	struct outcome first = {0};
	struct outcome second = {0};
	world_start(world);
	set_levels(world, "!mapped:hs", "{\"users\":{\"@bot:hs\":100},\"events_default\":25}");
	world->fail = "m.room.power_levels";
	world->fail_status = 502;
	world->fail_count = 1;
	ensure(world, "one", "!mapped:hs", "m.room.message", &first);
	wait_for(world, &first);
	assert_true(first.failed);
	assert_int_equal(first.error.cls, TR_CLASS_RETRY);
	ensure(world, "one", "!mapped:hs", "m.room.message", &second);
	wait_for(world, &second);
	assert_false(second.failed);
	assert_int_equal(level_of(world, "!mapped:hs", "@x_one:hs"), 25);
}

static void end_in_the_middle_of_a_repair_is_clean(void **state)
{
	struct world *world = *state;
	struct outcome outcomes[2] = {{0}};
	world_start(world);
	set_levels(world, "!mapped:hs", "{\"events_default\":25}");
	ensure(world, "one", "!mapped:hs", "m.room.message", &outcomes[0]);
	ensure(world, "two", "!mapped:hs", "m.room.message", &outcomes[1]);
	world_drop(world);
	assert_false(outcomes[0].came || outcomes[1].came);
}

#define POWER_TEST(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		POWER_TEST(ghosts_that_wait_for_the_same_room_are_raised_together),
		POWER_TEST(nothing_is_written_where_nobody_lacks_power),
		POWER_TEST(bot_without_the_power_says_what_can_be_done),
		POWER_TEST(creators_are_not_written_into_the_levels),
		POWER_TEST(failure_to_write_is_the_answer_and_the_next_try_is_free),
		POWER_TEST(end_in_the_middle_of_a_repair_is_clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
