/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks and RFC 3339 text. */
#include "core/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_format(int64_t ms, const char *expected)
{
	struct tr_buf out = TR_BUF_INIT(64);
	int64_t parsed = 1;

	tr_clock_format(&out, ms);
	assert_string_equal(tr_buf_c(&out), expected);
	assert_true(tr_clock_parse(tr_buf_str(&out), &parsed));
	assert_true(parsed == ms);
	tr_buf_finish(&out);
}

static void times_are_written_and_read_back(void **state)
{
	(void)state;
	assert_format(0, "1970-01-01T00:00:00.000Z");
	assert_format(-1, "1969-12-31T23:59:59.999Z");
	assert_format(951782400123, "2000-02-29T00:00:00.123Z");
	assert_format(1795268700123, "2026-11-21T13:45:00.123Z");
	assert_format(253402300799999, "9999-12-31T23:59:59.999Z");
}

static void fraction_is_optional_and_only_utc_is_taken(void **state)
{
	int64_t ms = 5;

	(void)state;
	assert_true(tr_clock_parse(TR_STR("2026-11-21t13:45:00z"), &ms));
	assert_true(ms == 1795268700000);
	assert_true(tr_clock_parse(TR_STR("2026-11-21T13:45:00.98765Z"), &ms));
	assert_true(ms == 1795268700987);
	assert_false(tr_clock_parse(TR_STR("2026-11-21T13:45:00+01:00"), &ms));
	assert_false(tr_clock_parse(TR_STR("2026-11-21T13:45:00"), &ms));
	assert_false(tr_clock_parse(TR_STR("2026-11-21T13:45:00.Z"), &ms));
	assert_false(tr_clock_parse(TR_STR("2026-02-29T00:00:00Z"), &ms));
	assert_false(tr_clock_parse(TR_STR("2026-13-01T00:00:00Z"), &ms));
	assert_false(tr_clock_parse(TR_STR("2026-11-21T13:45:00Z "), &ms));
	assert_false(tr_clock_parse(TR_STR(""), &ms));
	assert_true(ms == 1795268700987);
}

static void fake_clocks_move_only_when_advanced(void **state)
{
	(void)state;
	tr_clock_fake(5000);
	assert_true(tr_clock_mono_ms() == 1000);
	assert_true(tr_clock_wall_ms() == 5000);
	tr_clock_advance(250);
	assert_true(tr_clock_mono_ms() == 1250);
	assert_true(tr_clock_mono_us() == 1250000);
	assert_true(tr_clock_wall_ms() == 5250);
	tr_clock_real();
	assert_true(tr_clock_wall_ms() > 1700000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_and_read_back),
		cmocka_unit_test(fraction_is_optional_and_only_utc_is_taken),
		cmocka_unit_test(fake_clocks_move_only_when_advanced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
