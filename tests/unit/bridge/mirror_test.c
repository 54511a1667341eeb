/* SPDX-License-Identifier: Apache-2.0 */
/* What the network says of a place gets into its rooms, through faults and kills. */
#include "core/bridge/bridge_internal.h"
#include "tests/unit/bridge/world_helper.h"

#define LEVELS "!mapped:hs m.room.power_levels "

static void set_levels(struct world *world, const char *levels)
{
	tr_json_set_take(world->states, LEVELS, tr_json_parse(tr_str_from(levels), NULL));
}

static void usual_levels(struct world *world)
{
	set_levels(world, "{\"users\":{\"@bot:hs\":100},\"events\":{\"m.room.power_levels\":100}}");
}

static int64_t level_of(const struct world *world, const char *user_id)
{
	int64_t level = -1;
	(void)tr_json_get_int(tr_json_path(world->states, LEVELS, "users", NULL), user_id, &level);
	return level;
}

static void wait_for_level(struct world *world, const char *user_id, int64_t level)
{
	while (level_of(world, user_id) != level) {
		tr_loop_turn(world->loop, true);
	}
}

/* `count` people p0 .. with this level, and one Matrix user who may be NULL. */
static void tell(struct world *world, size_t count, int64_t level, const char *user_id)
{
	struct tr_remote_rank *ranks = tr_alloc_array(count + 1, sizeof(*ranks));
	char **names = tr_alloc_array(count + 1, sizeof(*names));
	for (size_t i = 0; i < count; i++) {
		names[i] = tr_asprintf("p%zu", i);
		ranks[i] = (struct tr_remote_rank){
			tr_str_from(names[i]), tr_str_from(names[i]), NULL, level};
	}
	ranks[count] = (struct tr_remote_rank){.user_id = user_id, .level = level};
	const struct tr_remote_state state = {
		.ranks = ranks, .rank_count = count + (user_id != NULL)};
	tr_bridge_remote_state(world->bridge, world->portal, &state);
	for (size_t i = 0; i < count; i++) {
		tr_free(names[i]);
	}
	tr_free(names);
	tr_free(ranks);
}

static size_t writes(const struct world *world)
{
	return world_count(&world->log, "state " LEVELS);
}

static void nothing(void *arg)
{
	(void)arg;
}

/* Long enough for whatever was begun. */
static void settle(struct world *world)
{
	uint64_t until = tr_clock_mono_ms() + 300;
	struct tr_timer *timer = tr_timer_create(world->loop, nothing, NULL);
	while (tr_clock_mono_ms() < until) {
		tr_timer_start(timer, 10);
		tr_loop_turn(world->loop, true);
	}
	tr_timer_destroy(timer);
}

static void ranks_are_written_together_and_once(void **state)
{
	struct world *world = *state;
	world_start(world);
	usual_levels(world);
	tell(world, 3, 50, "@u:hs");
	wait_for_level(world, "@u:hs", 50);
	assert_int_equal(level_of(world, "@x_p0:hs"), 50);
	tell(world, 3, 50, "@u:hs");
	settle(world);
	assert_int_equal(writes(world), 1);
}

static void restart_asks_nothing_and_remembers_everything(void **state)
{
	struct world *world = *state;
	world_start(world);
	usual_levels(world);
	tell(world, 2, 50, "@u:hs");
	wait_for_level(world, "@u:hs", 50);
	settle(world);
	world_drop(world);
	world_start(world);
	tell(world, 2, 50, "@u:hs");
	settle(world);
	assert_int_equal(writes(world), 1);
	tell(world, 0, 0, NULL);
	wait_for_level(world, "@u:hs", -1);
	assert_int_equal(level_of(world, "@x_p0:hs"), -1);
	assert_int_equal(writes(world), 2);
}

static void event_that_is_too_large_leaves_out_who_is_absent(void **state)
{
	struct world *world = *state;
	world_start(world);
	usual_levels(world);
	world_member(world, "!mapped:hs", "@u:hs", "join");
	world_push(world, "$in", "m.room.member", "!mapped:hs", "@u:hs", "@u:hs",
		"{\"membership\":\"join\"}");
	world->fail = "state/m.room.power_levels";
	world->fail_method = "PUT";
	world->fail_status = 413;
	world->fail_errcode = "M_TOO_LARGE";
	world->fail_count = 1;
	tell(world, 50, 50, "@u:hs");
	wait_for_level(world, "@u:hs", 50);
	assert_int_equal(level_of(world, "@x_p0:hs"), -1);
	settle(world);
	assert_int_equal(writes(world), 1);
	world->fail_count = 1000; /* and one that is always too large is given up */
	tell(world, 60, 40, "@u:hs");
	settle(world);
	unsigned asked = world->fail_count;
	settle(world);
	assert_int_equal(world->fail_count, asked);
	assert_int_equal(level_of(world, "@u:hs"), 50);
}

static void homeserver_in_trouble_is_asked_again(void **state)
{
	struct world *world = *state;
	world_start(world);
	usual_levels(world);
	world->fail = "m.room.power_levels";
	world->fail_status = 502;
	world->fail_count = 2;
	tell(world, 1, 50, NULL);
	wait_for_level(world, "@x_p0:hs", 50);
}

static void raised(void *arg, const struct tr_error *error)
{
	assert_null(error);
	*(bool *)arg = true;
}

static void ghost_that_must_be_raised_and_a_rank_do_not_undo_each_other(void **state)
{
	struct world *world = *state;
	bool done[20] = {false};
	world_start(world);
	set_levels(world, "{\"users\":{\"@bot:hs\":100},\"events_default\":10,"
			  "\"events\":{\"m.room.power_levels\":100}}");
	tell(world, 3, 50, "@u:hs");
	for (size_t i = 0; i < TR_ARRAY_LEN(done); i++) {
		char *nick = tr_asprintf("g%zu", i);
		struct tr_ghost *ghost =
			tr_ghost_open(world->bridge, tr_str_from(nick), tr_str_from(nick));
		tr_power_ensure(
			world->bridge, ghost, "!mapped:hs", "m.room.message", raised, &done[i]);
		while (i % 4 == 0 && !done[i]) {
			tr_loop_turn(world->loop, true);
		}
		tr_free(nick);
	}
	wait_for_level(world, "@u:hs", 50);
	settle(world);
	assert_int_equal(level_of(world, "@x_p2:hs"), 50);
	for (size_t i = 0; i < TR_ARRAY_LEN(done); i++) {
		char *mxid = tr_asprintf("@x_g%zu:hs", i);
		assert_true(done[i]);
		assert_int_equal(level_of(world, mxid), 10);
		tr_free(mxid);
	}
}

static void end_in_the_middle_of_a_change_is_clean(void **state)
{
	struct world *world = *state;
	world_start(world);
	usual_levels(world);
	tell(world, 3, 50, "@u:hs");
	while (tr_map_count(&world->bridge->power_locks) == 0) {
		tr_loop_turn(world->loop, true);
	}
	tell(world, 2, 50, NULL);
	world_drop(world);
}

#define MIRROR_TEST(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MIRROR_TEST(ranks_are_written_together_and_once),
		MIRROR_TEST(restart_asks_nothing_and_remembers_everything),
		MIRROR_TEST(event_that_is_too_large_leaves_out_who_is_absent),
		MIRROR_TEST(homeserver_in_trouble_is_asked_again),
		MIRROR_TEST(ghost_that_must_be_raised_and_a_rank_do_not_undo_each_other),
		MIRROR_TEST(end_in_the_middle_of_a_change_is_clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
