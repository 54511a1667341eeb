/* SPDX-License-Identifier: Apache-2.0 */
/* Who is in which channel, found from both ends. */
#include "bridges/irc/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
