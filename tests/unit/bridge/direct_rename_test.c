/* SPDX-License-Identifier: Apache-2.0 */
/* Direct chats whose person has another name: what follows, in memory, in the store, in Matrix. */
#include "tests/unit/bridge/world_helper.h"

static int setup(void **state)
{
	(void)world_setup(state);
	struct world *world = *state;
	world->capabilities = TR_CAN_DIRECT;
	return 0;
}

static struct tr_portal *chat_with(struct world *world, const char *id, const char *name)
{
	return tr_portal_direct(world->bridge, tr_str_from(id), name, "@alice:hs");
}

static void set_state(struct world *world, const char *key, const char *content)
{
	tr_json_set_take(world->states, key, tr_json_parse(tr_str_from(content), NULL));
}

static const char *name_of(const struct world *world, const char *room)
{
	char *key = tr_asprintf("%s m.room.name ", room);
	struct tr_str name = tr_json_get_str(tr_json_get(world->states, key), "name");
	tr_free(key);
	return name.ptr ? name.ptr : "";
}

/* A chat with Ann in !made1:hs, as the homeserver makes it. */
static struct tr_portal *begin_chat(struct world *world)
{
	world_start(world);
	struct tr_portal *chat = chat_with(world, "ann", "Ann");
	world_remote(world, chat, "Ann", "pm1", "psst");
	world_expect(world, &world->sent, "!made1:hs @x_Ann:hs m.text psst\n");
	char *name = tr_asprintf("{\"name\":\"Ann (PM on %s)\"}", tr_bridge_name(world->bridge));
	set_state(world, "!made1:hs m.room.name ", name);
	set_state(world, "!made1:hs m.room.power_levels ",
		"{\"users\":{\"@x_Ann:hs\":100},\"events\":{\"m.room.power_levels\":100}}");
	tr_free(name);
	return chat;
}

static void chat_goes_on_under_the_new_name(void **state)
{
	struct world *world = *state;
	struct tr_portal *chat = begin_chat(world);
	tr_portal_rename(chat, TR_STR("anna"), "Anna");
	world_expect(world, &world->log, "invite @x_Anna:hs !made1:hs");
	world_expect(world, &world->log, "leave @x_Ann:hs !made1:hs Is known as Anna now\n");
	assert_string_equal(world_membership(world, "!made1:hs", "@x_Anna:hs"), "join");
	assert_true(tr_str_starts(tr_str_from(name_of(world, "!made1:hs")), TR_STR("Anna (PM on")));
	const struct tr_json *levels = tr_json_get(world->states, "!made1:hs m.room.power_levels ");
	int64_t level = 0;
	assert_true(tr_json_get_int(tr_json_get(levels, "users"), "@x_Anna:hs", &level));
	assert_int_equal(level, 100);
	world_say(world, "$1", "!made1:hs", "@alice:hs", "still there");
	world_expect(world, &world->ops, "message @alice:hs anna still there\n");
	world_remote(world, chat_with(world, "anna", "Anna"), "Anna", "pm2", "yes");
	world_expect(world, &world->sent, "!made1:hs @x_Anna:hs m.text yes\n");
	assert_int_equal(world->rooms_made, 1);
}

static void what_is_said_at_once_comes_into_the_same_room(void **state)
{
	struct world *world = *state;
	tr_portal_rename(begin_chat(world), TR_STR("anna"), "Anna");
	world_remote(world, chat_with(world, "anna", "Anna"), "Anna", "pm2", "it is me");
	world_expect(world, &world->sent, "!made1:hs @x_Anna:hs m.text it is me\n");
	assert_int_equal(world->rooms_made, 1);
}

