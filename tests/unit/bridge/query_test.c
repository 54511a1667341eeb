/* SPDX-License-Identifier: Apache-2.0 */
/* What the homeserver asks: users, aliases, third-party look-ups; and rooms made for channels. */
#include "tests/unit/bridge/world_helper.h"

struct opened {
	unsigned count;
	char room_id[64];
	struct tr_portal *portal;
};

static void opened(
	void *arg, struct tr_portal *portal, const char *room_id, const struct tr_error *error)
{
	struct opened *result = arg;
	assert_null(error);
	result->count++;
	result->portal = portal;
	(void)snprintf(result->room_id, sizeof(result->room_id), "%s", room_id);
}

static void unknown_user_does_not_exist(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_get(world, "/_matrix/app/v1/users/%40x_stranger%3Ahs");
	assert_int_equal(world->status, 404);
	world_remote(world, world->portal, "Ann", "id1", "hi");
	world_expect(world, &world->sent, "hi\n");
	world_get(world, "/_matrix/app/v1/users/%40x_Ann%3Ahs");
	assert_int_equal(world->status, 200);
	/* Nobody is made out from the letters of an id. */
	world_get(world, "/_matrix/app/v1/users/%40x_ann%3Ahs");
	assert_int_equal(world->status, 404);
}

static void alias_of_a_channel_makes_its_room(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_get(world, "/_matrix/app/v1/rooms/%23x_%23new%3Ahs");
	assert_int_equal(world->status, 200);
	assert_int_equal(world->rooms_made, 1);
	struct tr_json *body = tr_json_parse(tr_str_from(world->last_create), NULL);
	assert_true(tr_str_eq_c(tr_json_get_str(body, "room_alias_name"), "x_#new"));
	assert_true(tr_str_eq_c(tr_json_get_str(body, "name"), "#new"));
	assert_true(tr_str_eq_c(tr_json_get_str(body, "preset"), "public_chat"));
	assert_null(tr_json_get(body, "power_level_content_override"));
	tr_json_free(body);
	world_get(world, "/_matrix/app/v1/rooms/%23x_%23new%3Ahs");
	assert_int_equal(world->status, 200);
	assert_int_equal(world->rooms_made, 1);
	world_say(world, "$1", "!made1:hs", "@alice:hs", "hello");
	world_expect(world, &world->ops, "message @alice:hs #new hello\n");
}

static void alias_that_is_none_of_ours_is_not_found(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_get(world, "/_matrix/app/v1/rooms/%23y_%23new%3Ahs");
	assert_int_equal(world->status, 404);
	world_get(world, "/_matrix/app/v1/rooms/%23x_new%3Ahs");
	assert_int_equal(world->status, 404);
	world_get(world, "/_matrix/app/v1/rooms/%23x_%23new%3Aother");
	assert_int_equal(world->status, 404);
	assert_int_equal(world->rooms_made, 0);
}

static void callers_at_the_same_time_get_one_room(void **state)
{
	struct world *world = *state;
	struct opened one = {0};
	struct opened two = {0};
	world_start(world);
	tr_portal_open_channel(world->bridge, TR_STR("#new"), "#New", "@alice:hs", opened, &one);
	tr_portal_open_channel(world->bridge, TR_STR("#new"), "#New", "@bert:hs", opened, &two);
	assert_int_equal(one.count, 0);
	TURN_UNTIL(world->loop, one.count + two.count == 2);
	assert_int_equal(world->rooms_made, 1);
	assert_string_equal(one.room_id, two.room_id);
	assert_ptr_equal(one.portal, two.portal);
	assert_string_equal(world_membership(world, one.room_id, "@alice:hs"), "invite");
	world_expect(world, &world->log, "invite @bert:hs !made1:hs");
	tr_portal_open_channel(world->bridge, TR_STR("#new"), "#New", "@carl:hs", opened, &two);
	TURN_UNTIL(world->loop, two.count == 2);
	assert_string_equal(world_membership(world, one.room_id, "@carl:hs"), "invite");
}

static void channel_that_was_opened_is_remembered(void **state)
{
	struct world *world = *state;
	struct opened one = {0};
	world_start(world);
	tr_portal_open_channel(world->bridge, TR_STR("#new"), "#New", NULL, opened, &one);
	TURN_UNTIL(world->loop, one.count == 1);
	world_stop(world);
	world_start(world);
	struct tr_portal *portal = tr_portal_find(world->bridge, TR_STR("#new"), NULL);
	assert_non_null(portal);
	assert_string_equal(portal->name, "#New");
	assert_int_equal(portal->room_count, 1);
	assert_false(portal->configured);
	world_remote(world, portal, "Ann", "id1", "in the new one");
	world_expect(world, &world->sent, "!made1:hs @x_Ann:hs m.text in the new one\n");
}

static void third_party_protocol_has_all_that_is_required(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_get(world, "/_matrix/app/v1/thirdparty/protocol/fake");
	assert_int_equal(world->status, 200);
	struct tr_json *body = tr_json_parse(tr_buf_str(&world->answer), NULL);
	static const char *const required[] = {
		"user_fields", "location_fields", "icon", "field_types", "instances"};
	for (size_t i = 0; i < TR_ARRAY_LEN(required); i++) {
		assert_non_null(tr_json_get(body, required[i]));
	}
	tr_json_free(body);
	world_get(world, "/_matrix/app/v1/thirdparty/protocol/other");
	assert_int_equal(world->status, 404);
}

