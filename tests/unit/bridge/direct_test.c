/* SPDX-License-Identifier: Apache-2.0 */
/* Direct chats, both ways of beginning one, and invitations that are declined. */
#include "tests/unit/bridge/world_helper.h"

static const char invite_direct[] = "{\"membership\":\"invite\",\"is_direct\":true}";
static const char invite_plain[] = "{\"membership\":\"invite\"}";

static int setup(void **state)
{
	(void)world_setup(state);
	struct world *world = *state;
	world->capabilities = TR_CAN_DIRECT;
	return 0;
}

static struct tr_portal *open_direct(struct world *world)
{
	return tr_portal_direct(world->bridge, TR_STR("ann"), "Ann", "@alice:hs");
}

static void first_message_of_a_stranger_makes_the_room(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, open_direct(world), "Ann", "pm1", "psst");
	world_expect(world, &world->sent, "!made1:hs @x_Ann:hs m.text psst\n");
	assert_string_equal(world_membership(world, "!made1:hs", "@alice:hs"), "invite");
	struct tr_json *body = tr_json_parse(tr_str_from(world->last_create), NULL);
	assert_true(tr_json_get_bool(body, "is_direct", false));
	assert_true(tr_str_eq_c(tr_json_get_str(body, "preset"), "trusted_private_chat"));
	assert_true(tr_json_is_true(tr_json_path(body, "creation_content", "m.federate", NULL)));
	tr_json_free(body);
	world_remote(world, open_direct(world), "Ann", "pm2", "more");
	world_expect(world, &world->sent, "!made1:hs @x_Ann:hs m.text more\n");
	assert_int_equal(world->rooms_made, 1);
	world_say(world, "$1", "!made1:hs", "@alice:hs", "what is it");
	world_expect(world, &world->ops, "message @alice:hs ann what is it\n");
}

static void direct_chat_is_remembered(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, open_direct(world), "Ann", "pm1", "psst");
	world_expect(world, &world->sent, "psst\n");
	world_stop(world);
	world_start(world);
	assert_non_null(tr_portal_of_room(world->bridge, TR_STR("!made1:hs")));
	world_remote(world, open_direct(world), "Ann", "pm1", "psst");
	world_remote(world, open_direct(world), "Ann", "pm2", "more");
	world_expect(world, &world->sent, "more\n");
	assert_int_equal(world->rooms_made, 1);
	assert_int_equal(world_count(&world->sent, "psst\n"), 1);
}

static void message_waits_for_the_room_through_failures_and_restarts(void **state)
{
	struct world *world = *state;
	world->fail = "/createRoom";
	world->fail_status = 503;
	world->fail_count = 1000000;
	world_start(world);
	world_remote(world, open_direct(world), "Ann", "pm1", "psst");
	TURN_UNTIL(world->loop, world->fail_count < 1000000);
	world_stop(world);
	world->fail = NULL;
	world_start(world);
	world_expect(world, &world->sent, "!made1:hs @x_Ann:hs m.text psst\n");
	assert_int_equal(world->rooms_made, 1);
}

static void room_whose_answer_was_lost_is_found_again(void **state)
{
	struct world *world = *state;
	world->rooms_untold = 1;
	world_start(world);
	world_remote(world, open_direct(world), "Ann", "pm1", "psst");
	world_expect(world, &world->sent, "!made1:hs @x_Ann:hs m.text psst\n");
	assert_int_equal(world->rooms_made, 1);
	/* From now on there is no doubt: the next chat asks nothing. */
	size_t asked = world_count(&world->log, "joined_rooms\n");
	assert_int_equal(asked, 1);
	world_remote(world, tr_portal_direct(world->bridge, TR_STR("ann"), "Ann", "@bob:hs"), "Ann",
		"pm2", "hey bob");
	world_expect(world, &world->sent, "!made2:hs @x_Ann:hs m.text hey bob\n");
	assert_int_equal(world_count(&world->log, "joined_rooms\n"), asked);
}

static void room_made_in_an_earlier_life_is_found_again(void **state)
{
	struct world *world = *state;
	world->rooms_untold = 1;
	world_start(world);
	world_remote(world, open_direct(world), "Ann", "pm1", "psst");
	TURN_UNTIL(world->loop, world->rooms_made == 1);
	world->fail = "/joined_rooms"; /* so that this life cannot find out */
	world->fail_status = 503;
	world->fail_count = 1000000;
	world_drop(world);
	world->fail = NULL;
	world_start(world);
	world_expect(world, &world->sent, "!made1:hs @x_Ann:hs m.text psst\n");
	assert_int_equal(world->rooms_made, 1);
}

