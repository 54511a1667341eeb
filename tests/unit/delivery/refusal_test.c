/* SPDX-License-Identifier: Apache-2.0 */
/* Work of one turn that the store refuses in part: journal, marks and both queues go on without it.
 * The refusal is a real one: an index that takes only one row of its kind. */
#include "from_matrix_world.h"

#define SAID(id) EVENT(id, "!a", "@x")

struct note {
	const char *name;
	const char *instead; /* what is written when `name` is refused; NULL = nothing */
	bool gives_up;
	bool durable, settled, refused;
};

static const struct tr_db_statement insert_note = {
	"INSERT INTO note(name) VALUES ($1) ON CONFLICT (name) DO NOTHING"};

static void turn_until(struct world *world, const bool *flag)
{
	while (!*flag) {
		tr_loop_turn(world->fixture.loop, true);
	}
}

static void script_run(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	(void)result;
	assert_null(error);
	*(bool *)arg = true;
}

static void script(struct world *world, const char *text)
{
	struct tr_db_batch *batch = tr_db_batch_create(world->fixture.db);
	bool over = false;
	tr_db_batch_add_script(batch, text);
	tr_db_submit_take(batch, script_run, &over);
	turn_until(world, &over);
}

struct answer {
	bool over;
	int64_t number;
};

static void counted(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct answer *answer = arg;
	assert_null(error);
	answer->number = tr_db_int(result, 0, 0, 0);
	answer->over = true;
}

static int64_t query(struct world *world, const char *sql)
{
	struct tr_db_batch *batch = tr_db_batch_create(world->fixture.db);
	struct answer answer = {false, 0};
	tr_db_batch_add_script(batch, sql);
	tr_db_submit_take(batch, counted, &answer);
	turn_until(world, &answer.over);
	return answer.number;
}

static void note_write(void *mark, struct tr_db_batch *batch)
{
	const struct note *note = mark;
	TR_DB_ADD(batch, &insert_note, TR_DB_TC(note->refused ? note->instead : note->name));
}

static void note_settled(void *mark, bool durable)
{
	struct note *note = mark;
	assert_false(note->settled);
	note->settled = true;
	note->durable = durable;
}

static bool note_refused(void *mark, const struct tr_error *error)
{
	struct note *note = mark;
	assert_int_not_equal(error->cls, TR_CLASS_RETRY);
	assert_false(note->refused);
	note->refused = true;
	return !note->gives_up;
}

static int setup(void **state)
{
	struct world *world = tr_alloc(sizeof(*world));
	fixture_init(&world->fixture);
	world->marks = tr_marks_create(world->fixture.loop, world->fixture.journal, 0);
	world->pipeline = true;
	open_queue(world);
	script(world, "CREATE TABLE note (name {TEXT} PRIMARY KEY);"
		      "INSERT INTO note(name) VALUES ('bad0');"
		      "CREATE UNIQUE INDEX one_bad_note ON note(substr(name, 1, 3))"
		      " WHERE substr(name, 1, 3) = 'bad';"
		      "CREATE UNIQUE INDEX one_bad_event ON from_matrix(substr(event_id, 1, 4))"
		      " WHERE substr(event_id, 1, 4) = '$bad';"
		      "CREATE UNIQUE INDEX one_bad_id ON message(substr(remote_id, 1, 3))"
		      " WHERE substr(remote_id, 1, 3) = 'bad'");
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	tr_db_drain(world->fixture.db);
	tr_from_matrix_destroy(world->queue);
	tr_marks_destroy(world->marks);
	fixture_finish(&world->fixture);
	tr_free(world);
	return 0;
}

static void a_mark_that_is_refused_holds_up_no_other_of_its_turn(void **state)
{
	struct world *world = *state;
	struct note first = {.name = "first"}, bad = {.name = "bad1"}, last = {.name = "last"};
	tr_marks_add(world->marks, note_write, note_settled, &first);
	tr_marks_add(world->marks, note_write, note_settled, &bad);
	tr_marks_add(world->marks, note_write, note_settled, &last);
	turn_until(world, &first.settled);
	turn_until(world, &last.settled);
	assert_true(first.durable && last.durable);
	assert_false(bad.settled);
	/* Nothing that waits for all marks waits for it. */
	assert_int_equal(tr_marks_pending(world->marks), 0);
	assert_int_equal(query(world, "SELECT COUNT(*) FROM note"), 3);
	struct note later = {.name = "later"};
	tr_marks_add(world->marks, note_write, note_settled, &later);
	turn_until(world, &later.settled);
	assert_true(later.durable);
}

