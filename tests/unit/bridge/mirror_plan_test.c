/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a room's power levels when the network gives ranks and takes them. */
#include "core/bridge/mirror_plan.h"

#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ROOM \
 "\"events\":{\"m.room.power_levels\":100},\"events_default\":0,\"users_default\":0,\"ban\":50"

struct fixture {
	struct tr_json *levels;
	struct tr_json *create;
	struct tr_map wanted;
	struct tr_map given;
	struct tr_mirror_plan plan;
};

static int setup(void **state)
{
	*state = tr_alloc(sizeof(struct fixture));
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	tr_json_free(f->levels);
	tr_json_free(f->create);
	tr_map_finish(&f->wanted);
	tr_given_finish(&f->given);
	tr_free(f);
	return 0;
}

static void room(struct fixture *f, const char *levels)
{
	tr_json_free(f->levels);
	f->levels = tr_json_parse(tr_str_from(levels), NULL);
	assert_non_null(f->levels);
}

static void want(struct fixture *f, const char *name, int64_t level)
{
	if (level == TR_LEVEL_NONE) {
		tr_map_remove(&f->wanted, tr_str_from(name));
	} else {
		tr_map_set(&f->wanted, tr_str_from(name), tr_mirror_pack(level));
	}
}

/* One round; the room has the new levels then. Whether something was written. */
static bool begin(struct fixture *f)
{
	const struct tr_mirror_room facts = {f->levels, f->create, TR_STR("@bot:hs")};
	f->plan = tr_mirror_plan(&facts, &f->wanted, &f->given);
	if (f->plan.levels == NULL) {
		return false;
	}
	tr_json_free(f->levels);
	f->levels = f->plan.levels;
	return true;
}

static bool run(struct fixture *f)
{
	bool written = begin(f);
	tr_given_settle(&f->given, true);
	assert_false(tr_mirror_differs(&f->wanted, &f->given));
	return written;
}

/* The store, and another life of the process. */
static void restart(struct fixture *f)
{
	char *text = tr_given_print(&f->given);
	tr_given_finish(&f->given);
	tr_given_parse(&f->given, tr_str_from(text));
	tr_free(text);
}

static void by_hand(struct fixture *f, const char *user_id, int64_t level)
{
	struct tr_json *users = tr_json_dup(tr_json_get(f->levels, "users"));
	if (level == TR_LEVEL_NONE) {
		tr_json_remove(users, user_id);
	} else {
		tr_json_set_int(users, user_id, level);
	}
	tr_json_set_take(f->levels, "users", users);
}

static int64_t has(const struct fixture *f, const char *user_id)
{
	int64_t level = TR_LEVEL_NONE;
	(void)tr_json_get_int(tr_json_get(f->levels, "users"), user_id, &level);
	return level;
}

static void rank_is_given_and_taken_back(void **state)
{
	struct fixture *f = *state;
	room(f, "{\"users\":{\"@bot:hs\":100,\"@boss:hs\":75}," ROOM "}");
	want(f, "@a:hs", 50);
	want(f, "@b:hs", 1);
	assert_true(run(f));
	assert_int_equal(has(f, "@a:hs"), 50);
	assert_int_equal(has(f, "@b:hs"), 1);
	assert_int_equal(has(f, "@boss:hs"), 75);
	int64_t ban = 0;
	assert_true(tr_json_get_int(f->levels, "ban", &ban));
	assert_int_equal(ban, 50);
	assert_false(run(f));
	want(f, "@a:hs", 1);
	assert_true(run(f));
	assert_int_equal(has(f, "@a:hs"), 1);
	want(f, "@a:hs", TR_LEVEL_NONE);
	assert_true(run(f));
	assert_int_equal(has(f, "@a:hs"), TR_LEVEL_NONE);
	assert_int_equal(tr_map_count(&f->given), 1);
}

static void restart_with_nothing_changed_has_nothing_to_do(void **state)
{
	struct fixture *f = *state;
	room(f, "{\"users\":{\"@bot:hs\":100,\"@boss:hs\":75}," ROOM "}");
	want(f, "@a:hs", 50);
	want(f, "@boss:hs", 50);
	assert_true(run(f));
	restart(f);
	assert_false(tr_mirror_differs(&f->wanted, &f->given));
	want(f, "@a:hs", TR_LEVEL_NONE); /* given in another life, and taken back all the same */
	assert_true(run(f));
	assert_int_equal(has(f, "@a:hs"), TR_LEVEL_NONE);
	assert_int_equal(has(f, "@boss:hs"), 75);
}