static void stranger_under_the_old_name_has_a_chat_of_his_own(void **state)
{
	struct world *world = *state;
	struct tr_portal *chat = begin_chat(world);
	tr_portal_rename(chat, TR_STR("anna"), "Anna");
	struct tr_portal *other = chat_with(world, "ann", "Ann");
	assert_ptr_not_equal(other, chat);
	assert_string_not_equal(other->lane, chat->lane);
	world_remote(world, other, "Ann", "pm1", "who are you");
	world_expect(world, &world->sent, "!made2:hs @x_Ann:hs m.text who are you\n");
	world_stop(world);
	world_start(world);
	assert_string_equal(
		tr_portal_of_room(world->bridge, TR_STR("!made1:hs"))->remote_id, "anna");
	assert_string_equal(
		tr_portal_of_room(world->bridge, TR_STR("!made2:hs"))->remote_id, "ann");
	assert_int_equal(world->rooms_made, 2);
}

static void what_waited_before_is_said_by_the_old_ghost(void **state)
{
	struct world *world = *state;
	struct tr_portal *chat = begin_chat(world);
	world->fail = "/send/";
	world->fail_status = 503;
	world->fail_count = 1000000;
	world_remote(world, chat, "Ann", "pm2", "before");
	TURN_UNTIL(world->loop, world->fail_count < 1000000);
	tr_portal_rename(chat, TR_STR("anna"), "Anna");
	world_remote(world, chat_with(world, "anna", "Anna"), "Anna", "pm3", "after");
	world_expect(world, &world->log, "join @x_Anna:hs !made1:hs");
	world_drop(world); /* and a crash in between */
	world->fail = NULL;
	world_start(world);
	world_expect(world, &world->sent,
		"!made1:hs @x_Ann:hs m.text before\n!made1:hs @x_Anna:hs m.text after\n");
	world_expect(world, &world->log, "leave @x_Ann:hs !made1:hs Is known as Anna now\n");
	assert_int_equal(world->rooms_made, 1);
}

/* Each request of the way fails until the process dies; the next life ends what was begun. */
static void crash_at_any_step_is_made_good(void **state)
{
	static const char *const steps[] = {
		"/invite", "/join/", "m.room.power_levels", "m.room.name", "m.bridge", "/leave"};
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LEN(steps); i++) {
		void *own = NULL;
		(void)setup(&own);
		struct world *world = own;
		struct tr_portal *chat = begin_chat(world);
		world->fail = steps[i];
		world->fail_status = 503;
		world->fail_count = 1000000;
		tr_portal_rename(chat, TR_STR("anna"), "Anna");
		TURN_UNTIL(world->loop, world->fail_count < 1000000);
		world_drop(world);
		world->fail = NULL;
		world_start(world);
		world_expect(
			world, &world->log, "leave @x_Ann:hs !made1:hs Is known as Anna now\n");
		assert_string_equal(world_membership(world, "!made1:hs", "@x_Anna:hs"), "join");
		assert_true(tr_str_starts(
			tr_str_from(name_of(world, "!made1:hs")), TR_STR("Anna (PM on")));
		world_stop(world);
		world_start(world); /* nothing is left to do */
		size_t left = world_count(&world->log, "leave @x_Ann:hs");
		assert_int_equal(left, 1);
		(void)world_teardown(&own);
	}
}

static void chat_that_is_there_already_becomes_one_with_it(void **state)
{
	struct world *world = *state;
	struct tr_portal *chat = begin_chat(world);
	world_remote(world, chat_with(world, "anna", "Anna"), "Anna", "pm9", "from earlier");
	world_expect(world, &world->sent, "!made2:hs @x_Anna:hs m.text from earlier\n");
	tr_portal_rename(chat, TR_STR("anna"), "Anna");
	world_expect(world, &world->log, "leave @x_Ann:hs !made1:hs Is known as Anna now\n");
	for (int life = 0; life < 2; life++) {
		const char *number = life ? "b" : "a";
		char *event = tr_asprintf("$%s1", number);
		char *other = tr_asprintf("$%s2", number);
		char *key = tr_asprintf("pm3%s", number);
		char *text = tr_asprintf("!made1:hs @x_Anna:hs m.text yes %s\n", number);
		world_say(world, event, "!made1:hs", "@alice:hs", "one");
		world_expect(world, &world->ops, "message @alice:hs anna one\n");
		world_say(world, other, "!made2:hs", "@alice:hs", "two");
		world_expect(world, &world->ops, "message @alice:hs anna two\n");
		char *yes = tr_asprintf("yes %s", number);
		world_remote(world, chat_with(world, "anna", "Anna"), "Anna", key, yes);
		world_expect(world, &world->sent, text);
		assert_int_equal(world_count(&world->log, "leave @x_Anna:hs"), 0);
		world_stop(world);
		world_start(world);
		tr_free(event);
		tr_free(other);
		tr_free(key);
		tr_free(text);
		tr_free(yes);
	}
	assert_int_equal(world->rooms_made, 2);
}

