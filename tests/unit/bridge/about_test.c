/* SPDX-License-Identifier: Apache-2.0 */
/* What operations refer to: replies, edits, reactions and redactions; who may be shown what. */
#include "tests/unit/bridge/world_helper.h"

static const char room[] = "!mapped:hs";
static const char alice[] = "@alice:hs";
static const char bob[] = "@bob:hs";

static void react(struct world *world, const char *id, const char *sender, const char *target)
{
	char *content = tr_asprintf("{\"m.relates_to\":{\"rel_type\":\"m.annotation\","
				    "\"event_id\":\"%s\",\"key\":\"+1\"}}",
		target);
	world_push(world, id, "m.reaction", room, sender, NULL, content);
	tr_free(content);
}

static void redact(struct world *world, const char *id, const char *sender, const char *target)
{
	char *content = tr_asprintf("{\"redacts\":\"%s\",\"reason\":\"typo\"}", target);
	world_push(world, id, "m.room.redaction", room, sender, NULL, content);
	tr_free(content);
}

static void member(struct world *world, const char *id, const char *user, const char *membership)
{
	char *content = tr_asprintf("{\"membership\":\"%s\"}", membership);
	world_push(world, id, "m.room.member", room, user, user, content);
	tr_free(content);
}

static void reply_brings_what_it_answers(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_say(world, "$0", room, bob, "I am here");
	world_say(world, "$1", room, alice, "the question");
	world_answer(world, "$2", room, bob, "$1", "answer");
	world_expect(world, &world->about, "$2 reply $1 @alice:hs: the question [remote-of-$1]\n");
	world_expect(world, &world->ops, "message @bob:hs #chan answer\n");
	assert_int_equal(world_count(&world->log, "context"), 0);
}

static void reply_to_a_ghost_names_it(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_say(world, "$0", room, bob, "I am here");
	world_remote(world, world->portal, "Ann", "id1", "from afar");
	world_expect(world, &world->sent, "from afar\n");
	world_push(world, "$sent1", "m.room.message", room, "@x_Ann:hs", NULL,
		"{\"msgtype\":\"m.text\",\"body\":\"from afar\"}");
	world_answer(world, "$2", room, bob, "$sent1", "answer");
	world_expect(world, &world->about, "$2 reply $sent1 ann: from afar [id1]\n");
}

/* The names of the message become durable no earlier than the turn in which the reply starts. */
static void reply_that_waits_behind_its_message_knows_its_names(void **state)
{
	struct world *world = *state;
	const struct tr_str name = TR_STR("remote-of-$1");
	world_start(world);
	world_say(world, "$0", room, bob, "I am here");
	world_expect(world, &world->ops, "I am here\n");
	world->fate = FATE_HOLD;
	world_say(world, "$1", room, alice, "the question");
	TURN_UNTIL(world->loop, world->held_count == 1);
	world_answer(world, "$2", room, bob, "$1", "answer");
	world->fate = FATE_DONE;
	tr_op_done(world->held[--world->held_count], &name, 1, NULL, NULL);
	world_expect(world, &world->about, "$2 reply $1 @alice:hs: the question [remote-of-$1]\n");
}

static void reply_to_what_was_said_long_ago_asks_the_homeserver(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_knows(world, "$old", alice, "old words", bob);
	world_answer(world, "$2", room, bob, "$old", "answer");
	world_expect(world, &world->about, "$2 reply $old @alice:hs: old words\n");
	world_answer(world, "$3", room, bob, "$nothing", "answer");
	world_expect(world, &world->about, "$3 reply $nothing nobody: (not known)\n");
}

static void homeserver_that_cannot_say_now_is_asked_again(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_knows(world, "$old", alice, "old words", bob);
	world->fail = "/context/";
	world->fail_status = 503;
	world->fail_count = 2;
	world_answer(world, "$2", room, bob, "$old", "answer");
	world_expect(world, &world->about, "$2 reply $old @alice:hs: old words\n");
	assert_int_equal(world->fail_count, 0);
}

