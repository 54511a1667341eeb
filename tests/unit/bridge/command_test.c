/* SPDX-License-Identifier: Apache-2.0 */
/* The bot's management room: made when it is needed or by invitation, what can be said there and by
 * whom; and notices to people. */
#include "tests/unit/bridge/world_helper.h"

static const char invite_direct[] = "{\"membership\":\"invite\",\"is_direct\":true}";

/* A management room of that user. */
static void open_management(struct world *world, const char *user, const char *room)
{
	char *id = tr_asprintf("$invite-%s", room);
	char *notice = tr_asprintf("%s @bot:hs m.notice This is Fake net", room);
	world_member(world, room, user, "join");
	world_member(world, room, "@bot:hs", "invite");
	world_push(world, id, "m.room.member", room, user, "@bot:hs", invite_direct);
	world_expect(world, &world->sent, notice);
	tr_free(notice);
	tr_free(id);
}

static void bot_follows_an_invitation_and_answers(void **state)
{
	struct world *world = *state;
	world_start(world);
	open_management(world, "@alice:hs", "!m:hs");
	world_say(world, "$1", "!m:hs", "@alice:hs", "!echo hello there");
	world_expect(world, &world->sent, "!m:hs @bot:hs m.notice echo hello\n");
	world_say(world, "$2", "!m:hs", "@alice:hs", "!echo");
	world_expect(world, &world->sent, "It is written: !echo word\n");
}

static void help_lists_what_the_person_may_do(void **state)
{
	struct world *world = *state;
	world_start(world);
	open_management(world, "@alice:hs", "!m:hs");
	world_say(world, "$1", "!m:hs", "@alice:hs", "!help");
	world_expect(world, &world->sent, "!echo word - Says the word again.");
	world_expect(world, &world->sent, "!status - ");
	assert_int_equal(world_count(&world->sent, "!rule"), 0);
	open_management(world, "@admin:hs", "!a:hs");
	world_say(world, "$2", "!a:hs", "@admin:hs", "!help");
	world_expect(world, &world->sent, "!rule word - Rules.");
}

static void command_above_the_level_is_refused(void **state)
{
	struct world *world = *state;
	world_start(world);
	open_management(world, "@alice:hs", "!m:hs");
	world_say(world, "$1", "!m:hs", "@alice:hs", "!rule all");
	world_expect(world, &world->sent, "You do not have permission to do that.\n");
	assert_int_equal(world_count(&world->sent, "echo all"), 0);
	open_management(world, "@admin:hs", "!a:hs");
	world_say(world, "$2", "!a:hs", "@admin:hs", "!rule all");
	world_expect(world, &world->sent, "!a:hs @bot:hs m.notice echo all\n");
}

static void command_with_a_control_character_is_not_run(void **state)
{
	static const char *const hostile[] = {
		"!echo a\rb", "!echo a\tb", "!echo \x01x", "!echo a\n\rQUIT", "!echo a\x7f"};
	struct world *world = *state;
	world_start(world);
	open_management(world, "@alice:hs", "!m:hs");
	for (size_t i = 0; i < TR_ARRAY_LEN(hostile); i++) {
		char *id = tr_asprintf("$%zu", i);
		world_say(world, id, "!m:hs", "@alice:hs", hostile[i]);
		tr_free(id);
	}
	world_say(world, "$last", "!m:hs", "@alice:hs", "!echo end\nQUIT");
	world_expect(world, &world->sent, "echo end\n");
	assert_int_equal(world_count(&world->sent, "echo "), 1);
	assert_int_equal(
		world_count(&world->sent, "has a control character"), TR_ARRAY_LEN(hostile));
}

static void unknown_command_is_said_to_be_so(void **state)
{
	struct world *world = *state;
	world_start(world);
	open_management(world, "@alice:hs", "!m:hs");
	world_say(world, "$1", "!m:hs", "@alice:hs", "!nonsense");
	world_say(world, "$2", "!m:hs", "@alice:hs", "hello bot");
	world_say(world, "$3", "!m:hs", "@alice:hs", "!status");
	world_expect(world, &world->sent, "the fake network is connected\n");
	assert_int_equal(world_count(&world->sent, "was not recognised"), 2);
}

static void only_the_person_of_the_room_gives_commands(void **state)
{
	struct world *world = *state;
	world_start(world);
	open_management(world, "@alice:hs", "!m:hs");
	world_say(world, "$1", "!m:hs", "@admin:hs", "!echo intruder");
	world_say(world, "$2", "!m:hs", "@alice:hs", "!echo owner");
	world_expect(world, &world->sent, "echo owner\n");
	assert_int_equal(world_count(&world->sent, "echo intruder"), 0);
}

static void command_in_a_mapped_room_is_just_a_message(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_say(world, "$1", "!mapped:hs", "@admin:hs", "!rule all");
	world_expect(world, &world->ops, "message @admin:hs #chan !rule all\n");
	assert_int_equal(world_count(&world->sent, "echo all"), 0);
}

static const struct tr_json *sent_with(const struct world *world, const char *text)
{
	const struct tr_json *event = tr_json_first(world->events);
	for (; event != NULL; event = tr_json_next(event)) {
		const struct tr_json *content = tr_json_get(event, "content");
		if (tr_str_find(tr_json_get_str(content, "body"), tr_str_from(text)) >= 0) {
			return content;
		}
	}
	return NULL;
}

