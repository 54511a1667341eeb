/* SPDX-License-Identifier: Apache-2.0 */
/* A bridge between a small homeserver and a module that writes down what it gets: messages both
 * ways, what becomes of those that cannot be delivered, and what survives a restart. */
#include "tests/unit/bridge/world_helper.h"

#include "core/matrix/txn_id.h"

static void message_of_a_person_reaches_the_network_once(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_say(world, "$1", "!mapped:hs", "@alice:hs", "hello");
	world_expect(world, &world->ops, "message @alice:hs #chan hello\n");
	/* The same event in another transaction. */
	world_say(world, "$1", "!mapped:hs", "@alice:hs", "hello");
	world_say(world, "$2", "!mapped:hs", "@alice:hs", "bye");
	world_expect(world, &world->ops, "message @alice:hs #chan bye\n");
	assert_int_equal(world_count(&world->ops, "hello"), 1);
}

static void message_of_the_network_reaches_the_room_after_its_ghost(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "hi there");
	world_expect(world, &world->sent, "!mapped:hs @x_Ann:hs m.text hi there\n");
	assert_true(world->settled);
	ptrdiff_t registered = tr_str_find(tr_buf_str(&world->log), TR_STR("register x_Ann"));
	ptrdiff_t named = tr_str_find(tr_buf_str(&world->log), TR_STR("name @x_Ann:hs Ann"));
	ptrdiff_t joined =
		tr_str_find(tr_buf_str(&world->log), TR_STR("join @x_Ann:hs !mapped:hs"));
	assert_true(registered >= 0 && named > registered && joined > named);
	/* Known by then: nothing is asked again. */
	world_remote(world, world->portal, "Ann", "id2", "again");
	world_expect(world, &world->sent, "again\n");
	assert_int_equal(world_count(&world->log, "x_Ann"), 3);
}

static void message_of_the_network_said_again_is_sent_once(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "one");
	world_expect(world, &world->sent, "one\n");
	world_stop(world);
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "one");
	world_remote(world, world->portal, "Ann", "id2", "two");
	world_expect(world, &world->sent, "two\n");
	assert_int_equal(world_count(&world->sent, "one\n"), 1);
}

static void remote_text_pings_nobody(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "@room wake up");
	world_expect(world, &world->sent, "@room wake up\n");
	const struct tr_json *event = tr_json_first(world->events);
	const struct tr_json *mentions = tr_json_path(event, "content", "m.mentions", NULL);
	assert_non_null(mentions);
	assert_int_equal(tr_json_count(mentions), 0);
}

static void name_in_another_case_is_the_same_ghost_with_a_new_name(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "one");
	world_expect(world, &world->sent, "one\n");
	world_remote(world, world->portal, "ANN", "id2", "two");
	world_expect(world, &world->sent, "!mapped:hs @x_Ann:hs m.text two\n");
	world_expect(world, &world->log, "name @x_Ann:hs ANN\n");
}

static void refused_message_is_told_in_the_room_and_counted(void **state)
{
	struct world *world = *state;
	world->fate = FATE_REFUSE;
	world_start(world);
	world_say(world, "$1", "!mapped:hs", "@alice:hs", "hello");
	world_expect(world, &world->sent,
		"!mapped:hs @bot:hs m.notice Your message was not delivered: the network says no\n");
	struct tr_buf figures = TR_BUF_INIT(1 << 20);
	tr_metrics_print(world->metrics, &figures);
	assert_int_equal(world_count(&figures,
				 "trestle_messages_dead_total{direction=\"from_matrix\",reason="),
		1);
	tr_buf_finish(&figures);
}

static void encrypted_message_is_told_in_the_room(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_push(world, "$1", "m.room.encrypted", "!mapped:hs", "@alice:hs", NULL,
		"{\"algorithm\":\"m.megolm.v1.aes-sha2\",\"ciphertext\":\"x\"}");
	world_push(world, "$2", "m.room.encrypted", "!mapped:hs", "@alice:hs", NULL,
		"{\"algorithm\":\"m.megolm.v1.aes-sha2\",\"ciphertext\":\"y\"}");
	world_expect(
		world, &world->sent, "cannot read encrypted messages: they do not reach #Chan");
	world_say(world, "$3", "!mapped:hs", "@alice:hs", "in the clear");
	world_expect(world, &world->ops, "in the clear\n");
	assert_int_equal(world_count(&world->sent, "cannot read encrypted"), 1);
}

