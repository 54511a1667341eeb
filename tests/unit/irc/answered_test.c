/* SPDX-License-Identifier: Apache-2.0 */
/* A flood of requests makes no flood of answers. */
#include "bridges/irc/answered.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_source_has_one_answer_in_a_few_seconds(void **state)
{
	struct tr_irc_answered answered = {0};
	(void)state;
	assert_true(tr_irc_answer_allowed(&answered, TR_STR("a.example"), 1000));
	assert_false(tr_irc_answer_allowed(&answered, TR_STR("a.example"), 1000));
	assert_true(tr_irc_answer_allowed(&answered, TR_STR("b.example"), 1001));
	assert_false(tr_irc_answer_allowed(&answered, TR_STR("a.example"), 999 + TR_IRC_ANSWER_MS));
	assert_true(tr_irc_answer_allowed(&answered, TR_STR("a.example"), 1000 + TR_IRC_ANSWER_MS));
}

static void many_sources_at_once_are_a_flood(void **state)
{
	struct tr_irc_answered answered = {0};
	size_t allowed = 0;
	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct tr_buf host = TR_BUF_INIT(64);
		tr_buf_addf(&host, "h%d.example", i);
		allowed += tr_irc_answer_allowed(&answered, tr_buf_str(&host), 1000);
		tr_buf_finish(&host);
	}
	assert_int_equal(allowed, TR_IRC_ANSWERED_MAX);
	assert_true(tr_irc_answer_allowed(&answered, TR_STR("x"), 1000 + TR_IRC_ANSWER_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_has_one_answer_in_a_few_seconds),
		cmocka_unit_test(many_sources_at_once_are_a_flood),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