static void ghost_follows_an_invitation_to_a_direct_chat(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "hi");
	world_expect(world, &world->sent, "hi\n");
	tr_json_set_bool(world->closed, "!dm:hs", true);
	world_member(world, "!dm:hs", "@x_Ann:hs", "invite");
	world_push(world, "$i", "m.room.member", "!dm:hs", "@alice:hs", "@x_Ann:hs", invite_direct);
	/* Written before the ghost is in, and still in order. */
	world_say(world, "$1", "!dm:hs", "@alice:hs", "hello ann");
	world_say(world, "$2", "!dm:hs", "@alice:hs", "are you there");
	world_expect(world, &world->ops,
		"message @alice:hs ann hello ann\nmessage @alice:hs ann are you there\n");
	assert_string_equal(world_membership(world, "!dm:hs", "@x_Ann:hs"), "join");
	/* The answer comes into the same room. */
	world_remote(world, open_direct(world), "Ann", "pm1", "yes");
	world_expect(world, &world->sent, "!dm:hs @x_Ann:hs m.text yes\n");
}

static void person_nobody_has_seen_can_be_written_to(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_get(world, "/_matrix/app/v1/users/%40x_Bob%3Ahs");
	assert_int_equal(world->status, 200);
	world_expect(world, &world->log, "register x_Bob\nname @x_Bob:hs Bob\n");
	/* One person has one id. */
	world_get(world, "/_matrix/app/v1/users/%40x_bob%3Ahs");
	assert_int_equal(world->status, 404);
	world_get(world, "/_matrix/app/v1/users/%40x_no%20body%3Ahs");
	assert_int_equal(world->status, 404);
	world_get(world, "/_matrix/app/v1/users/%40y_Bob%3Ahs");
	assert_int_equal(world->status, 404);
	world_member(world, "!dm:hs", "@x_Bob:hs", "invite");
	world_push(world, "$i", "m.room.member", "!dm:hs", "@alice:hs", "@x_Bob:hs", invite_direct);
	world_say(world, "$1", "!dm:hs", "@alice:hs", "hello stranger");
	world_expect(world, &world->ops, "message @alice:hs bob hello stranger\n");
}

/* A homeserver pushes what is said once the ghost is in the room, and nothing before. */
static void what_was_said_before_the_ghost_came_is_read(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "hi");
	world_expect(world, &world->sent, "hi\n");
	world->history = tr_json_parse(
		TR_STR("[{\"event_id\":\"$3\",\"type\":\"m.room.message\",\"sender\":\"@alice:hs\","
		       "\"origin_server_ts\":1763735700000,"
		       "\"content\":{\"msgtype\":\"m.text\",\"body\":\"second\"}},"
		       "{\"event_id\":\"$2\",\"type\":\"m.room.message\",\"sender\":\"@alice:hs\","
		       "\"origin_server_ts\":1763735700000,"
		       "\"content\":{\"msgtype\":\"m.text\",\"body\":\"first\"}},"
		       "{\"event_id\":\"$i\",\"type\":\"m.room.member\",\"sender\":\"@alice:hs\","
		       "\"content\":{}},"
		       "{\"event_id\":\"$0\",\"type\":\"m.room.message\",\"sender\":\"@alice:hs\","
		       "\"origin_server_ts\":1763735700000,"
		       "\"content\":{\"msgtype\":\"m.text\",\"body\":\"to another\"}}]"),
		NULL);
	assert_non_null(world->history);
	world_member(world, "!dm:hs", "@x_Ann:hs", "invite");
	world_push(world, "$i", "m.room.member", "!dm:hs", "@alice:hs", "@x_Ann:hs", invite_direct);
	world_expect(
		world, &world->ops, "message @alice:hs ann first\nmessage @alice:hs ann second\n");
	/* One of them is pushed all the same. */
	world_say(world, "$3", "!dm:hs", "@alice:hs", "second");
	world_say(world, "$4", "!dm:hs", "@alice:hs", "third");
	world_expect(world, &world->ops, "third\n");
	assert_int_equal(world_count(&world->ops, "second\n"), 1);
	assert_int_equal(world_count(&world->ops, "to another"), 0);
}

