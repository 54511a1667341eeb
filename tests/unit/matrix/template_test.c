/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: expanding, ids, matching, regular expressions. */
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/regex.h"
#include "core/matrix/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct tr_str none = {NULL, 0};

static void assert_expands(const char *tmpl, const struct tr_template_value *values, size_t count,
	const char *expected)
{
	struct tr_buf out = TR_BUF_INIT(1000);

	assert_int_equal(tr_template_expand(&out, tr_str_from(tmpl), values, count), 0);
	assert_string_equal(tr_buf_c(&out), expected);
	tr_buf_finish(&out);
}

static void values_are_never_interpreted_again(void **state)
{
	struct tr_template_value values[] = {
		{"DISPLAY", TR_STR("$LOCALPART $& $$ \\1")},
		{"LOCALPART", TR_STR("alice")},
		{"USERID", TR_STR("@alice:hs")},
	};

	(void)state;
	assert_expands("M-$DISPLAY", values, 3, "M-$LOCALPART $& $$ \\1");
	assert_expands("$LOCALPART$USERID", values, 3, "alice@alice:hs");
	assert_expands("$ $X $$LOCALPART 5$", values, 3, "$ $X $alice 5$");
	assert_expands("", values, 3, "");
}

static void the_longest_variable_name_counts(void **state)
{
	struct tr_template_value values[] = {
		{"SERVER", TR_STR("irc")},
		{"SERVERNAME", TR_STR("IRC net")},
	};

	(void)state;
	assert_expands("$SERVER_$SERVERNAME", values, 2, "irc_IRC net");
	assert_true(tr_template_has(TR_STR("@x_$NICK"), "NICK"));
	assert_false(tr_template_has(TR_STR("@x_NICK$"), "NICK"));
}

static void ids_of_the_incumbent_are_kept(void **state)
{
	struct tr_template_value values[] = {{"NICK", TR_STR("Al[x]ce")}};
	bool shortened = true;
	char *id = tr_template_id(
		TR_STR("@irc_$NICK"), TR_STR("hs"), TR_ESCAPE_NOTHING, values, 1, &shortened);

	(void)state;
	assert_string_equal(id, "@irc_Al[x]ce:hs");
	assert_false(shortened);
	tr_free(id);
	id = tr_template_id(TR_STR("@_s4b_$NICK"), TR_STR("hs"), TR_ESCAPE_FOLD, values, 1, NULL);
	assert_string_equal(id, "@_s4b_al=5bx=5dce:hs");
	tr_free(id);
}

static void long_ids_are_shortened_inside_their_namespace(void **state)
{
	char nick[600];
	struct tr_template_value values[] = {{"NICK", {nick, 500}}, {"SERVER", TR_STR("net")}};
	struct tr_template_value open[] = {{"NICK", none}, {"SERVER", TR_STR("net")}};
	bool shortened = false;
	char *first;
	char *second;

	(void)state;
	memset(nick, ':', sizeof(nick));
	first = tr_template_id(TR_STR("@$SERVER_$NICK_x"), TR_STR("example.com"), TR_ESCAPE_FOLD,
		values, 2, &shortened);
	assert_true(shortened);
	assert_in_range(strlen(first), 250, 255);
	assert_true(tr_user_id_parse(tr_str_from(first), NULL));
	assert_true(tr_template_match_id(
		TR_STR("@$SERVER_$NICK_x"), TR_STR("example.com"), tr_str_from(first), open, 2));
	nick[499] = 'y';
	second = tr_template_id(TR_STR("@$SERVER_$NICK_x"), TR_STR("example.com"), TR_ESCAPE_FOLD,
		values, 2, &shortened);
	assert_string_not_equal(first, second);
	tr_free(second);
	tr_free(first);
}

static void the_shortest_overlong_id_is_shortened_and_the_longest_fitting_is_not(void **state)
{
	char nick[300];
	struct tr_template_value values[] = {{"NICK", {nick, 0}}};

	(void)state;
	memset(nick, 'n', sizeof(nick));
	for (size_t len = 240; len < 260; len++) {
		bool shortened = false;
		char *id;

		values[0].text.len = len;
		id = tr_template_id(TR_STR("@irc_$NICK"), TR_STR("hs"), TR_ESCAPE_NOTHING, values,
			1, &shortened);
		assert_int_equal(shortened, len + strlen("@irc_:hs") > 255);
		assert_true(strlen(id) <= 255);
		tr_free(id);
	}
}

