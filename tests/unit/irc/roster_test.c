/* SPDX-License-Identifier: Apache-2.0 */
/* Who is in which channel, found from both ends. */
#include "bridges/irc/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct world {
	struct tr_irc_network network;
	struct tr_irc_channel a, b;
	const struct tr_irc_channel *visited[8];
	size_t visits;
};

static int setup(void **state)
{
	struct world *world = tr_alloc(sizeof(*world));
	tr_irc_isupport_init(&world->network.isupport);
	world->a.network = world->b.network = &world->network;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	tr_irc_roster_forget(&world->a);
	tr_irc_roster_forget(&world->b);
	assert_int_equal(tr_map_count(&world->network.whereabouts), 0);
	tr_map_finish(&world->network.whereabouts);
	tr_free(world);
	return 0;
}

static void visit(void *arg, struct tr_irc_channel *channel)
{
	struct world *world = arg;
	world->visited[world->visits++] = channel;
}

static void leave(void *arg, struct tr_irc_channel *channel)
{
	visit(arg, channel);
	tr_irc_roster_remove(channel, TR_STR("ann"));
	tr_irc_roster_add(channel, TR_STR("eve"));
}

static void look(struct world *world, const char *nick, tr_irc_roster_channel_visitor *visitor)
{
	world->visits = 0;
	tr_irc_roster_each_channel(&world->network, tr_str_from(nick), visitor, world);
}

static void a_nick_is_found_in_all_its_channels_however_it_is_written(void **state)
{
	struct world *world = *state;
	tr_irc_roster_add(&world->a, TR_STR("Ann[]"));
	tr_irc_roster_add(&world->b, TR_STR("ann{}"));
	tr_irc_roster_add(&world->a, TR_STR("bob"));
	look(world, "ANN{}", visit);
	assert_int_equal(world->visits, 2);
	look(world, "bob", visit);
	assert_int_equal(world->visits, 1);
	assert_ptr_equal(world->visited[0], &world->a);
	look(world, "nobody", visit);
	assert_int_equal(world->visits, 0);
}

static void whoever_comes_twice_goes_once(void **state)
{
	struct world *world = *state;
	tr_irc_roster_add(&world->a, TR_STR("ann"));
	tr_irc_roster_add(&world->a, TR_STR("Ann"));
	assert_int_equal(tr_irc_roster_count(&world->a), 1);
	tr_irc_roster_remove(&world->a, TR_STR("ann"));
	tr_irc_roster_remove(&world->a, TR_STR("ann"));
	assert_int_equal(tr_irc_roster_count(&world->a), 0);
	look(world, "ann", visit);
	assert_int_equal(world->visits, 0);
}

static void a_visitor_may_take_the_nick_out_and_add_another(void **state)
{
	struct world *world = *state;
	tr_irc_roster_add(&world->a, TR_STR("ann"));
	tr_irc_roster_add(&world->b, TR_STR("ann"));
	look(world, "ann", leave);
	assert_int_equal(world->visits, 2);
	look(world, "ann", visit);
	assert_int_equal(world->visits, 0);
	look(world, "eve", visit);
	assert_int_equal(world->visits, 2);
}

static void a_channel_that_is_forgotten_is_in_no_list(void **state)
{
	struct world *world = *state;
	tr_irc_roster_add(&world->a, TR_STR("ann"));
	tr_irc_roster_add(&world->b, TR_STR("ann"));
	tr_irc_roster_forget(&world->a);
	look(world, "ann", visit);
	assert_int_equal(world->visits, 1);
	assert_ptr_equal(world->visited[0], &world->b);
}

static void line_is(struct world *world, const char *text, bool tagged, bool extended)
{
	struct tr_irc_line line;
	assert_true(tr_irc_line_parse(tr_str_from(text), &line));
	tr_irc_roster_line(&world->network, &line, tagged, extended);
}

static void person_is(
	const struct world *world, const char *nick, const char *mask, const char *account)
{
	struct tr_irc_person person;
	assert_true(tr_irc_roster_person(&world->network, tr_str_from(nick), &person));
	assert_true(tr_str_eq_c(person.mask, mask));
	assert_true(tr_str_eq_c(person.account, account));
}

static void who_somebody_is_is_kept_as_lines_tell_it(void **state)
{
	struct world *world = *state;
	struct tr_irc_person person;
	tr_irc_roster_add(&world->a, TR_STR("Ann"));
	person_is(world, "ann", "", "");
	line_is(world, ":Ann!u@h JOIN #a anna :Real Name", false, true);
	person_is(world, "ANN", "u@h", "anna");
	line_is(world, ":Ann!u@h JOIN #a other :Real Name", false, false);
	person_is(world, "ann", "u@h", "anna");
	line_is(world, ":Ann!u@h CHGHOST v host.example", true, true);
	person_is(world, "ann", "v@host.example", "anna");
	line_is(world, ":Ann!v@host.example ACCOUNT *", false, true);
	person_is(world, "ann", "v@host.example", "");
	line_is(world, "@account=bee :Ann!v@host.example PRIVMSG #a :x", true, true);
	person_is(world, "ann", "v@host.example", "bee");
	line_is(world, ":Ann!v@host.example PRIVMSG #a :x", false, true);
	person_is(world, "ann", "v@host.example", "bee");
	line_is(world, ":Ann!v@host.example PRIVMSG #a :x", true, true);
	person_is(world, "ann", "v@host.example", "");
	line_is(world, ":Ann PRIVMSG #a :x", true, true);
	line_is(world, ":zed!u@h ACCOUNT zed", true, true);
	assert_false(tr_irc_roster_person(&world->network, TR_STR("zed"), &person));
	tr_irc_roster_add(&world->b, TR_STR("ann"));
	tr_irc_roster_remove(&world->a, TR_STR("ann"));
	person_is(world, "ann", "v@host.example", "");
	tr_irc_roster_remove(&world->b, TR_STR("ann"));
	assert_false(tr_irc_roster_person(&world->network, TR_STR("ann"), &person));
}

static void what_is_kept_of_somebody_is_bounded(void **state)
{
	struct world *world = *state;
	char text[8000];
	memset(text, 'x', sizeof(text));
	struct tr_str longest = {text, sizeof(text)};
	struct tr_irc_person person;
	tr_irc_roster_add(&world->a, TR_STR("ann"));
	tr_irc_roster_told(&world->network, TR_STR("ann"), longest, &longest);
	assert_true(tr_irc_roster_person(&world->network, TR_STR("ann"), &person));
	assert_int_equal(person.mask.len, TR_IRC_MASK_MAX);
	assert_int_equal(person.account.len, TR_IRC_ACCOUNT_MAX);
	line_is(world, "@account= :ann!u@h CHGHOST v", false, false);
	person_is(world, "ann", "u@h", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_nick_is_found_in_all_its_channels_however_it_is_written, setup, teardown),
		cmocka_unit_test_setup_teardown(whoever_comes_twice_goes_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_visitor_may_take_the_nick_out_and_add_another, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_channel_that_is_forgotten_is_in_no_list, setup, teardown),
		cmocka_unit_test_setup_teardown(
			who_somebody_is_is_kept_as_lines_tell_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_kept_of_somebody_is_bounded, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