static void echo_of_our_own_message_closes_it(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "first");
	world_expect(world, &world->sent, "first\n");
	/* The next is taken but the answer is lost; the room cannot be searched either. */
	world->fail = "/send/";
	world->fail_status = 502;
	world->fail_count = 1000;
	world_remote(world, world->portal, "Ann", "id2", "second");
	TURN_UNTIL(world->loop, world->fail_count < 1000);
	const struct tr_str parts[] = {TR_STR("!mapped:hs"), TR_STR("id2")};
	char *key = tr_txn_id(parts, 2);
	char *content = tr_asprintf(
		"{\"msgtype\":\"m.text\",\"body\":\"second\",\"io.trestle.id\":\"%s\"}", key);
	world_push(world, "$echo", "m.room.message", "!mapped:hs", "@x_Ann:hs", NULL, content);
	world->fail = NULL;
	world_remote(world, world->portal, "Ann", "id3", "third");
	world_expect(world, &world->sent, "third\n");
	assert_int_equal(world_count(&world->sent, "second\n"), 0);
	assert_int_equal(world_count(&world->ops, "second"), 0);
	tr_free(content);
	tr_free(key);
}

static void unfinished_messages_go_on_after_a_restart(void **state)
{
	struct world *world = *state;
	world->fate = FATE_HOLD;
	world_start(world);
	world_say(world, "$1", "!mapped:hs", "@alice:hs", "held");
	world_expect(world, &world->ops, "message @alice:hs #chan held\n");
	world_stop(world);
	world->fate = FATE_DONE;
	world_start(world);
	world_expect(world, &world->ops, "message @alice:hs #chan held (again)\n");
}

static void drop_in_the_middle_loses_nothing(void **state)
{
	struct world *world = *state;
	world->fate = FATE_HOLD;
	world->fail = "/send/";
	world->fail_status = 503;
	world->fail_count = 1000000;
	world_start(world);
	world_say(world, "$1", "!mapped:hs", "@alice:hs", "from matrix");
	world_expect(world, &world->ops, "from matrix\n");
	world_remote(world, world->portal, "Ann", "id1", "to matrix");
	TURN_UNTIL(world->loop, world->settled);
	world_drop(world);
	world->fail = NULL;
	world->fate = FATE_DONE;
	world_start(world);
	world_expect(world, &world->ops, "from matrix (again)\n");
	world_expect(world, &world->sent, "to matrix\n");
}

static void ignore_start(void *arg, const struct tr_error *error)
{
	(void)arg;
	(void)error;
}

/* Ends at every turn of the start, and in the middle of a load, leave nothing behind. */
static void drop_at_any_moment_is_clean(void **state)
{
	struct world *world = *state;
	world->fate = FATE_HOLD;
	world_start(world);
	for (unsigned i = 0; i < 20; i++) {
		char *key = tr_asprintf("key%u", i);
		world_remote(world, world->portal, "Ann", key, "text");
		tr_free(key);
	}
	world_say(world, "$1", "!mapped:hs", "@alice:hs", "hello");
	world_drop(world);
	for (unsigned turns = 0; turns < 40; turns++) {
		world_begin(world, ignore_start, NULL);
		for (unsigned i = 0; i < turns; i++) {
			tr_loop_turn(world->loop, false);
			nap();
		}
		if (turns % 2 == 0) {
			tr_bridge_stop(world->bridge, 1000, ignore_start, NULL);
		}
		world_drop(world);
	}
	world->fate = FATE_DONE;
	world_start(world);
	world_expect(world, &world->ops, "hello (again)\n");
}

static void messages_of_one_person_follow_at_once_where_the_module_can(void **state)
{
	struct world *world = *state;
	world->capabilities = TR_CAN_PIPELINE;
	world->fate = FATE_HOLD;
	world_start(world);
	world_say(world, "$1", "!mapped:hs", "@alice:hs", "one");
	world_say(world, "$2", "!mapped:hs", "@alice:hs", "two");
	world_say(world, "$3", "!mapped:hs", "@bert:hs", "three");
	world_expect(world, &world->ops, "two\n");
	turn_for(world->loop, 20);
	assert_int_equal(world->held_count, 2);
	assert_int_equal(world_count(&world->ops, "three"), 0);
}

static void ghost_that_was_put_out_comes_back_to_speak(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "one");
	world_expect(world, &world->sent, "one\n");
	world_member(world, "!mapped:hs", "@x_Ann:hs", "leave");
	tr_json_set_bool(world->closed, "!mapped:hs", true);
	world_remote(world, world->portal, "Ann", "id2", "two");
	world_expect(world, &world->sent, "!mapped:hs @x_Ann:hs m.text two\n");
	assert_int_equal(world_count(&world->log, "invite @x_Ann:hs !mapped:hs"), 1);
}

static void bridge_state_is_set_in_the_mapped_room(void **state)
{
	struct world *world = *state;
	world_start(world);
	const char *key = "!mapped:hs uk.half-shot.bridge "
			  "org.matrix.appservice-fake:/fake.example/#chan";
	TURN_UNTIL(world->loop, tr_json_get(world->states, key) != NULL);
	const struct tr_json *content = tr_json_get(world->states, key);
	assert_true(
		tr_str_eq_c(tr_json_str(tr_json_path(content, "protocol", "id", NULL)), "fake"));
	assert_true(
		tr_str_eq_c(tr_json_str(tr_json_path(content, "channel", "id", NULL)), "#chan"));
	assert_true(tr_str_eq_c(tr_json_get_str(content, "bridgebot"), "@bot:hs"));
}