static void the_owner_of_a_refused_mark_writes_something_else_or_does_without(void **state)
{
	struct world *world = *state;
	struct note lesser = {.name = "bad1", .instead = "good"};
	struct note without = {.name = "bad2", .gives_up = true};
	struct note hopeless = {.name = "bad3", .instead = "bad4"};
	struct note other = {.name = "other"};
	tr_marks_add_refusable(world->marks, note_write, note_settled, note_refused, &lesser);
	tr_marks_add_refusable(world->marks, note_write, note_settled, note_refused, &without);
	tr_marks_add_refusable(world->marks, note_write, note_settled, note_refused, &hopeless);
	tr_marks_add(world->marks, note_write, note_settled, &other);
	turn_until(world, &other.settled);
	turn_until(world, &lesser.settled);
	assert_true(other.durable && lesser.durable);
	assert_true(without.settled && !without.durable);
	while (tr_marks_pending(world->marks) > 0) {
		tr_loop_turn(world->fixture.loop, true);
	}
	assert_true(hopeless.refused && !hopeless.settled);
	assert_int_equal(query(world, "SELECT COUNT(*) FROM note WHERE name = 'good'"), 1);
}

static void an_event_that_is_refused_is_dead_and_the_others_of_its_transaction_go_on(void **state)
{
	struct world *world = *state;
	accept_text(world, "[" SAID("$1") "," SAID("$bad1") "," SAID("$bad2") "," SAID("$2") "]");
	assert_int_equal(world->accepted, 1);
	assert_int_equal(world->dead, 1);
	wait_deliveries(world, 3);
	assert_string_equal(world->out[0]->event_id, "$1");
	assert_string_equal(world->out[1]->event_id, "$bad1");
	assert_string_equal(world->out[2]->event_id, "$2");
	assert_int_equal(query(world, "SELECT COUNT(*) FROM from_matrix WHERE state = 3"), 1);
	assert_int_equal(tr_from_matrix_depth(world->queue), 3);
}

static void a_store_that_refuses_even_that_gets_no_transaction_answered(void **state)
{
	struct world *world = *state;
	script(world, "ALTER TABLE from_matrix RENAME TO gone");
	accept_text(world, "[" SAID("$1") "]");
	assert_int_equal(world->refused, 1);
	assert_int_equal(world->count, 0);
	script(world, "ALTER TABLE gone RENAME TO from_matrix");
	accept_text(world, "[" SAID("$1") "]");
	assert_int_equal(world->accepted, 1);
}

static void what_is_done_is_known_though_the_store_refuses_its_id(void **state)
{
	struct world *world = *state;
	struct tr_str first = TR_STR("bad1"), second = TR_STR("bad2"), third = TR_STR("fine");
	accept_text(world, "[" SAID("$1") "," SAID("$2") "," SAID("$3") "]");
	wait_deliveries(world, 3);
	tr_inbound_done(world->out[0], &first, 1, NULL, NULL);
	tr_inbound_done(world->out[1], &second, 1, NULL, NULL);
	tr_inbound_done(world->out[2], &third, 1, NULL, NULL);
	/* The second is written once more, without its id. */
	while (query(world, "SELECT COUNT(*) FROM from_matrix WHERE state = 2") < 3) {
		tr_loop_turn(world->fixture.loop, false);
	}
	assert_int_equal(query(world, "SELECT COUNT(*) FROM message"), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_mark_that_is_refused_holds_up_no_other_of_its_turn),
		TEST(the_owner_of_a_refused_mark_writes_something_else_or_does_without),
		TEST(an_event_that_is_refused_is_dead_and_the_others_of_its_transaction_go_on),
		TEST(a_store_that_refuses_even_that_gets_no_transaction_answered),
		TEST(what_is_done_is_known_though_the_store_refuses_its_id),
	};
	return cmocka_run_group_tests_name("refusal", tests, NULL, NULL);
}