static void homeserver_that_never_says_holds_nothing_up(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_knows(world, "$old", alice, "old words", bob);
	world->fail = "/context/";
	world->fail_status = 503;
	world->fail_count = 1000000;
	world_answer(world, "$2", room, bob, "$old", "answer");
	world_say(world, "$3", room, bob, "and another");
	world_expect(world, &world->about, "$2 reply $old nobody: (not known)\n");
	world_expect(world, &world->ops, "message @bob:hs #chan and another\n");
	/* In between it may be stopped. */
	world_answer(world, "$4", room, bob, "$old", "answer");
	unsigned asked = world->fail_count;
	TURN_UNTIL(world->loop, world->fail_count < asked);
	world_drop(world);
	world->fail = NULL;
	world_start(world);
	world_expect(world, &world->about, "$4 reply $old @alice:hs: old words\n");
}

/* CVE-2024-32000, CVE-2024-39691: what was said before one came is not quoted through him. */
static void nobody_quotes_what_he_has_not_seen(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_say(world, "$1", room, alice, "a secret");
	world_knows(world, "$1", alice, "a secret", alice);
	member(world, "$m1", bob, "join");
	world_answer(world, "$2", room, bob, "$1", "answer");
	world_expect(world, &world->about, "$2 reply $1 @alice:hs: (not known)");
	world_expect(world, &world->ops, "message @bob:hs #chan answer\n");
	/* What is said from now on he sees; what is said while he is away again, he does not. */
	world_say(world, "$3", room, alice, "for all");
	world_answer(world, "$4", room, bob, "$3", "answer");
	world_expect(world, &world->about, "$4 reply $3 @alice:hs: for all");
	member(world, "$m2", bob, "leave");
	world_say(world, "$5", room, alice, "behind his back");
	world_edit(world, "$6", room, alice, "$3", "not for all");
	member(world, "$m3", bob, "join");
	world_answer(world, "$7", room, bob, "$5", "answer");
	world_expect(world, &world->about, "$7 reply $5 @alice:hs: (not known)");
	world_answer(world, "$8", room, bob, "$3", "answer");
	world_expect(world, &world->about, "$8 reply $3 @alice:hs: (not known)");
	assert_int_equal(world_count(&world->about, "secret"), 0);
	assert_int_equal(world_count(&world->about, "behind"), 0);
}

/* GHSA-c7hh-3v6c-fj4q: an event of another room is not known in this one. */
static void nothing_is_quoted_from_another_room(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_say(world, "$0", room, bob, "I am here");
	struct tr_portal *other =
		tr_portal_configure(world->bridge, TR_STR("#other"), "#other", "!other:hs");
	assert_non_null(other);
	world_say(world, "$1", "!other:hs", alice, "of the other room");
	world_expect(world, &world->ops, "of the other room\n");
	world_answer(world, "$2", room, bob, "$1", "answer");
	world_expect(world, &world->about, "$2 reply $1 nobody: (not known)");
	/* Nor when a homeserver says so. */
	world_knows(world, "$3", alice, "of no room of ours", bob);
	struct tr_json *event = (struct tr_json *)tr_json_path(world->known, "$3", "event", NULL);
	tr_json_set_c(event, "room_id", "!elsewhere:hs");
	world_answer(world, "$4", room, bob, "$3", "answer");
	world_expect(world, &world->about, "$4 reply $3 nobody: (not known)");
}

static void edit_brings_the_text_as_it_was(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_say(world, "$1", room, alice, "one");
	world_edit(world, "$2", room, alice, "$1", "two");
	world_expect(world, &world->about, "$2 edit $1 @alice:hs: one [remote-of-$1]\n");
	world_edit(world, "$3", room, alice, "$1", "three");
	world_expect(world, &world->about, "$3 edit $1 @alice:hs: two [");
	world_expect(world, &world->ops, "message @alice:hs #chan three\n");
	/* Not remembered here: the homeserver knows it. */
	world_knows(world, "$old", alice, "ages ago", NULL);
	world_edit(world, "$4", room, alice, "$old", "now");
	world_expect(world, &world->about, "$4 edit $old @alice:hs: ages ago\n");
}

static void edit_by_another_person_is_none(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_say(world, "$1", room, alice, "mine");
	world_edit(world, "$2", room, bob, "$1", "forged");
	world_say(world, "$3", room, bob, "after it");
	world_expect(world, &world->ops, "after it\n");
	assert_int_equal(world_count(&world->ops, "forged"), 0);
}

