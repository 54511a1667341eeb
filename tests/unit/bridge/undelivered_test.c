/* SPDX-License-Identifier: Apache-2.0 */
/* Who said something that cannot get to Matrix is told so: in few words, not too often, and never
 * because of a notice. */
#include "core/base/clock.h"
#include "core/bridge/protocol.h"
#include "tests/unit/bridge/world_helper.h"

static int setup(void **state)
{
	int failed = world_setup(state);
	struct world *world = *state;
	world->capabilities = TR_TELLS_UNDELIVERED;
	world_start(world);
	/* From now on nothing that is sent is taken. */
	world->fail = "/send/";
	world->fail_status = 413;
	world->fail_count = 1000;
	world->fail_errcode = "M_TOO_LARGE";
	return failed;
}

static void say(struct world *world, struct tr_portal *portal, const char *nick, const char *key,
	enum tr_message_kind kind)
{
	const struct tr_remote_message message = {
		.portal = portal,
		.sender = tr_str_from(nick),
		.sender_name = tr_str_from(nick),
		.remote_key = tr_str_from(key),
		.kind = kind,
		.text = TR_STR("hello"),
		.ts = WORLD_SAID_MS,
	};
	tr_bridge_message(world->bridge, &message, NULL, NULL);
}

static double dead(struct world *world)
{
	return tr_metric_value(tr_metrics_get(world->metrics, TR_METRIC_COUNTER,
		"trestle_messages_dead_total", "direction=\"to_matrix\",reason=\"too_big\"", ""));
}

static void wait_for_dead(struct world *world, double count)
{
	while (dead(world) < count) {
		tr_loop_turn(world->loop, true);
	}
}

static void one_message_is_told_with_its_time_place_and_reason(void **state)
{
	struct world *world = *state;
	say(world, world->portal, "ann", "k1", TR_MESSAGE_TEXT);
	world_expect(world, &world->ops,
		"told ann #Chan Your message of 14:35 UTC in #Chan could not be delivered to Matrix: "
		"send: the homeserver answered 413 M_TOO_LARGE: on purpose\n");
}

static void several_are_one_sentence_and_nobody_hears_of_another(void **state)
{
	struct world *world = *state;
	say(world, world->portal, "ann", "k1", TR_MESSAGE_TEXT);
	say(world, world->portal, "ann", "k2", TR_MESSAGE_EMOTE);
	say(world, world->portal, "bob", "k3", TR_MESSAGE_TEXT);
	say(world, world->portal, "ann", "k4", TR_MESSAGE_TEXT);
	world_expect(world, &world->ops, "told ann #Chan 3 of your messages since 14:35 UTC in");
	world_expect(world, &world->ops, "told bob #Chan Your message of 14:35 UTC in");
	assert_int_equal(world_count(&world->ops, "told "), 2);
}

static void the_copies_of_a_message_for_several_rooms_are_one_message(void **state)
{
	struct world *world = *state;
	tr_portal_configure(world->bridge, TR_STR("#chan"), "#Chan", "!second:hs");
	say(world, world->portal, "ann", "k1", TR_MESSAGE_TEXT);
	wait_for_dead(world, 2);
	world_expect(world, &world->ops, "told ann #Chan Your message of");
}

static void a_notice_is_never_answered(void **state)
{
	struct world *world = *state;
	say(world, world->portal, "service", "k1", TR_MESSAGE_NOTICE);
	wait_for_dead(world, 1);
	say(world, world->portal, "ann", "k2", TR_MESSAGE_TEXT);
	world_expect(world, &world->ops, "told ann");
	assert_int_equal(world_count(&world->ops, "told "), 1);
}

static void a_direct_chat_is_told_too(void **state)
{
	struct world *world = *state;
	world->fail_count = 0;
	struct tr_portal *direct =
		tr_portal_direct(world->bridge, TR_STR("ann"), "Ann", "@alice:hs");
	say(world, direct, "ann", "k1", TR_MESSAGE_TEXT);
	world_expect(world, &world->sent, "hello\n");
	world->fail_count = 1000;
	say(world, direct, "ann", "k2", TR_MESSAGE_TEXT);
	world_expect(world, &world->ops,
		"told ann Ann Your message of 14:35 UTC could not be delivered to Matrix: ");
}

static void the_same_person_hears_of_the_same_place_once_a_minute(void **state)
{
	struct world *world = *state;
	tr_clock_fake(WORLD_SAID_MS);
	say(world, world->portal, "ann", "k1", TR_MESSAGE_TEXT);
	wait_for_dead(world, 1);
	tr_clock_advance(1000);
	world_expect(world, &world->ops, "told ann #Chan Your message");
	say(world, world->portal, "ann", "k2", TR_MESSAGE_TEXT);
	say(world, world->portal, "ann", "k3", TR_MESSAGE_TEXT);
	wait_for_dead(world, 3);
	tr_clock_advance(59000);
	say(world, world->portal, "bob", "k4", TR_MESSAGE_TEXT);
	wait_for_dead(world, 4);
	tr_clock_advance(999);
	assert_int_equal(world_count(&world->ops, "told ann"), 1);
	tr_clock_advance(1);
	world_expect(world, &world->ops, "told ann #Chan 2 of your messages since");
	tr_clock_real();
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_message_is_told_with_its_time_place_and_reason),
		TEST(several_are_one_sentence_and_nobody_hears_of_another),
		TEST(the_copies_of_a_message_for_several_rooms_are_one_message),
		TEST(a_notice_is_never_answered),
		TEST(a_direct_chat_is_told_too),
		TEST(the_same_person_hears_of_the_same_place_once_a_minute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
