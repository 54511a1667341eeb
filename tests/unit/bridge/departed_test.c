/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix users who leave: the module hears of those who are in no room any more, and only of them.
 */
#include "core/bridge/protocol.h"
#include "tests/unit/bridge/world_helper.h"

static int setup(void **state)
{
	int failed = world_setup(state);
	struct world *world = *state;
	world->capabilities = TR_TAKES_HINTS | TR_CAN_DIRECT;
	world->departed_after_ms = 200;
	world_start(world);
	world_expect(world, &world->ops, "name @alice:hs \n"); /* the members are known */
	tr_portal_configure(world->bridge, TR_STR("#other"), "#other", "!other:hs");
	return failed;
}

static void move(struct world *world, const char *id, const char *room, const char *membership)
{
	char *content = tr_asprintf("{\"membership\": \"%s\"}", membership);
	world_push(world, id, "m.room.member", room, "@alice:hs", "@alice:hs", content);
	tr_free(content);
}

static void close_account(struct world *world, int status, const char *errcode)
{
	world->fail = "/profile/";
	world->fail_status = status;
	world->fail_errcode = errcode;
	world->fail_count = 1000;
}

static void who_has_left_everything_and_has_no_profile_is_gone_at_once(void **state)
{
	struct world *world = *state;
	move(world, "$1", "!other:hs", "join");
	close_account(world, 404, "M_NOT_FOUND");
	move(world, "$2", "!mapped:hs", "leave");
	world_expect(world, &world->ops, "leave @alice:hs");
	turn_for(world->loop, 50);
	assert_int_equal(world_count(&world->ops, "departed"), 0);
	move(world, "$3", "!other:hs", "leave");
	world_expect(world, &world->ops, "departed @alice:hs\n");
}

static void a_homeserver_that_says_so_is_believed(void **state)
{
	struct world *world = *state;
	close_account(world, 403, "M_USER_DEACTIVATED");
	move(world, "$1", "!mapped:hs", "leave");
	world_expect(world, &world->ops, "departed @alice:hs\n");
}

static void who_only_leaves_is_gone_when_he_does_not_come_back(void **state)
{
	struct world *world = *state;
	move(world, "$1", "!mapped:hs", "leave");
	world_expect(world, &world->ops, "leave @alice:hs");
	turn_for(world->loop, 50);
	assert_int_equal(world_count(&world->ops, "departed"), 0);
	world_expect(world, &world->ops, "departed @alice:hs\n");
}

static void who_comes_back_is_not(void **state)
{
	struct world *world = *state;
	move(world, "$1", "!mapped:hs", "leave");
	world_expect(world, &world->ops, "leave @alice:hs");
	move(world, "$2", "!other:hs", "join");
	turn_for(world->loop, 400);
	assert_int_equal(world_count(&world->ops, "departed"), 0);
}

static void who_has_a_direct_chat_left_is_not(void **state)
{
	struct world *world = *state;
	world_member(world, "!dm:hs", "@x_ann:hs", "invite");
	tr_portal_direct(world->bridge, TR_STR("ann"), "ann", "@alice:hs");
	world_remote(world, tr_portal_direct(world->bridge, TR_STR("ann"), "ann", "@alice:hs"),
		"ann", "k1", "psst");
	world_expect(world, &world->sent, "m.text psst\n");
	close_account(world, 404, "M_NOT_FOUND");
	move(world, "$1", "!mapped:hs", "leave");
	world_expect(world, &world->ops, "leave @alice:hs");
	turn_for(world->loop, 400);
	assert_int_equal(world_count(&world->ops, "departed"), 0);
}

static void the_end_of_the_bridge_meanwhile_leaves_nothing_behind(void **state)
{
	struct world *world = *state;
	move(world, "$1", "!mapped:hs", "leave");
	world_expect(world, &world->ops, "leave @alice:hs");
	world_drop(world);
	world_start(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			who_has_left_everything_and_has_no_profile_is_gone_at_once, setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			a_homeserver_that_says_so_is_believed, setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			who_only_leaves_is_gone_when_he_does_not_come_back, setup, world_teardown),
		cmocka_unit_test_setup_teardown(who_comes_back_is_not, setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			who_has_a_direct_chat_left_is_not, setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			the_end_of_the_bridge_meanwhile_leaves_nothing_behind, setup,
			world_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