static void edit_that_comes_again_knows_the_old_text_still(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_say(world, "$1", room, alice, "one");
	world_expect(world, &world->ops, "one\n");
	world->fate = FATE_HOLD;
	world_edit(world, "$2", room, alice, "$1", "two");
	world_expect(world, &world->about, "$2 edit $1 @alice:hs: one [");
	struct tr_error error;
	tr_error_set(&error, TR_E_NETWORK, "gone");
	tr_op_retry(world->held[--world->held_count], &error);
	world->fate = FATE_DONE;
	tr_bridge_wake(world->bridge);
	world_expect(world, &world->ops, "message @alice:hs #chan two (again)\n");
	assert_int_equal(world_count(&world->about, "$2 edit $1 @alice:hs: one ["), 2);
}

static void reactions_and_redactions_come_to_who_can_carry_them(void **state)
{
	struct world *world = *state;
	world->capabilities = TR_CAN_REACT | TR_CAN_REDACT;
	world_start(world);
	world_say(world, "$0", room, bob, "I am here");
	world_say(world, "$1", room, alice, "good news");
	react(world, "$2", bob, "$1");
	world_expect(world, &world->about, "$2 of $1 @alice:hs: good news [remote-of-$1]\n");
	world_expect(world, &world->ops, "reaction @bob:hs #chan +1\n");
	redact(world, "$3", alice, "$1");
	world_expect(world, &world->about, "$3 of $1 @alice:hs: (not known) [remote-of-$1]\n");
	world_expect(world, &world->ops, "redaction @alice:hs #chan typo\n");
	redact(world, "$4", bob, "$2");
	world_expect(world, &world->about, "$4 of $2 (reaction) @bob:hs: (not known)\n");
	/* What was taken back is not quoted any more. */
	world_answer(world, "$5", room, bob, "$1", "answer");
	world_expect(world, &world->about, "$5 reply $1 @alice:hs: (not known)");
	world_push(
		world, "$6", "m.reaction", room, bob, NULL, "{\"m.relates_to\":{\"key\":\"x\"}}");
	world_say(world, "$7", room, bob, "end");
	world_expect(world, &world->ops, "end\n");
	assert_int_equal(world_count(&world->ops, "reaction"), 1);
}

static void reactions_redactions_and_topics_are_nothing_to_others(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_say(world, "$1", room, alice, "good news");
	react(world, "$2", alice, "$1");
	redact(world, "$3", alice, "$1");
	world_push(world, "$4", "m.room.topic", room, alice, "", "{\"topic\":\"t\"}");
	world_say(world, "$5", room, alice, "end");
	world_expect(world, &world->ops, "end\n");
	assert_int_equal(world_count(&world->ops, "\n"), 2);
}

static void topic_of_a_person_comes_as_one(void **state)
{
	struct world *world = *state;
	world->capabilities = TR_CAN_TOPIC;
	world_start(world);
	world_push(world, "$1", "m.room.topic", room, alice, "", "{\"topic\":\"news\"}");
	world_expect(world, &world->ops, "topic @alice:hs #chan news\n");
	world_push(world, "$2", "m.room.topic", room, alice, NULL, "{\"topic\":\"no state\"}");
	world_push(world, "$3", "m.room.topic", room, alice, "other", "{\"topic\":\"other\"}");
	world_push(world, "$4", "m.room.topic", room, alice, "", "{}");
	world_expect(world, &world->ops, "topic @alice:hs #chan \n");
	assert_int_equal(world_count(&world->ops, "topic"), 2);
}

/* Nothing overtakes what has to be looked up. */
static void order_is_kept_around_what_is_looked_up(void **state)
{
	struct world *world = *state;
	world->capabilities = TR_CAN_PIPELINE;
	world_start(world);
	world_knows(world, "$old", alice, "old", alice);
	world_say(world, "$1", room, alice, "a");
	world_answer(world, "$2", room, alice, "$old", "answer");
	world_say(world, "$3", room, alice, "b");
	world_edit(world, "$4", room, alice, "$3", "c");
	world_say(world, "$5", room, alice, "d");
	world_expect(world, &world->ops,
		"message @alice:hs #chan a\nmessage @alice:hs #chan answer\n"
		"message @alice:hs #chan b\nmessage @alice:hs #chan c\nmessage @alice:hs #chan d\n");
	world_expect(world, &world->about, "$4 edit $3 @alice:hs: b [remote-of-$3]\n");
}

