/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what by m.room.power_levels, and who stands above it. */
#include "core/base/alloc.h"
#include "core/matrix/power_levels.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct tr_json *parse(const char *text)
{
	struct tr_json *json = tr_json_parse(tr_str_from(text), NULL);
	assert_non_null(json);
	return json;
}

static void room_without_levels_lets_everybody_do_everything(void **state)
{
	struct tr_json *none = parse("{}");
	(void)state;
	assert_int_equal(tr_power_of(NULL, TR_STR("@a:hs")), 0);
	assert_int_equal(tr_power_to_send(none, "m.room.message"), 0);
	assert_int_equal(tr_power_to_set(none, "m.room.power_levels"), 0);
	assert_int_equal(tr_power_to_set(NULL, "m.room.power_levels"), 0);
	tr_json_free(none);
}

static void levels_come_before_defaults(void **state)
{
	struct tr_json *levels =
		parse("{\"users\":{\"@a:hs\":50},\"users_default\":5,"
		      "\"events\":{\"m.room.message\":30,\"m.room.power_levels\":100},"
		      "\"events_default\":20}");
	(void)state;
	assert_int_equal(tr_power_of(levels, TR_STR("@a:hs")), 50);
	assert_int_equal(tr_power_of(levels, TR_STR("@b:hs")), 5);
	assert_int_equal(tr_power_to_send(levels, "m.room.message"), 30);
	assert_int_equal(tr_power_to_send(levels, "m.reaction"), 20);
	assert_int_equal(tr_power_to_set(levels, "m.room.power_levels"), 100);
	assert_int_equal(tr_power_to_set(levels, "m.room.name"), 50);
	tr_json_free(levels);
}

static void numbers_in_strings_count_and_nonsense_does_not(void **state)
{
	struct tr_json *levels = parse(
		"{\"users\":{\"@a:hs\":\" 50 \",\"@b:hs\":\"-1\",\"@c:hs\":\"5x\",\"@d:hs\":[],"
		"\"@e:hs\":\"99999999999999999999\"},\"users_default\":7,\"events\":\"no\","
		"\"events_default\":null}");
	(void)state;
	assert_int_equal(tr_power_of(levels, TR_STR("@a:hs")), 50);
	assert_int_equal(tr_power_of(levels, TR_STR("@b:hs")), -1);
	assert_int_equal(tr_power_of(levels, TR_STR("@c:hs")), 7);
	assert_int_equal(tr_power_of(levels, TR_STR("@d:hs")), 7);
	assert_int_equal(tr_power_of(levels, TR_STR("@e:hs")), 7);
	assert_int_equal(tr_power_to_send(levels, "m.room.message"), 0);
	tr_json_free(levels);
}

static void setting_one_user_leaves_the_rest_as_it_is(void **state)
{
	struct tr_json *levels =
		parse("{\"users\":{\"@a:hs\":100},\"ban\":50,\"x\":{\"y\":[1,\"z\"]}}");
	(void)state;
	tr_power_set(levels, "@b:hs", 25);
	char *text = tr_json_text(levels);
	struct tr_json *again = parse(text);
	assert_int_equal(tr_power_of(again, TR_STR("@a:hs")), 100);
	assert_int_equal(tr_power_of(again, TR_STR("@b:hs")), 25);
	char *kept = tr_json_text(tr_json_get(again, "x"));
	assert_string_equal(kept, "{\"y\":[1,\"z\"]}");
	tr_free(kept);
	tr_free(text);
	tr_json_free(again);
	tr_json_free(levels);
	levels = tr_json_new_object();
	tr_power_set(levels, "@b:hs", 1);
	assert_int_equal(tr_power_of(levels, TR_STR("@b:hs")), 1);
	tr_json_free(levels);
}

static void creators_of_a_room_of_version_12_stand_above_the_levels(void **state)
{
	struct tr_json *create = parse("{\"sender\":\"@a:hs\",\"content\":{\"additional_creators\":"
				       "[\"@b:hs\",7]}}");
	(void)state;
	assert_true(tr_room_has_creators(TR_STR("!24H0P7UWabc")));
	assert_false(tr_room_has_creators(TR_STR("!abc:hs")));
	assert_false(tr_room_has_creators(TR_STR("direct")));
	assert_true(tr_room_creator(create, TR_STR("@a:hs")));
	assert_true(tr_room_creator(create, TR_STR("@b:hs")));
	assert_false(tr_room_creator(create, TR_STR("@c:hs")));
	assert_false(tr_room_creator(create, TR_STR("")));
	assert_false(tr_room_creator(NULL, TR_STR("@a:hs")));
	tr_json_free(create);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_without_levels_lets_everybody_do_everything),
		cmocka_unit_test(levels_come_before_defaults),
		cmocka_unit_test(numbers_in_strings_count_and_nonsense_does_not),
		cmocka_unit_test(setting_one_user_leaves_the_rest_as_it_is),
		cmocka_unit_test(creators_of_a_room_of_version_12_stand_above_the_levels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