static void higher_level_set_by_hand_is_never_lowered(void **state)
{
	struct fixture *f = *state;
	room(f, "{\"users\":{\"@bot:hs\":100,\"@boss:hs\":75}," ROOM "}");
	want(f, "@boss:hs", 50);
	want(f, "@a:hs", 50);
	assert_true(run(f));
	assert_int_equal(has(f, "@boss:hs"), 75);
	by_hand(f, "@a:hs", 90); /* after we gave it 50 */
	want(f, "@boss:hs", TR_LEVEL_NONE);
	want(f, "@a:hs", TR_LEVEL_NONE);
	assert_false(run(f));
	assert_int_equal(has(f, "@boss:hs"), 75);
	assert_int_equal(has(f, "@a:hs"), 90);
	assert_int_equal(tr_map_count(&f->given), 0);
}

static void what_a_moderator_takes_away_stays_away_until_the_network_changes_it(void **state)
{
	struct fixture *f = *state;
	room(f, "{\"users\":{\"@bot:hs\":100,\"@mute:hs\":-5}," ROOM "}");
	want(f, "@a:hs", 50);
	want(f, "@mute:hs", 50);
	assert_true(run(f));
	assert_int_equal(has(f, "@mute:hs"), -5);
	by_hand(f, "@a:hs", TR_LEVEL_NONE);
	want(f, "@other:hs", 1);
	assert_true(run(f));
	assert_int_equal(has(f, "@a:hs"), TR_LEVEL_NONE);
	want(f, "@a:hs", TR_LEVEL_NONE);
	assert_false(run(f));
	want(f, "@a:hs", 50);
	assert_true(run(f));
	assert_int_equal(has(f, "@a:hs"), 50);
}

static void lower_level_set_by_hand_comes_back(void **state)
{
	struct fixture *f = *state;
	room(f, "{\"users\":{\"@bot:hs\":100,\"@a:hs\":10}," ROOM "}");
	want(f, "@a:hs", 50);
	assert_true(run(f));
	assert_int_equal(has(f, "@a:hs"), 50);
	want(f, "@a:hs", 1);
	assert_true(run(f));
	assert_int_equal(has(f, "@a:hs"), 10);
	want(f, "@a:hs", TR_LEVEL_NONE);
	assert_false(run(f));
	assert_int_equal(has(f, "@a:hs"), 10);
}

static void bot_and_creators_are_never_touched(void **state)
{
	struct fixture *f = *state;
	room(f, "{\"users\":{\"@x:hs\":1}," ROOM "}");
	f->create = tr_json_parse(TR_STR("{\"sender\":\"@bot:hs\",\"content\":{"
					 "\"additional_creators\":[\"@c:hs\"]}}"),
		NULL);
	want(f, "@bot:hs", 50);
	want(f, "@c:hs", 50);
	assert_false(run(f));
	want(f, "@a:hs", 50);
	assert_true(run(f));
	assert_int_equal(has(f, "@bot:hs"), TR_LEVEL_NONE);
	assert_int_equal(has(f, "@c:hs"), TR_LEVEL_NONE);
	assert_int_equal(has(f, "@a:hs"), 50);
	want(f, "@c:hs", TR_LEVEL_NONE);
	want(f, "@bot:hs", TR_LEVEL_NONE);
	assert_false(run(f));
}

static void nothing_is_given_that_could_not_be_taken_back(void **state)
{
	struct fixture *f = *state;
	room(f, "{\"users\":{\"@bot:hs\":100}," ROOM "}");
	want(f, "@a:hs", 100);
	assert_true(run(f));
	assert_int_equal(has(f, "@a:hs"), 99);
	assert_true(f->plan.clamped);
	/* A room where 50 changes power levels. */
	room(f, "{\"users\":{\"@bot:hs\":100}}");
	want(f, "@b:hs", 50);
	assert_true(run(f));
	assert_int_equal(has(f, "@b:hs"), 49);
	/* The bot is no more than an operator itself, and may write. */
	room(f, "{\"users\":{\"@bot:hs\":50},\"state_default\":10}");
	want(f, "@c:hs", 50);
	assert_true(run(f));
	assert_int_equal(has(f, "@c:hs"), 9);
}

static void bot_without_the_power_writes_nothing_and_tries_again_when_told(void **state)
{
	struct fixture *f = *state;
	room(f, "{\"users\":{\"@bot:hs\":50}," ROOM "}");
	want(f, "@a:hs", 25);
	assert_false(run(f));
	assert_true(f->plan.refused);
	assert_int_equal(f->plan.needed, 100);
	restart(f);
	assert_false(tr_mirror_differs(&f->wanted, &f->given));
	assert_true(tr_given_revive(&f->given));
	assert_true(tr_mirror_differs(&f->wanted, &f->given));
	by_hand(f, "@bot:hs", 100);
	assert_true(run(f));
	assert_int_equal(has(f, "@a:hs"), 25);
	assert_false(tr_given_revive(&f->given));
	/* And a plain member of a room that has no levels of its own. */
	room(f, "{\"users\":{\"@boss:hs\":100}}");
	want(f, "@b:hs", 50);
	assert_false(run(f));
	assert_true(f->plan.refused);
}