static void there_and_back_again_ends_where_it_began(void **state)
{
	struct world *world = *state;
	struct tr_portal *chat = begin_chat(world);
	tr_portal_rename(chat, TR_STR("anna"), "Anna");
	tr_portal_rename(chat, TR_STR("ann"), "Ann");
	tr_portal_rename(chat, TR_STR("anne"), "Anne");
	tr_portal_rename(chat, TR_STR("ann"), "Ann");
	world_remote(world, chat_with(world, "ann", "Ann"), "Ann", "pm2", "here again");
	world_expect(world, &world->sent, "!made1:hs @x_Ann:hs m.text here again\n");
	assert_string_equal(world_membership(world, "!made1:hs", "@x_Ann:hs"), "join");
	world_stop(world);
	world_start(world);
	assert_string_equal(
		tr_portal_of_room(world->bridge, TR_STR("!made1:hs"))->remote_id, "ann");
	world_remote(world, chat_with(world, "ann", "Ann"), "Ann", "pm3", "and again");
	world_expect(world, &world->sent, "!made1:hs @x_Ann:hs m.text and again\n");
	assert_int_equal(world->rooms_made, 1);
}

static void room_named_by_a_person_keeps_its_name(void **state)
{
	struct world *world = *state;
	struct tr_portal *chat = begin_chat(world);
	set_state(world, "!made1:hs m.room.name ", "{\"name\":\"My room\"}");
	tr_portal_rename(chat, TR_STR("anna"), "Anna");
	world_expect(world, &world->log, "leave @x_Ann:hs !made1:hs Is known as Anna now\n");
	assert_string_equal(name_of(world, "!made1:hs"), "My room");
}

static void chat_without_a_room_takes_what_waits_along(void **state)
{
	struct world *world = *state;
	world->fail = "/createRoom";
	world->fail_status = 503;
	world->fail_count = 1000000;
	world_start(world);
	struct tr_portal *chat = chat_with(world, "ann", "Ann");
	world_remote(world, chat, "Ann", "pm1", "psst");
	TURN_UNTIL(world->loop, world->fail_count < 1000000);
	tr_portal_rename(chat, TR_STR("anna"), "Anna");
	world_remote(world, chat_with(world, "anna", "Anna"), "Anna", "pm2", "hello");
	world_stop(world);
	world->fail = NULL;
	world_start(world);
	world_expect(world, &world->sent, "!made1:hs @x_Anna:hs m.text hello\n");
	assert_int_equal(world_count(&world->sent, "!made1:hs @x_Ann:hs m.text psst\n"), 1);
	assert_int_equal(world->rooms_made, 1);
}

int main(void)
{
#define RENAME_TEST(f) cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		RENAME_TEST(chat_goes_on_under_the_new_name),
		RENAME_TEST(what_is_said_at_once_comes_into_the_same_room),
		RENAME_TEST(stranger_under_the_old_name_has_a_chat_of_his_own),
		RENAME_TEST(what_waited_before_is_said_by_the_old_ghost),
		cmocka_unit_test(crash_at_any_step_is_made_good),
		RENAME_TEST(chat_that_is_there_already_becomes_one_with_it),
		RENAME_TEST(there_and_back_again_ends_where_it_began),
		RENAME_TEST(room_named_by_a_person_keeps_its_name),
		RENAME_TEST(chat_without_a_room_takes_what_waits_along),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