static void remote_message_answers_what_is_known(void **state)
{
	struct world *world = *state;
	world_start(world);
	world_say(world, "$1", room, alice, "the question");
	world_expect(world, &world->ops, "the question\n");
	TURN_UNTIL(world->loop, world->settled);
	const struct tr_str mentioned[] = {TR_STR("@alice:hs")};
	struct tr_remote_message message = {.portal = world->portal,
		.sender = TR_STR("ann"),
		.sender_name = TR_STR("Ann"),
		.remote_key = TR_STR("r1"),
		.keep_mapping = true,
		.text = TR_STR("known"),
		.mentions = mentioned,
		.mention_count = 1,
		.reply_to = TR_STR("remote-of-$1")};
	tr_bridge_message(world->bridge, &message, NULL, NULL);
	message.remote_key = TR_STR("r2");
	message.text = TR_STR("to the one before");
	message.reply_to = TR_STR("r1");
	tr_bridge_message(world->bridge, &message, NULL, NULL);
	message.remote_key = TR_STR("r3");
	message.text = TR_STR("unknown");
	message.reply_to = TR_STR("nothing");
	tr_bridge_message(world->bridge, &message, NULL, NULL);
	world_expect(world, &world->sent, "unknown\n");
	char *sent = tr_json_text(world->events);
	struct tr_str text = tr_str_from(sent);
	assert_true(tr_str_find(text, TR_STR("\"m.in_reply_to\":{\"event_id\":\"$1\"}")) > 0);
	assert_true(tr_str_find(text, TR_STR("\"m.in_reply_to\":{\"event_id\":\"$sent1\"}")) > 0);
	assert_true(tr_str_find(text, TR_STR("\"user_ids\":[\"@alice:hs\"]")) > 0);
	assert_int_equal(tr_str_find(text, TR_STR("io.trestle.reply_to")), -1);
	const struct tr_json *last = tr_json_first(world->events);
	while (tr_json_next(last) != NULL) {
		last = tr_json_next(last);
	}
	assert_null(tr_json_path(last, "content", "m.relates_to", NULL));
	tr_free(sent);
}

static void remote_topic_is_set_by_the_ghost_or_else_by_the_bot(void **state)
{
	struct world *world = *state;
	world_start(world);
	struct tr_remote_topic topic = {.portal = world->portal,
		.sender = TR_STR("ann"),
		.sender_name = TR_STR("Ann"),
		.remote_key = TR_STR("t1"),
		.text = TR_STR("first")};
	tr_bridge_remote_topic(world->bridge, &topic, NULL, NULL);
	world_expect(world, &world->log, "state !mapped:hs m.room.topic \n");
	world_expect(world, &world->log, "join @x_Ann:hs !mapped:hs\n");
	world->fail = "/state/m.room.topic";
	world->fail_status = 403;
	world->fail_errcode = "M_FORBIDDEN";
	world->fail_count = 1;
	topic.remote_key = TR_STR("t2");
	topic.text = TR_STR("second");
	world->settled = false;
	tr_bridge_remote_topic(world->bridge, &topic, NULL, NULL);
	TURN_UNTIL(world->loop, world_count(&world->log, "m.room.topic") == 2);
	char *states = tr_json_text(world->states);
	assert_true(tr_str_find(tr_str_from(states), TR_STR("{\"topic\":\"second\"}")) > 0);
	tr_free(states);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(reply_brings_what_it_answers),
		TEST(reply_to_a_ghost_names_it),
		TEST(reply_that_waits_behind_its_message_knows_its_names),
		TEST(reply_to_what_was_said_long_ago_asks_the_homeserver),
		TEST(homeserver_that_cannot_say_now_is_asked_again),
		TEST(homeserver_that_never_says_holds_nothing_up),
		TEST(nobody_quotes_what_he_has_not_seen),
		TEST(nothing_is_quoted_from_another_room),
		TEST(edit_brings_the_text_as_it_was),
		TEST(edit_by_another_person_is_none),
		TEST(edit_that_comes_again_knows_the_old_text_still),
		TEST(reactions_and_redactions_come_to_who_can_carry_them),
		TEST(reactions_redactions_and_topics_are_nothing_to_others),
		TEST(topic_of_a_person_comes_as_one),
		TEST(order_is_kept_around_what_is_looked_up),
		TEST(remote_message_answers_what_is_known),
		TEST(remote_topic_is_set_by_the_ghost_or_else_by_the_bot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