static void third_party_look_ups_find_channels_and_people(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "hi");
	world_expect(world, &world->sent, "hi\n");
	world_get(world, "/_matrix/app/v1/thirdparty/location/fake?channel=%23chan");
	world_expect(world, &world->answer, "\"alias\":\"#x_#chan:hs\"");
	world_get(world, "/_matrix/app/v1/thirdparty/location?alias=%23x_%23chan%3Ahs");
	world_expect(world, &world->answer, "\"channel\":\"#chan\"");
	world_get(world, "/_matrix/app/v1/thirdparty/user/fake?nick=ANN");
	world_expect(world, &world->answer, "\"userid\":\"@x_Ann:hs\"");
	world_get(world, "/_matrix/app/v1/thirdparty/user?userid=%40x_Ann%3Ahs");
	world_expect(world, &world->answer, "\"nick\":\"ann\"");
	world_get(world, "/_matrix/app/v1/thirdparty/user/fake?nick=nobody");
	assert_string_equal(tr_buf_c(&world->answer), "[]");
}

static void join(struct world *world, const char *id, const char *name)
{
	tr_bridge_remote_join(world->bridge, world->portal, tr_str_from(id), tr_str_from(name));
}

static void leave(struct world *world, const char *id, const char *name)
{
	tr_bridge_remote_leave(world->bridge, world->portal, tr_str_from(id), tr_str_from(name),
		TR_STR("gone home"));
}

static void ghosts_come_and_go_as_people_do(void **state)
{
	struct world *world = *state;
	world_start(world);
	join(world, "ann", "Ann");
	world_expect(world, &world->log, "join @x_Ann:hs !mapped:hs\n");
	leave(world, "ann", "Ann");
	world_expect(world, &world->log, "leave @x_Ann:hs !mapped:hs gone home\n");
}

static void join_and_leave_before_its_turn_are_nothing(void **state)
{
	struct world *world = *state;
	world_start(world);
	for (unsigned i = 0; i < 50; i++) {
		char *id = tr_asprintf("split%u", i);
		join(world, id, id);
		leave(world, id, id);
		tr_free(id);
	}
	join(world, "ann", "Ann");
	world_expect(world, &world->log, "join @x_Ann:hs !mapped:hs\n");
	assert_int_equal(world_count(&world->log, "split"), 0);
}

static void ghost_leaves_only_after_its_last_word(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "hi");
	world_expect(world, &world->sent, "hi\n");
	world->fail = "/send/";
	world->fail_status = 429;
	world->fail_errcode = "M_LIMIT_EXCEEDED";
	world->fail_count = 1;
	world_remote(world, world->portal, "Ann", "id2", "last word");
	leave(world, "ann", "Ann");
	world_expect(world, &world->log, "leave @x_Ann:hs !mapped:hs gone home\n");
	assert_int_equal(world_count(&world->sent, "last word\n"), 1);
	assert_int_equal(world_count(&world->log, "join @x_Ann:hs !mapped:hs\n"), 1);
}

static void puppet_that_was_kicked_is_kicked_by_the_bot(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_expect(world, &world->log, "join @bot:hs !mapped:hs\n");
	tr_bridge_remote_kick(world->bridge, world->portal, "@alice:hs", TR_STR("by Ann: spam"));
	world_expect(world, &world->log, "kick @alice:hs !mapped:hs by Ann: spam\n");
}

static void kick_of_a_ghost_reaches_the_network(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_remote(world, world->portal, "Ann", "id1", "hi");
	world_expect(world, &world->sent, "hi\n");
	world_push(world, "$k", "m.room.member", "!mapped:hs", "@alice:hs", "@x_Ann:hs",
		"{\"membership\":\"leave\",\"reason\":\"spam\"}");
	world_expect(world, &world->ops, "kick ann by @alice:hs #chan spam\n");
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

/* The transaction with this number, with an event of its own. */
static int push_numbered(struct world *world, unsigned number, const char *id)
{
	world->txn = number - 1;
	char *content = tr_asprintf("{\"msgtype\":\"m.text\",\"body\":\"%s\"}", id);
	world_push(world, id, "m.room.message", "!mapped:hs", "@alice:hs", NULL, content);
	tr_free(content);
	return world->status;
}

static void orphan_flush_refuses_the_first_transaction_and_one_that_went_back_once(void **state)
{
	struct world *world = *state;
	world->orphan_flush = true;
	world_start(world);
	assert_int_equal(push_numbered(world, 7, "$a"), 503);
	assert_int_equal(push_numbered(world, 7, "$a"), 200);
	assert_int_equal(push_numbered(world, 8, "$b"), 200);
	assert_int_equal(push_numbered(world, 1, "$c"), 503);
	assert_int_equal(push_numbered(world, 1, "$c"), 200);
	assert_int_equal(push_numbered(world, 2, "$d"), 200);
	world_expect(world, &world->ops,
		"message @alice:hs #chan $a\nmessage @alice:hs #chan $b\n"
		"message @alice:hs #chan $c\nmessage @alice:hs #chan $d\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(unknown_user_does_not_exist),
		WORLD_TEST(alias_of_a_channel_makes_its_room),
		WORLD_TEST(alias_that_is_none_of_ours_is_not_found),
		WORLD_TEST(callers_at_the_same_time_get_one_room),
		WORLD_TEST(channel_that_was_opened_is_remembered),
		WORLD_TEST(third_party_protocol_has_all_that_is_required),
		WORLD_TEST(third_party_look_ups_find_channels_and_people),
		WORLD_TEST(ghosts_come_and_go_as_people_do),
		WORLD_TEST(join_and_leave_before_its_turn_are_nothing),
		WORLD_TEST(ghost_leaves_only_after_its_last_word),
		WORLD_TEST(puppet_that_was_kicked_is_kicked_by_the_bot),
		WORLD_TEST(kick_of_a_ghost_reaches_the_network),
		WORLD_TEST(orphan_flush_refuses_the_first_transaction_and_one_that_went_back_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
