/* SPDX-License-Identifier: Apache-2.0 */
/* Which lines are known as our own when the user@host that others see changes. */
#include "bridges/irc/identity.h"

#include "bridges/irc/session.h"
#include "core/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct world {
	struct tr_irc_network network;
	struct tr_irc_session session; /* the bot's: nothing is stored */
};

static int setup(void **state)
{
	struct world *world = tr_alloc(sizeof(*world));
	tr_irc_isupport_init(&world->network.isupport);
	world->session.network = &world->network;
	world->session.mask = tr_strdup("");
	tr_irc_session_own_nick(&world->session, TR_STR("ali"));
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	tr_map_finish(&world->network.own_nicks);
	tr_free(world->session.mask);
	tr_free(world->session.own_key);
	tr_free(world);
	return 0;
}

static bool is_own_in_history(struct world *world, const char *mask)
{
	return tr_irc_network_owner(&world->network, TR_STR("ali"), tr_str_from(mask), true) ==
	       &world->session;
}

static void cloak(struct world *world, const char *text)
{
	struct tr_irc_line line;
	assert_true(tr_irc_line_parse(tr_str_from(text), &line));
	tr_irc_session_learn_cloak(&world->session, &line);
}

static void lines_before_and_after_a_cloak_are_ours(void **state)
{
	struct world *world = *state;
	tr_irc_session_learn_mask(&world->session, TR_STR("~a"), TR_STR("host.example"));
	assert_true(is_own_in_history(world, "~a@host.example"));
	assert_false(is_own_in_history(world, "~a@cloak.example"));
	cloak(world, ":irc.test 396 ali cloak.example :is now your displayed host");
	assert_string_equal(world->session.mask, "~a@cloak.example ~a@host.example");
	assert_true(is_own_in_history(world, "~a@host.example"));
	assert_true(is_own_in_history(world, "~a@cloak.example"));
	cloak(world, ":irc.test 396 ali a@user/ali :is now your displayed host");
	assert_true(is_own_in_history(world, "a@user/ali"));
	assert_true(is_own_in_history(world, "~a@cloak.example"));
	assert_false(is_own_in_history(world, "~a@host.example"));
}

static void the_same_again_changes_nothing(void **state)
{
	struct world *world = *state;
	tr_irc_session_learn_mask(&world->session, TR_STR("a"), TR_STR("h"));
	tr_irc_session_learn_mask(&world->session, TR_STR("a"), TR_STR("h"));
	cloak(world, ":irc.test 396 ali h :is now your displayed host");
	assert_string_equal(world->session.mask, "a@h");
}

static void what_was_stored_is_known_again(void **state)
{
	struct world *world = *state;
	tr_irc_session_remember(&world->session, TR_STR("ali"), TR_STR("a@new a@old"));
	assert_true(is_own_in_history(world, "a@old"));
	assert_true(is_own_in_history(world, "a@new"));
	assert_false(is_own_in_history(world, "a@ne"));
}

static void a_cloak_alone_or_an_absurd_one_is_no_mask(void **state)
{
	struct world *world = *state;
	struct tr_buf line = TR_BUF_INIT(8192);
	cloak(world, ":irc.test 396 ali cloak.example :is now your displayed host");
	cloak(world, ":irc.test 396 ali");
	cloak(world, ":irc.test 396 ali a@\xff\xfe");
	assert_string_equal(world->session.mask, "");
	tr_buf_add_c(&line, ":irc.test 396 ali a@");
	for (int i = 0; i < 2000; i++) {
		tr_buf_add_char(&line, 'h');
	}
	cloak(world, tr_buf_c(&line));
	assert_string_equal(world->session.mask, "");
	tr_buf_finish(&line);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_before_and_after_a_cloak_are_ours),
		TEST(the_same_again_changes_nothing),
		TEST(what_was_stored_is_known_again),
		TEST(a_cloak_alone_or_an_absurd_one_is_no_mask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
