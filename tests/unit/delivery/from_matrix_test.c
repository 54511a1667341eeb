/* SPDX-License-Identifier: Apache-2.0 */
/* The queue from Matrix on a real store: accepted means durable, known events are known, order
 * holds over restarts. */
#include "from_matrix_world.h"

#include "core/base/clock.h"

static int setup(void **state)
{
	struct world *world = tr_alloc(sizeof(*world));
	fixture_init(&world->fixture);
	open_queue(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	tr_db_drain(world->fixture.db);
	tr_from_matrix_destroy(world->queue);
	fixture_finish(&world->fixture);
	tr_free(world);
	return 0;
}

/* What a kill does to memory: the queue is gone, the store stays. */
static void reopen(struct world *world)
{
	tr_db_drain(world->fixture.db);
	tr_from_matrix_destroy(world->queue);
	fixture_close(&world->fixture);
	fixture_open(&world->fixture);
	world->count = 0;
	open_queue(world);
}

static void idle(struct world *world)
{
	for (int i = 0; i < 20; i++) {
		tr_loop_turn(world->fixture.loop, false);
		poll(NULL, 0, 1);
	}
}

static void settled(void *arg)
{
	struct world *world = arg;
	world->settled++;
}

static void done(struct world *world, size_t index)
{
	const struct tr_str id = TR_STR("remote");
	size_t before = world->settled;
	tr_inbound_done(world->out[index], &id, 1, settled, world);
	assert_int_equal(world->settled, before);
	while (world->settled == before) {
		tr_loop_turn(world->fixture.loop, true);
	}
}

static void events_are_delivered_in_order_one_at_a_time(void **state)
{
	struct world *world = *state;
	accept_text(world, "[" EVENT("$1", "!a", "@x") "," EVENT("$2", "!a", "@x") "]");
	wait_deliveries(world, 1);
	idle(world);
	assert_int_equal(world->count, 1);
	done(world, 0);
	wait_deliveries(world, 2);
	assert_string_equal(world->ids[1], "$2");
	done(world, 1);
	assert_int_equal(tr_from_matrix_depth(world->queue), 0);
}

static void an_event_that_comes_again_in_another_transaction_is_ignored(void **state)
{
	struct world *world = *state;
	accept_text(world, "[" EVENT("$1", "!a", "@x") "]");
	accept_text(world, "[" EVENT("$1", "!a", "@x") "," EVENT("$2", "!b", "@x") "]");
	wait_deliveries(world, 2);
	idle(world);
	assert_int_equal(world->count, 2);
	assert_string_equal(world->ids[1], "$2");
	done(world, 0);
	accept_text(world, "[" EVENT("$1", "!a", "@x") "]");
	idle(world);
	assert_int_equal(world->count, 2);
	assert_int_equal(world->accepted, 3);
}

static void an_event_is_known_by_its_id_whatever_time_it_says(void **state)
{
	struct world *world = *state;
	accept_text(world,
		"[{\"event_id\":\"$1\",\"room_id\":\"!a\",\"sender\":\"@x\",\"type\":\"t\","
		"\"origin_server_ts\":1}]");
	accept_text(world,
		"[{\"event_id\":\"$1\",\"room_id\":\"!a\",\"sender\":\"@x\",\"type\":\"t\","
		"\"origin_server_ts\":2}]");
	wait_deliveries(world, 1);
	done(world, 0);
	idle(world);
	assert_int_equal(world->count, 1);
}

static void what_was_accepted_goes_on_after_a_restart_and_may_have_been_sent(void **state)
{
	struct world *world = *state;
	accept_text(world, "[" EVENT("$1", "!a", "@x") "," EVENT("$2", "!a", "@x") "," EVENT(
				   "$3", "!b", "@x") "]");
	wait_deliveries(world, 2);
	assert_false(world->maybe_sent[0]);
	done(world, 0);
	reopen(world);
	wait_deliveries(world, 2);
	idle(world);
	assert_int_equal(world->count, 2);
	assert_string_not_equal(world->ids[0], "$1");
	assert_string_not_equal(world->ids[1], "$1");
	assert_true(world->maybe_sent[0] && world->maybe_sent[1]);
	accept_text(world, "[" EVENT("$1", "!a", "@x") "," EVENT("$4", "!c", "@x") "]");
	wait_deliveries(world, 3);
	assert_string_equal(world->ids[2], "$4");
	assert_false(world->maybe_sent[2]);
}

static void a_retry_comes_again_in_order_and_says_so(void **state)
{
	struct world *world = *state;
	struct tr_error error;
	world->pipeline = true;
	accept_text(world, "[" EVENT("$1", "!a", "@x") "," EVENT("$2", "!a", "@x") "," EVENT(
				   "$3", "!a", "@y") "]");
	wait_deliveries(world, 2);
	idle(world);
	assert_int_equal(world->count, 2); /* another sender waits */
	tr_error_set_class(&error, TR_E_NETWORK, TR_CLASS_RETRY_AFTER, "lost");
	error.retry_after_ms = 1;
	tr_inbound_retry(world->out[0], &error);
	tr_inbound_retry(world->out[1], &error);
	wait_deliveries(world, 4);
	assert_string_equal(world->ids[2], "$1");
	assert_string_equal(world->ids[3], "$2");
	assert_true(world->maybe_sent[2]);
}

static void a_refused_event_is_dead_counted_and_told_and_the_next_goes_on(void **state)
{
	struct world *world = *state;
	struct tr_error error;
	accept_text(world, "[" EVENT("$1", "!a", "@x") "," EVENT("$2", "!a", "@x") "]");
	wait_deliveries(world, 1);
	tr_error_set(&error, TR_E_DENIED, "no");
	tr_inbound_refuse(world->out[0], &error);
	assert_int_equal(world->dead, 1);
	wait_deliveries(world, 2);
	done(world, 1);
	reopen(world);
	idle(world);
	assert_int_equal(world->count, 0);
	struct tr_metric *metric = tr_metrics_get(world->fixture.metrics, TR_METRIC_COUNTER,
		"trestle_messages_dead_total", "direction=\"from_matrix\",reason=\"denied\"", "");
	assert_int_equal((int)tr_metric_value(metric), 1);
}

static void a_malformed_event_does_not_hold_up_the_others(void **state)
{
	struct world *world = *state;
	accept_text(world, "[{\"type\":\"m.room.message\"},7,null," EVENT("$1", "!a", "@x") "]");
	assert_int_equal(world->accepted, 1);
	wait_deliveries(world, 1);
	assert_string_equal(world->ids[0], "$1");
	accept_text(world, "[{\"type\":\"m.room.message\"}]");
	assert_int_equal(world->accepted, 2);
}

static void an_event_nobody_wants_is_not_stored(void **state)
{
	struct world *world = *state;
	accept_text(world,
		"[{\"event_id\":\"$1\",\"room_id\":\"!a\",\"sender\":\"@x\",\"type\":\"m.ignored\"}]");
	idle(world);
	assert_int_equal(world->count, 0);
	assert_int_equal(tr_from_matrix_depth(world->queue), 0);
}

static void an_empty_transaction_is_accepted(void **state)
{
	struct world *world = *state;
	accept_text(world, "[]");
	assert_int_equal(world->accepted, 1);
}

static void an_event_over_the_age_limit_is_refused_not_delivered(void **state)
{
	struct world *world = *state;
	tr_from_matrix_set_max_age(world->queue, 1000);
	accept_text(world,
		"[{\"event_id\":\"$old\",\"room_id\":\"!a\",\"sender\":\"@x\",\"type\":\"m.room.message\","
		"\"origin_server_ts\":1000}," EVENT("$new", "!a", "@x") "]");
	wait_deliveries(world, 1);
	assert_string_equal(world->ids[0], "$new");
	assert_int_equal(world->dead, 1);
}

static void a_thousand_events_of_one_room_keep_their_order(void **state)
{
	struct world *world = *state;
	const size_t total = 1000;
	for (size_t first = 0; first < total; first += 100) {
		struct tr_buf text = TR_BUF_INIT(1 << 20);
		tr_buf_add_c(&text, "[");
		for (size_t i = first; i < first + 100; i++) {
			tr_buf_addf(&text,
				"%s{\"event_id\":\"$%zu\",\"room_id\":\"!a\",\"sender\":\"@x\",\"type\":\"t\"}",
				i > first ? "," : "", i);
		}
		tr_buf_add_c(&text, "]");
		accept_text(world, tr_buf_c(&text));
		tr_buf_finish(&text);
	}
	for (size_t i = 0; i < total; i++) {
		char expected[16];
		wait_deliveries(world, i + 1);
		snprintf(expected, sizeof(expected), "$%zu", i);
		assert_string_equal(world->ids[i], expected);
		tr_inbound_done(world->out[i], NULL, 0, NULL, NULL);
	}
	idle(world);
	assert_int_equal(tr_from_matrix_depth(world->queue), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

struct again {
	bool ended;
	size_t count;
	size_t left;
};

static void again_ended(void *arg, size_t count, size_t left, const struct tr_error *error)
{
	struct again *again = arg;
	assert_null(error);
	assert_false(again->ended);
	*again = (struct again){true, count, left};
}

static struct again send_again(struct world *world, const char *sender)
{
	struct again again = {0};
	tr_from_matrix_again(world->queue, sender, again_ended, &again);
	assert_false(again.ended);
	while (!again.ended) {
		tr_loop_turn(world->fixture.loop, true);
	}
	return again;
}

static void refuse_next(struct world *world, size_t index)
{
	struct tr_error error;
	wait_deliveries(world, index + 1);
	tr_error_set(&error, TR_E_DENIED, "no");
	tr_inbound_refuse(world->out[index], &error);
	while (tr_journal_pending(world->fixture.journal) > 0) {
		tr_loop_turn(world->fixture.loop, true);
	}
}

static void what_was_dead_comes_again_once_in_order_and_behind_what_waits(void **state)
{
	struct world *world = *state;
	accept_text(world, "[" EVENT("$1", "!a", "@x") "," EVENT("$y", "!a", "@y") "," EVENT(
				   "$2", "!a", "@x") "," EVENT("$3", "!a", "@y") "]");
	for (size_t i = 0; i < 3; i++) {
		refuse_next(world, i);
	}
	wait_deliveries(world, 4);
	struct again again = send_again(world, "@x");
	assert_int_equal(again.count, 2);
	assert_int_equal(again.left, 0);
	assert_int_equal(tr_from_matrix_depth(world->queue), 3);
	assert_int_equal(send_again(world, "@x").count, 0);
	idle(world);
	assert_int_equal(world->count, 4);
	done(world, 3);
	wait_deliveries(world, 5);
	assert_string_equal(world->ids[4], "$1");
	assert_true(world->maybe_sent[4]);
	done(world, 4);
	wait_deliveries(world, 6);
	assert_string_equal(world->ids[5], "$2");
	done(world, 5);
	assert_int_equal(send_again(world, "@x").count, 0);
	assert_int_equal(tr_from_matrix_depth(world->queue), 0);
}

static void what_comes_again_is_stored_and_known_and_can_be_dead_again(void **state)
{
	struct world *world = *state;
	accept_text(world, "[" EVENT("$1", "!a", "@x") "," EVENT("$2", "!a", "@x") "]");
	refuse_next(world, 0);
	refuse_next(world, 1);
	reopen(world);
	assert_int_equal(send_again(world, "@x").count, 2);
	reopen(world);
	wait_deliveries(world, 1);
	assert_string_equal(world->ids[0], "$1");
	accept_text(world, "[" EVENT("$1", "!a", "@x") "]");
	refuse_next(world, 0);
	wait_deliveries(world, 2);
	assert_string_equal(world->ids[1], "$2");
	done(world, 1);
	idle(world);
	assert_int_equal(world->count, 2);
	assert_int_equal(send_again(world, "@x").count, 1);
	wait_deliveries(world, 3);
	assert_string_equal(world->ids[2], "$1");
	done(world, 2);
}

static void two_questions_at_once_send_each_event_once(void **state)
{
	struct world *world = *state;
	struct again again[2] = {{0}};
	accept_text(world, "[" EVENT("$1", "!a", "@x") "]");
	refuse_next(world, 0);
	tr_from_matrix_again(world->queue, "@x", again_ended, &again[0]);
	tr_from_matrix_again(world->queue, "@x", again_ended, &again[1]);
	while (!again[0].ended || !again[1].ended) {
		tr_loop_turn(world->fixture.loop, true);
	}
	assert_int_equal(again[0].count + again[1].count, 1);
	wait_deliveries(world, 2);
	done(world, 1);
	idle(world);
	assert_int_equal(world->count, 2);
}

static void neither_what_is_old_nor_taken_back_nor_without_a_room_comes_again(void **state)
{
	struct world *world = *state;
	accept_text(world, "[" EVENT("$1", "!gone", "@x") "]");
	refuse_next(world, 0);
	accept_text(world, "[" EVENT("$2", "!a", "@x") "]");
	refuse_next(world, 1);
	accept_text(world,
		"[{\"event_id\":\"$3\",\"room_id\":\"!a\",\"sender\":\"@x\",\"type\":\"m.room.message\","
		"\"origin_server_ts\":1000}]");
	refuse_next(world, 2);
	tr_from_matrix_set_max_age(world->queue, 3600 * 1000);
	accept_text(world,
		"[{\"event_id\":\"$4\",\"room_id\":\"!b\",\"sender\":\"@x\",\"type\":\"m.room.redaction\","
		"\"redacts\":\"$2\"},{\"event_id\":\"$5\",\"room_id\":\"!a\",\"sender\":\"@x\","
		"\"type\":\"m.room.redaction\",\"content\":{\"redacts\":\"$2\"}}]");
	assert_int_equal(send_again(world, "@x").count, 0);
	idle(world);
	for (size_t i = 0; i < world->count; i++) {
		assert_true(i < 3 || strcmp(world->ids[i], "$2") != 0);
	}
}

#define REDACTION(id, room, about)              \
 "{\"event_id\":\"" id "\",\"room_id\":\"" room \
 "\",\"sender\":\"@x\",\"type\":\"m.room.redaction\",\"redacts\":\"" about "\"}"

/* Delivers all that waits, and appends what that was. */
static void deliver_all(struct world *world, struct tr_buf *seen)
{
	idle(world);
	for (size_t i = 0; tr_from_matrix_depth(world->queue) > 0; i++) {
		wait_deliveries(world, i + 1);
		tr_buf_addf(seen, "%s ", world->ids[i]);
		done(world, i);
		idle(world);
	}
}

static void what_is_redacted_while_it_waits_is_done_unsaid(void **state)
{
	struct world *world = *state;
	for (int again = 0; again < 2; again++) {
		struct tr_buf seen = TR_BUF_INIT(1024);
		world->count = 0;
		if (again) {
			accept_text(
				world, "[" EVENT("$5", "!c", "@x") "," EVENT("$6", "!c", "@x") "]");
			accept_text(world, "[" REDACTION("$r4", "!c", "$6") "]");
			reopen(world); /* the store knows it as well */
		} else {
			accept_text(world,
				"[" EVENT("$1", "!a", "@x") "," EVENT("$2", "!a", "@x") "," EVENT(
					"$3", "!a", "@member") "," EVENT("$4", "!a", "@x") "]");
			accept_text(world, "[" REDACTION("$r1", "!a", "$2") "," REDACTION(
						   "$r2", "!a", "$3") "]");
		}
		deliver_all(world, &seen);
		/* Who came or went did so all the same. */
		assert_string_equal(tr_buf_c(&seen), again ? "$5 $r4 " : "$1 $3 $4 $r1 $r2 ");
		tr_buf_finish(&seen);
	}
	assert_int_equal(world->dead, 0);
}

static void what_is_redacted_on_its_way_is_neither_dead_nor_said_again(void **state)
{
	struct world *world = *state;
	struct tr_error error;
	accept_text(world, "[" EVENT("$1", "!a", "@x") "," EVENT("$2", "!a", "@x") "]");
	wait_deliveries(world, 1);
	accept_text(world, "[" REDACTION("$r1", "!a", "$1") "]");
	assert_int_equal(world->taken_back, 1);
	refuse_next(world, 0);
	assert_int_equal(world->dead, 0);
	assert_int_equal(send_again(world, "@x").count, 0);
	/* .. and the same when it comes back. */
	wait_deliveries(world, 2);
	accept_text(world, "[" REDACTION("$r2", "!a", "$2") "]");
	tr_error_set(&error, TR_E_NETWORK, "not now");
	tr_inbound_retry(world->out[1], &error);
	tr_from_matrix_wake(world->queue);
	wait_deliveries(world, 3);
	assert_string_not_equal(world->ids[2], "$2");
	idle(world);
	reopen(world);
	assert_int_equal(send_again(world, "@x").count, 0);
}

/* Refused, but that is not durable yet, and the redaction comes in between: whichever is written
 * first. */
static void redaction_beside_a_refusal_wins(void **state)
{
	struct world *world = *state;
	struct tr_error error;
	accept_text(world, "[" EVENT("$1", "!a", "@x") "]");
	wait_deliveries(world, 1);
	tr_error_set(&error, TR_E_DENIED, "no");
	struct tr_json *events = tr_json_parse(TR_STR("[" REDACTION("$r", "!a", "$1") "]"), NULL);
	tr_from_matrix_accept(world->queue, events, stored, world);
	tr_json_free(events);
	tr_inbound_refuse(world->out[0], &error);
	while (world->accepted < 2) {
		tr_loop_turn(world->fixture.loop, true);
	}
	idle(world);
	assert_int_equal(send_again(world, "@x").count, 0);
}

static void at_most_the_limit_comes_again_the_oldest_first(void **state)
{
	struct world *world = *state;
	struct tr_error error;
	const size_t total = TR_FROM_MATRIX_AGAIN_MAX + 3;
	struct tr_buf text = TR_BUF_INIT(1 << 20);
	tr_buf_add_c(&text, "[");
	for (size_t i = 0; i < total; i++) {
		tr_buf_addf(&text,
			"%s{\"event_id\":\"$%zu\",\"room_id\":\"!a\",\"sender\":\"@x\",\"type\":\"t\"}",
			i > 0 ? "," : "", i);
	}
	tr_buf_add_c(&text, "]");
	accept_text(world, tr_buf_c(&text));
	tr_buf_finish(&text);
	tr_error_set(&error, TR_E_DENIED, "no");
	for (size_t i = 0; i < total; i++) {
		wait_deliveries(world, i + 1);
		tr_inbound_refuse(world->out[i], &error);
	}
	while (tr_journal_pending(world->fixture.journal) > 0) {
		tr_loop_turn(world->fixture.loop, true);
	}
	reopen(world);
	struct again again = send_again(world, "@x");
	assert_int_equal(again.count, TR_FROM_MATRIX_AGAIN_MAX);
	assert_int_equal(again.left, 3);
	wait_deliveries(world, 1);
	assert_string_equal(world->ids[0], "$0");
	assert_int_equal(send_again(world, "@x").count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_are_delivered_in_order_one_at_a_time),
		TEST(an_event_that_comes_again_in_another_transaction_is_ignored),
		TEST(an_event_is_known_by_its_id_whatever_time_it_says),
		TEST(what_was_accepted_goes_on_after_a_restart_and_may_have_been_sent),
		TEST(a_retry_comes_again_in_order_and_says_so),
		TEST(a_refused_event_is_dead_counted_and_told_and_the_next_goes_on),
		TEST(a_malformed_event_does_not_hold_up_the_others),
		TEST(an_event_nobody_wants_is_not_stored),
		TEST(an_empty_transaction_is_accepted),
		TEST(an_event_over_the_age_limit_is_refused_not_delivered),
		TEST(a_thousand_events_of_one_room_keep_their_order),
		TEST(what_was_dead_comes_again_once_in_order_and_behind_what_waits),
		TEST(what_comes_again_is_stored_and_known_and_can_be_dead_again),
		TEST(two_questions_at_once_send_each_event_once),
		TEST(neither_what_is_old_nor_taken_back_nor_without_a_room_comes_again),
		TEST(at_most_the_limit_comes_again_the_oldest_first),
		TEST(what_is_redacted_while_it_waits_is_done_unsaid),
		TEST(what_is_redacted_on_its_way_is_neither_dead_nor_said_again),
		TEST(redaction_beside_a_refusal_wins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