static void room_that_does_not_let_the_bot_in_is_waited_for(void **state)
{
	struct world *world = *state;
	tr_json_set_bool(world->closed, "!mapped:hs", true);
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "patience");
	turn_for(world->loop, 100);
	assert_int_equal(world_count(&world->sent, "patience"), 0);
	world_member(world, "!mapped:hs", "@bot:hs", "invite");
	world_push(world, "$i", "m.room.member", "!mapped:hs", "@admin:hs", "@bot:hs",
		"{\"membership\":\"invite\"}");
	world_expect(world, &world->sent, "!mapped:hs @x_Ann:hs m.text patience\n");
}

static void members_of_a_mapped_room_are_known(void **state)
{
	struct world *world = *state;
	const char *const *members;
	world_start(world);
	TURN_UNTIL(world->loop, tr_portal_matrix_members(world->portal, &members) == 1);
	(void)tr_portal_matrix_members(world->portal, &members);
	assert_string_equal(members[0], "@alice:hs");
	world_push(world, "$j", "m.room.member", "!mapped:hs", "@bert:hs", "@bert:hs",
		"{\"membership\":\"join\"}");
	assert_int_equal(tr_portal_matrix_members(world->portal, &members), 2);
	world_expect(world, &world->ops, "join @bert:hs by @bert:hs #chan \n");
}

static void message_with_the_type_of_a_state_event_changes_nothing(void **state)
{
	struct world *world = *state;
	const char *const *members;
	world_start(world);
	TURN_UNTIL(world->loop, tr_portal_matrix_members(world->portal, &members) == 1);
	world_push(world, "$j", "m.room.member", "!mapped:hs", "@alice:hs", NULL,
		"{\"membership\":\"leave\"}");
	world_say(world, "$2", "!mapped:hs", "@alice:hs", "still here");
	world_expect(world, &world->ops, "still here\n");
	assert_int_equal(world_count(&world->ops, "leave"), 0);
	assert_int_equal(tr_portal_matrix_members(world->portal, &members), 1);
}

static void known_callback(void *arg, const bool *known)
{
	bool *out = arg;
	assert_non_null(known);
	memcpy(out, known, 3 * sizeof(*known));
	out[3] = true;
}

static void known_messages_of_both_directions_are_told(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "one");
	world_say(world, "$1", "!mapped:hs", "@alice:hs", "hello");
	world_expect(world, &world->sent, "one\n");
	world_expect(world, &world->ops, "hello\n");
	world_stop(world);
	world_start(world);
	const struct tr_str ids[] = {TR_STR("id1"), TR_STR("id2"), TR_STR("remote-of-$1")};
	bool known[4] = {false};
	tr_bridge_known_messages(world->bridge, world->portal, ids, 3, known_callback, known);
	TURN_UNTIL(world->loop, known[3]);
	assert_true(known[0]);
	assert_false(known[1]);
	assert_true(known[2]);
}

static void bridge_is_ready_once_the_homeserver_has_answered(void **state)
{
	struct world *world = *state;
	struct tr_buf why = TR_BUF_INIT(1 << 20);
	world->fail = "/versions";
	world->fail_status = 503;
	world->fail_count = 1;
	world_start(world);
	assert_false(tr_bridge_ready(world->bridge, &why));
	assert_true(why.len > 0);
	tr_buf_clear(&why);
	TURN_UNTIL(world->loop, tr_bridge_ready(world->bridge, &why));
	tr_buf_finish(&why);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(message_of_a_person_reaches_the_network_once),
		WORLD_TEST(message_of_the_network_reaches_the_room_after_its_ghost),
		WORLD_TEST(message_of_the_network_said_again_is_sent_once),
		WORLD_TEST(remote_text_pings_nobody),
		WORLD_TEST(name_in_another_case_is_the_same_ghost_with_a_new_name),
		WORLD_TEST(refused_message_is_told_in_the_room_and_counted),
		WORLD_TEST(encrypted_message_is_told_in_the_room),
		WORLD_TEST(echo_of_our_own_message_closes_it),
		WORLD_TEST(unfinished_messages_go_on_after_a_restart),
		WORLD_TEST(drop_in_the_middle_loses_nothing),
		WORLD_TEST(drop_at_any_moment_is_clean),
		WORLD_TEST(messages_of_one_person_follow_at_once_where_the_module_can),
		WORLD_TEST(ghost_that_was_put_out_comes_back_to_speak),
		WORLD_TEST(bridge_state_is_set_in_the_mapped_room),
		WORLD_TEST(room_that_does_not_let_the_bot_in_is_waited_for),
		WORLD_TEST(members_of_a_mapped_room_are_known),
		WORLD_TEST(message_with_the_type_of_a_state_event_changes_nothing),
		WORLD_TEST(known_messages_of_both_directions_are_told),
		WORLD_TEST(bridge_is_ready_once_the_homeserver_has_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