static void ghost_declines_a_group(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "hi");
	world_expect(world, &world->sent, "hi\n");
	world_member(world, "!group:hs", "@x_Ann:hs", "invite");
	world_push(
		world, "$i", "m.room.member", "!group:hs", "@alice:hs", "@x_Ann:hs", invite_plain);
	world_expect(world, &world->log, "leave @x_Ann:hs !group:hs");
	assert_null(tr_portal_of_room(world->bridge, TR_STR("!group:hs")));
}

static void person_without_permission_is_declined(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_push(world, "$i", "m.room.member", "!dm:hs", "@nobody:hs", "@bot:hs", invite_direct);
	world_expect(world, &world->log, "leave @bot:hs !dm:hs You may not use this bridge");
}

static void person_who_left_is_asked_in_again(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, open_direct(world), "Ann", "pm1", "psst");
	world_expect(world, &world->sent, "psst\n");
	world_push(world, "$l", "m.room.member", "!made1:hs", "@alice:hs", "@alice:hs",
		"{\"membership\":\"leave\"}");
	world_remote(world, open_direct(world), "Ann", "pm2", "more");
	world_expect(world, &world->sent, "more\n");
	/* The message does not wait for it. */
	world_expect(world, &world->log, "invite @alice:hs !made1:hs");
	assert_int_equal(world_count(&world->log, "invite @alice:hs !made1:hs"), 1);
}

static void room_the_ghost_was_put_out_of_is_replaced(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, open_direct(world), "Ann", "pm1", "psst");
	world_expect(world, &world->sent, "psst\n");
	world_member(world, "!made1:hs", "@x_Ann:hs", "leave");
	world_remote(world, open_direct(world), "Ann", "pm2", "more");
	world_expect(world, &world->sent, "!made2:hs @x_Ann:hs m.text more\n");
}

static void dead_letter_of_a_direct_chat_is_told_by_the_ghost(void **state)
{
	struct world *world = *state;
	world->fate = FATE_REFUSE;
	world_start(world);
	world_remote(world, open_direct(world), "Ann", "pm1", "psst");
	world_expect(world, &world->sent, "psst\n");
	world_say(world, "$1", "!made1:hs", "@alice:hs", "hello");
	world_expect(world, &world->sent,
		"!made1:hs @x_Ann:hs m.notice Your message was not delivered: the network says no\n");
}

static void nobody_takes_part_in_the_chat_of_another(void **state)
{
	struct world *world = *state;
	world_start(world);
	struct tr_portal *one = open_direct(world);
	struct tr_portal *other = tr_portal_direct(world->bridge, TR_STR("ann"), "Ann", "@bert:hs");
	assert_ptr_not_equal(one, other);
	/* Made so that plain gluing of the two parts would be the same. */
	struct tr_portal *first =
		tr_portal_direct(world->bridge, TR_STR("x|@a:hs"), "x", "@b|c:hs");
	struct tr_portal *second = tr_portal_direct(world->bridge, TR_STR("c:hs|x"), "x", "@b:hs");
	assert_ptr_not_equal(first, second);
	world_remote(world, one, "Ann", "pm1", "for alice");
	world_remote(world, other, "Ann", "pm1", "for bert");
	world_expect(world, &world->sent, "for alice\n");
	world_expect(world, &world->sent, "for bert\n");
	assert_int_equal(world->rooms_made, 2);
}

#define DIRECT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DIRECT_TEST(first_message_of_a_stranger_makes_the_room),
		DIRECT_TEST(direct_chat_is_remembered),
		DIRECT_TEST(message_waits_for_the_room_through_failures_and_restarts),
		DIRECT_TEST(room_whose_answer_was_lost_is_found_again),
		DIRECT_TEST(room_made_in_an_earlier_life_is_found_again),
		DIRECT_TEST(ghost_follows_an_invitation_to_a_direct_chat),
		DIRECT_TEST(person_nobody_has_seen_can_be_written_to),
		DIRECT_TEST(what_was_said_before_the_ghost_came_is_read),
		DIRECT_TEST(ghost_declines_a_group),
		DIRECT_TEST(person_without_permission_is_declined),
		DIRECT_TEST(person_who_left_is_asked_in_again),
		DIRECT_TEST(room_the_ghost_was_put_out_of_is_replaced),
		DIRECT_TEST(dead_letter_of_a_direct_chat_is_told_by_the_ghost),
		DIRECT_TEST(nobody_takes_part_in_the_chat_of_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
