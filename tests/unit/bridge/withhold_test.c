/* SPDX-License-Identifier: Apache-2.0 */
/* Rooms whose members all have to be in the place: what waits, what is withheld, what is told. */
#include "core/bridge/protocol.h"
#include "tests/unit/bridge/world_helper.h"

static const char state_line[] =
	"state !mapped:hs org.matrix.appservice-fake.connection fake.example #chan\n";

static int setup_waiting(void **state, uint64_t wait_ms)
{
	int failed = world_setup(state);
	struct world *world = *state;
	world->requires_members = true;
	world->withhold_after_ms = wait_ms;
	world->missing = 2;
	world_start(world);
	return failed;
}

static int setup_long(void **state)
{
	return setup_waiting(state, 60000);
}

static int setup_short(void **state)
{
	return setup_waiting(state, 300);
}

static double withheld(struct world *world)
{
	return tr_metric_value(tr_metrics_get(world->metrics, TR_METRIC_COUNTER,
		"trestle_messages_withheld_total", "bridge=\"Fake net\"", ""));
}

static void messages_wait_until_all_are_there_and_keep_their_order(void **state)
{
	struct world *world = *state;
	world_remote(world, world->portal, "ann", "k1", "one");
	world_remote(world, world->portal, "ann", "k2", "two");
	TURN_UNTIL(world->loop, world->brought > 0);
	turn_for(world->loop, 100);
	assert_int_equal(world_count(&world->sent, "m.text"), 0);
	world->missing = 0;
	world_expect(world, &world->sent, "m.text one\n");
	world_expect(world, &world->sent, "m.text two\n");
	assert_int_equal(world_count(&world->sent, "m.notice"), 0);
	assert_int_equal((int)withheld(world), 0);
}

static void what_waited_too_long_is_withheld_counted_and_told_once(void **state)
{
	struct world *world = *state;
	world_remote(world, world->portal, "ann", "k1", "one");
	world_expect(world, &world->sent,
		"m.notice What is said in #Chan is not shown here now: it is shown only while");
	world_expect(world, &world->sent, "these are not: @bob:hs (asleep)");
	world_expect(world, &world->log, state_line);
	assert_int_equal((int)withheld(world), 1);
	world_remote(world, world->portal, "ann", "k2", "two");
	assert_int_equal((int)withheld(world), 2);
	world->missing = 0;
	world_expect(world, &world->sent, "m.notice What is said in #Chan is shown here again.");
	world_expect(world, &world->sent, "2 messages were not shown.");
	world_remote(world, world->portal, "ann", "k3", "three");
	world_expect(world, &world->sent, "m.text three\n");
	assert_int_equal(world_count(&world->sent, "m.text"), 1);
	assert_int_equal(world_count(&world->sent, "is not shown here now"), 1);
}

static void a_restart_keeps_what_waits_and_does_not_tell_again(void **state)
{
	struct world *world = *state;
	world_remote(world, world->portal, "ann", "k1", "one");
	world_expect(world, &world->log, state_line);
	world_expect(world, &world->sent, "is not shown here now");
	world_stop(world);
	tr_buf_clear(&world->sent);
	tr_buf_clear(&world->log);
	world_start(world);
	world_remote(world, world->portal, "ann", "k2", "two");
	TURN_UNTIL(world->loop, withheld(world) >= 2);
	assert_int_equal(world_count(&world->sent, "is not shown here now"), 0);
	world->missing = 0;
	world_expect(world, &world->sent, "is shown here again.");
	world_expect(world, &world->log, state_line);
}

static void the_end_of_the_bridge_while_messages_wait_leaves_nothing_behind(void **state)
{
	struct world *world = *state;
	world_remote(world, world->portal, "ann", "k1", "one");
	TURN_UNTIL(world->loop, world->brought > 0);
	world_drop(world);
	world->missing = 0;
	world_start(world);
	world_expect(world, &world->sent, "m.text one\n");
}

static void without_the_setting_nobody_is_asked(void **state)
{
	struct world *world = *state;
	world->requires_members = false;
	world_remote(world, world->portal, "ann", "k1", "one");
	world_expect(world, &world->sent, "m.text one\n");
	assert_int_equal(world->brought, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			messages_wait_until_all_are_there_and_keep_their_order, setup_long,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			what_waited_too_long_is_withheld_counted_and_told_once, setup_short,
			world_teardown),
		cmocka_unit_test_setup_teardown(a_restart_keeps_what_waits_and_does_not_tell_again,
			setup_short, world_teardown),
		cmocka_unit_test_setup_teardown(
			the_end_of_the_bridge_while_messages_wait_leaves_nothing_behind, setup_long,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			without_the_setting_nobody_is_asked, setup_long, world_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