static void help_is_a_list_in_html_and_answers_the_command(void **state)
{
	struct world *world = *state;
	world_start(world);
	open_management(world, "@admin:hs", "!a:hs");
	world_say(world, "$1", "!a:hs", "@admin:hs", "!help");
	world_expect(world, &world->sent, "!rule word - Rules.");
	const struct tr_json *content = sent_with(world, "!rule word");
	struct tr_str html = tr_json_get_str(content, "formatted_body");
	assert_true(
		tr_str_find(html, TR_STR("<li><strong>!rule</strong> word - Rules.</li>")) >= 0);
	assert_true(tr_str_find(html, TR_STR("<p>Management:</p><ul><li><strong>!rule")) >= 0);
	assert_true(tr_str_eq_c(tr_json_str(tr_json_path(content, "m.relates_to", "m.in_reply_to",
					"event_id", NULL)),
		"$1"));
}

static void room_command_is_run_in_a_channels_room_and_not_said(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_say(world, "$1", "!mapped:hs", "@alice:hs", "!fake name Rose");
	world_expect(world, &world->sent, "!mapped:hs @bot:hs m.notice echo Rose\n");
	world_say(world, "$2", "!mapped:hs", "@alice:hs", "!fake name");
	world_expect(world, &world->sent, "It is written: !fake name word\n");
	/* Those of the management room are not for here, nor is nothing at all. */
	world_say(world, "$3", "!mapped:hs", "@alice:hs", "!fake echo loud");
	world_say(world, "$4", "!mapped:hs", "@alice:hs", "!FAKE");
	world_say(world, "$5", "!mapped:hs", "@alice:hs", "!fakes are talk");
	world_expect(world, &world->ops, "message @alice:hs #chan !fakes are talk\n");
	TURN_UNTIL(world->loop, world_count(&world->sent, "Command not known\n") >= 2);
	assert_int_equal(world_count(&world->sent, "Command not known\n"), 2);
	assert_int_equal(world_count(&world->ops, "!fake "), 0);
	assert_int_equal(world_count(&world->sent, "echo loud"), 0);
}

static void version_is_told(void **state)
{
	struct world *world = *state;
	world_start(world);
	open_management(world, "@alice:hs", "!m:hs");
	world_say(world, "$1", "!m:hs", "@alice:hs", "!bridgeversion");
	world_expect(world, &world->sent, "BridgeVersion: " TRESTLE_VERSION "\n");
}

static void notice_makes_the_management_room_once(void **state)
{
	struct world *world = *state;
	world_start(world);
	tr_bridge_tell_user(world->bridge, "@alice:hs", "the first");
	tr_bridge_tell_user(world->bridge, "@alice:hs", "the second");
	tr_bridge_tell_user(world->bridge, "@alice:hs", "the first");
	world_expect(world, &world->sent,
		"!made1:hs @bot:hs m.notice the first\n!made1:hs @bot:hs m.notice the second\n");
	assert_string_equal(world_membership(world, "!made1:hs", "@alice:hs"), "invite");
	assert_int_equal(world_count(&world->sent, "the first"), 1);
	struct tr_json *body = tr_json_parse(tr_str_from(world->last_create), NULL);
	assert_true(tr_str_eq_c(tr_json_get_str(body, "name"), "Fake net Fake Bridge status"));
	tr_json_free(body);
	/* It is remembered, and what is written there is a command. */
	world_stop(world);
	world_start(world);
	tr_bridge_tell_user(world->bridge, "@alice:hs", "the third");
	world_expect(world, &world->sent, "!made1:hs @bot:hs m.notice the third\n");
	world_say(world, "$1", "!made1:hs", "@alice:hs", "!echo here");
	world_expect(world, &world->sent, "!made1:hs @bot:hs m.notice echo here\n");
}

static void management_room_that_was_left_is_made_anew(void **state)
{
	struct world *world = *state;
	world_start(world);
	tr_bridge_tell_user(world->bridge, "@alice:hs", "one");
	world_expect(world, &world->sent, "one\n");
	world_push(world, "$l", "m.room.member", "!made1:hs", "@alice:hs", "@alice:hs",
		"{\"membership\":\"leave\"}");
	world_expect(world, &world->log, "leave @bot:hs !made1:hs");
	tr_bridge_tell_user(world->bridge, "@alice:hs", "two");
	world_expect(world, &world->sent, "!made2:hs @bot:hs m.notice two\n");
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(bot_follows_an_invitation_and_answers),
		WORLD_TEST(help_lists_what_the_person_may_do),
		WORLD_TEST(command_above_the_level_is_refused),
		WORLD_TEST(command_with_a_control_character_is_not_run),
		WORLD_TEST(unknown_command_is_said_to_be_so),
		WORLD_TEST(only_the_person_of_the_room_gives_commands),
		WORLD_TEST(command_in_a_mapped_room_is_just_a_message),
		WORLD_TEST(help_is_a_list_in_html_and_answers_the_command),
		WORLD_TEST(room_command_is_run_in_a_channels_room_and_not_said),
		WORLD_TEST(version_is_told),
		WORLD_TEST(notice_makes_the_management_room_once),
		WORLD_TEST(management_room_that_was_left_is_made_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
