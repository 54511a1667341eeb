/* SPDX-License-Identifier: Apache-2.0 */
/* Several rooms of one place: copies, and what they answer or edit. */
#include "tests/unit/bridge/world_helper.h"

static const char first[] = "!mapped:hs";
static const char second[] = "!second:hs";

static void begin(struct world *world)
{
	world_start(world);
	tr_portal_configure(world->bridge, TR_STR("#chan"), "#Chan", second);
}

/* The content of what was sent with this body. */
static const struct tr_json *sent(struct world *world, const char *body)
{
	const struct tr_json *event = tr_json_first(world->events);
	for (; event != NULL; event = tr_json_next(event)) {
		const struct tr_json *content = tr_json_get(event, "content");
		if (tr_str_eq_c(tr_json_get_str(content, "body"), body)) {
			return content;
		}
	}
	fail_msg("%s was not sent", body);
	return NULL;
}

static struct tr_str answered(struct world *world, const char *body)
{
	return tr_json_str(
		tr_json_path(sent(world, body), "m.relates_to", "m.in_reply_to", "event_id", NULL));
}

static void copies_are_about_what_stands_in_their_room(void **state)
{
	struct world *world = *state;
	begin(world);
	world_say(world, "$1", first, "@alice:hs", "the question");
	world_expect(world, &world->sent, "!second:hs @x_m-alice:hs m.text the question\n");
	world_answer(world, "$2", first, "@bob:hs", "$1", "of the original");
	world_expect(world, &world->sent, "!second:hs @x_m-bob:hs m.text of the original\n");
	assert_true(tr_str_eq_c(answered(world, "of the original"), "$sent1"));
	world_edit(world, "$3", first, "@alice:hs", "$1", "the answer");
	world_expect(world, &world->sent, "!second:hs @x_m-alice:hs m.text * the answer\n");
	const struct tr_json *edited = sent(world, "* the answer");
	const struct tr_json *relates = tr_json_get(edited, "m.relates_to");
	assert_true(tr_str_eq_c(tr_json_get_str(relates, "rel_type"), "m.replace"));
	assert_true(tr_str_eq_c(tr_json_get_str(relates, "event_id"), "$sent1"));
	assert_true(tr_str_eq_c(
		tr_json_str(tr_json_path(edited, "m.new_content", "body", NULL)), "the answer"));
	world_push(world, "$sent1", "m.room.message", second, "@x_m-alice:hs", NULL,
		"{\"msgtype\":\"m.text\",\"body\":\"the question\"}");
	world_answer(world, "$4", second, "@bert:hs", "$sent1", "of the copy");
	world_expect(world, &world->sent, "!mapped:hs @x_m-bert:hs m.text of the copy\n");
	assert_true(tr_str_eq_c(answered(world, "of the copy"), "$1"));
}

static void what_is_not_known_there_is_no_relation(void **state)
{
	struct world *world = *state;
	begin(world);
	world_answer(world, "$1", first, "@bob:hs", "$nothing", "of nothing");
	world_edit(world, "$2", first, "@bob:hs", "$nothing", "anew");
	world_expect(world, &world->sent, "!second:hs @x_m-bob:hs m.text * anew\n");
	assert_null(tr_json_get(sent(world, "of nothing"), "m.relates_to"));
	assert_null(tr_json_get(sent(world, "* anew"), "m.relates_to"));
	assert_null(tr_json_get(sent(world, "* anew"), "m.new_content"));
}

static void notes_of_the_queue_cannot_be_forged(void **state)
{
	struct world *world = *state;
	begin(world);
	world_push(world, "$1", "m.room.message", first, "@bob:hs", NULL,
		"{\"msgtype\":\"m.text\",\"body\":\"hi\",\"io.trestle.reply_to\":\"x\","
		"\"io.trestle.relation\":{\"keys\":[\"x\"],\"event\":\"$elsewhere\"}}");
	world_expect(world, &world->sent, "!second:hs @x_m-bob:hs m.text hi\n");
	assert_null(tr_json_get(sent(world, "hi"), "m.relates_to"));
	assert_null(tr_json_get(sent(world, "hi"), "io.trestle.relation"));
}

int main(void)
{
#define SIBLING_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		SIBLING_TEST(copies_are_about_what_stands_in_their_room),
		SIBLING_TEST(what_is_not_known_there_is_no_relation),
		SIBLING_TEST(notes_of_the_queue_cannot_be_forged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