static void level_that_the_bot_cannot_take_back_now_is_taken_back_when_it_can(void **state)
{
	struct fixture *f = *state;
	room(f, "{\"users\":{\"@bot:hs\":100}," ROOM "}");
	want(f, "@a:hs", 50);
	assert_true(run(f));
	by_hand(f, "@bot:hs", 40);
	want(f, "@a:hs", TR_LEVEL_NONE);
	assert_false(run(f));
	assert_int_equal(has(f, "@a:hs"), 50);
	restart(f);
	by_hand(f, "@bot:hs", 100);
	assert_true(tr_given_revive(&f->given));
	assert_true(run(f));
	assert_int_equal(has(f, "@a:hs"), TR_LEVEL_NONE);
}

/* Killed between storing and writing, and between writing and hearing of it. */
static void kill_forgets_nothing_that_was_given(void **state)
{
	struct fixture *f = *state;
	static const int64_t steps[] = {50, 1, 50, TR_LEVEL_NONE, 1, TR_LEVEL_NONE};
	room(f, "{\"users\":{\"@bot:hs\":100}," ROOM "}");
	for (size_t i = 0; i < TR_ARRAY_LEN(steps); i++) {
		want(f, "@a:hs", steps[i]);
		struct tr_json *before = tr_json_dup(f->levels);
		assert_true(begin(f));
		tr_json_free(f->levels); /* not written */
		f->levels = before;
		restart(f);
		assert_true(tr_mirror_differs(&f->wanted, &f->given));
		assert_true(begin(f)); /* written, but nobody heard of it */
		restart(f);
		assert_true(tr_mirror_differs(&f->wanted, &f->given));
		assert_false(run(f));
		assert_int_equal(has(f, "@a:hs"), steps[i]);
	}
	assert_int_equal(tr_map_count(&f->given), 0);
}

static void moderated_room_asks_for_a_rank_and_goes_back(void **state)
{
	struct fixture *f = *state;
	int64_t level = -1;
	room(f, "{\"users\":{\"@bot:hs\":100}," ROOM "}");
	want(f, "events_default", 1);
	want(f, "@a:hs", 1);
	assert_true(run(f));
	assert_true(tr_json_get_int(f->levels, "events_default", &level));
	assert_int_equal(level, 1);
	want(f, "events_default", TR_LEVEL_NONE);
	assert_true(run(f));
	assert_true(tr_json_get_int(f->levels, "events_default", &level));
	assert_int_equal(level, 0);
	tr_json_set_int(f->levels, "events_default", 20); /* somebody else's */
	want(f, "events_default", 1);
	assert_false(run(f));
	want(f, "events_default", TR_LEVEL_NONE);
	assert_false(run(f));
	assert_true(tr_json_get_int(f->levels, "events_default", &level));
	assert_int_equal(level, 20);
}

static void raised_default_makes_levels_of_the_network_needless(void **state)
{
	struct fixture *f = *state;
	room(f, "{\"users\":{\"@bot:hs\":100}," ROOM "}");
	want(f, "@a:hs", 1);
	want(f, "@b:hs", 50);
	assert_true(run(f));
	tr_json_set_int(f->levels, "users_default", 30);
	want(f, "@b:hs", 1);
	assert_true(run(f));
	assert_int_equal(has(f, "@b:hs"), TR_LEVEL_NONE);
}

static void what_the_store_says_is_read_with_care(void **state)
{
	struct fixture *f = *state;
	tr_given_parse(&f->given, TR_STR("{\"@a:hs\":[1,50,50,-1,-1],\"@b:hs\":[9,1,1,1,1],"
					 "\"@c:hs\":[1],\"@d:hs\":\"x\",\"@e:hs\":[1,1,1,1,1.5]}"));
	assert_int_equal(tr_map_count(&f->given), 1);
	tr_given_parse(&f->given, TR_STR("nonsense"));
	assert_int_equal(tr_map_count(&f->given), 1);
}

#define PLAN_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAN_TEST(rank_is_given_and_taken_back),
		PLAN_TEST(restart_with_nothing_changed_has_nothing_to_do),
		PLAN_TEST(higher_level_set_by_hand_is_never_lowered),
		PLAN_TEST(what_a_moderator_takes_away_stays_away_until_the_network_changes_it),
		PLAN_TEST(lower_level_set_by_hand_comes_back),
		PLAN_TEST(bot_and_creators_are_never_touched),
		PLAN_TEST(nothing_is_given_that_could_not_be_taken_back),
		PLAN_TEST(bot_without_the_power_writes_nothing_and_tries_again_when_told),
		PLAN_TEST(level_that_the_bot_cannot_take_back_now_is_taken_back_when_it_can),
		PLAN_TEST(kill_forgets_nothing_that_was_given),
		PLAN_TEST(moderated_room_asks_for_a_rank_and_goes_back),
		PLAN_TEST(raised_default_makes_levels_of_the_network_needless),
		PLAN_TEST(what_the_store_says_is_read_with_care),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
