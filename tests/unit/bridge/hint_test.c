/* SPDX-License-Identifier: Apache-2.0 */
/* What the module hears of the names and the presence of Matrix users. */
#include "core/bridge/protocol.h"
#include "tests/unit/bridge/world_helper.h"

static int setup(void **state)
{
	int failed = world_setup(state);
	struct world *world = *state;
	world->capabilities = TR_TAKES_HINTS;
	world_start(world);
	return failed;
}

static void member(struct world *world, const char *id, const char *content)
{
	world_push(world, id, "m.room.member", "!mapped:hs", "@alice:hs", "@alice:hs", content);
}

static void a_new_display_name_is_told_once_and_kept(void **state)
{
	struct world *world = *state;
	member(world, "$1", "{\"membership\": \"join\", \"displayname\": \"Alice\"}");
	world_expect(world, &world->ops, "name @alice:hs Alice\n");
	assert_string_equal(tr_bridge_display_name(world->bridge, "@alice:hs"), "Alice");
	member(world, "$2",
		"{\"membership\": \"join\", \"displayname\": \"Alice\", \"avatar_url\": \"mxc://a/b\"}");
	member(world, "$3", "{\"membership\": \"join\", \"displayname\": \"Al\"}");
	world_expect(world, &world->ops, "name @alice:hs Al\n");
	assert_int_equal(world_count(&world->ops, "name @alice:hs Alice\n"), 1);
	member(world, "$4", "{\"membership\": \"join\"}");
	world_expect(world, &world->ops, "name @alice:hs \n");
	assert_string_equal(tr_bridge_display_name(world->bridge, "@alice:hs"), "");
}

static void a_name_that_nobody_told_is_asked_for_and_answered_whatever_comes(void **state)
{
	struct world *world = *state;
	assert_null(tr_bridge_display_name(world->bridge, "@far:hs"));
	tr_bridge_ask_display_name(world->bridge, "@far:hs");
	tr_bridge_ask_display_name(world->bridge, "@far:hs");
	assert_int_equal(world_count(&world->ops, "name @far:hs"), 0);
	world_expect(world, &world->ops, "name @far:hs");
	assert_int_equal(world_count(&world->ops, "name @far:hs"), 1);
}

static void asking_when_the_bridge_ends_leaves_nothing_behind(void **state)
{
	struct world *world = *state;
	tr_bridge_ask_display_name(world->bridge, "@far:hs");
	world_drop(world);
	world_start(world);
}

static void presence_is_told_and_odd_events_are_not(void **state)
{
	struct world *world = *state;
	world_push_ephemeral(world, "m.presence", "@alice:hs", "{\"presence\": \"unavailable\"}");
	assert_int_equal(world->status, 200);
	world_expect(world, &world->ops, "presence @alice:hs 2\n");
	world_push_ephemeral(world, "m.presence", "@alice:hs", "{\"presence\": \"dancing\"}");
	world_push_ephemeral(world, "m.presence", "@x_ann:hs", "{\"presence\": \"online\"}");
	world_push_ephemeral(world, "m.typing", "@alice:hs", "{\"presence\": \"online\"}");
	world_push_ephemeral(world, "m.presence", "@alice:hs", "[\"online\"]");
	world_push_ephemeral(world, "m.presence", "@alice:hs", "{\"presence\": \"online\"}");
	world_expect(world, &world->ops, "presence @alice:hs 1\n");
	assert_int_equal(world_count(&world->ops, "presence "), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_new_display_name_is_told_once_and_kept, setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_name_that_nobody_told_is_asked_for_and_answered_whatever_comes, setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			asking_when_the_bridge_ends_leaves_nothing_behind, setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			presence_is_told_and_odd_events_are_not, setup, world_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