static void an_id_without_room_for_a_hash_is_not_made(void **state)
{
	char server[240];
	struct tr_template_value values[] = {{"NICK", TR_STR("some nick that is long")}};

	(void)state;
	memset(server, 's', sizeof(server));
	assert_null(tr_template_id(TR_STR("@irc_$NICK"), tr_str_of(server, sizeof(server)),
		TR_ESCAPE_FOLD, values, 1, NULL));
}

static void matching_gives_the_open_values(void **state)
{
	struct tr_template_value values[] = {
		{"SERVER", TR_STR("irc.example.com")}, {"CHANNEL", none}};

	(void)state;
	assert_true(tr_template_match_id(TR_STR("#irc_$SERVER_$CHANNEL"), TR_STR("hs"),
		TR_STR("#irc_irc.example.com_#foo_bar:hs"), values, 2));
	assert_true(tr_str_eq_c(values[1].text, "#foo_bar"));
	values[1].text = none;
	assert_false(tr_template_match_id(
		TR_STR("#irc_$CHANNEL"), TR_STR("hs"), TR_STR("#irc_#foo:other"), values, 2));
	assert_false(tr_template_match_id(
		TR_STR("#irc_$CHANNEL"), TR_STR("hs"), TR_STR("#irc_:hs"), values, 2));
	assert_false(tr_template_match_id(
		TR_STR("#irc_$CHANNEL"), TR_STR("hs"), TR_STR("#ircx:hs"), values, 2));
	assert_false(tr_template_match_id(
		TR_STR("#irc_$CHANNEL"), TR_STR("hs"), TR_STR("#irc_x"), values, 2));
	assert_null(values[1].text.ptr);
}

static void matching_tries_all_ways_to_split(void **state)
{
	struct tr_template_value values[] = {{"SERVER", none}, {"NICK", none}};

	(void)state;
	assert_true(tr_template_match(TR_STR("@$SERVER_$NICK.x"), TR_STR("@a_b_c.x"), values, 2));
	assert_true(tr_str_eq_c(values[0].text, "a"));
	assert_true(tr_str_eq_c(values[1].text, "b_c"));
	values[0].text = none;
	values[1].text = none;
	assert_true(tr_template_match(TR_STR("$NICK-$NICK"), TR_STR("ab-ab"), values, 2));
	values[1].text = none;
	assert_false(tr_template_match(TR_STR("$NICK-$NICK"), TR_STR("ab-ac"), values, 2));
}

static void regexes_match_exactly_the_ids_of_the_template(void **state)
{
	struct tr_template_value values[] = {{"NICK", none}, {"SERVER", TR_STR("a.b+c")}};
	char *pattern = tr_template_regex(
		TR_STR("@$SERVER_$NICK"), TR_STR("example.com"), TR_ESCAPE_NOTHING, values, 2);
	struct tr_regex *regex = tr_regex_create(tr_str_from(pattern), NULL);

	(void)state;
	assert_string_equal(pattern, "@a\\.b\\+c_.*:example\\.com$");
	assert_true(tr_regex_matches(regex, TR_STR("@a.b+c_Alice[x]:example.com")));
	assert_false(tr_regex_matches(regex, TR_STR("@axb+c_Alice:example.com")));
	assert_false(tr_regex_matches(regex, TR_STR("@a.b+c_Alice:exampleXcom")));
	assert_false(tr_regex_matches(regex, TR_STR("@a.b+c_Alice:example.com.evil.org")));
	tr_regex_destroy(regex);
	tr_free(pattern);
	pattern = tr_regex_quote(TR_STR("!a.(b):hs"));
	assert_string_equal(pattern, "!a\\.\\(b\\):hs$");
	tr_free(pattern);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_never_interpreted_again),
		cmocka_unit_test(the_longest_variable_name_counts),
		cmocka_unit_test(ids_of_the_incumbent_are_kept),
		cmocka_unit_test(long_ids_are_shortened_inside_their_namespace),
		cmocka_unit_test(
			the_shortest_overlong_id_is_shortened_and_the_longest_fitting_is_not),
		cmocka_unit_test(an_id_without_room_for_a_hash_is_not_made),
		cmocka_unit_test(matching_gives_the_open_values),
		cmocka_unit_test(matching_tries_all_ways_to_split),
		cmocka_unit_test(regexes_match_exactly_the_ids_of_the_template),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
