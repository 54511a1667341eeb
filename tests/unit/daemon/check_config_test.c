/* SPDX-License-Identifier: Apache-2.0 */
/* What people see of a configuration's records, on the terminal and in the log. */
#include "core/base/log.h"
#include "core/daemon/check_config.h"
#include "core/daemon/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_printed(const struct tr_report *report, int status, const char *expected)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(tr_check_config_print(out, "b.yml", report), status);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void a_good_file_is_said_to_be_good(void **state)
{
	(void)state;
	struct tr_report report = {0};
	assert_printed(&report, TR_EXIT_OK, "b.yml: good\n");
	tr_report_add(&report, TR_REPORT_WARNING, "b.yml", 3, 4, "a.b", "is odd");
	assert_printed(&report, TR_EXIT_OK,
		"b.yml:3:4: a.b: is odd (warning)\nb.yml: good, with 1 remark\n");
	tr_report_finish(&report);
}

static void mistakes_end_with_status_78(void **state)
{
	(void)state;
	struct tr_report report = {0};
	tr_report_add(&report, TR_REPORT_MISTAKE, "b.yml", 1, 2, NULL, "is bad");
	tr_report_add(&report, TR_REPORT_MISTAKE, "b.yml", 0, 0, NULL, "is worse");
	assert_int_equal(TR_EXIT_CONFIG, 78);
	assert_printed(
		&report, 78, "b.yml:1:2: is bad\nb.yml: is worse\nb.yml: 2 mistakes to mend\n");
	tr_report_finish(&report);
}

struct log_lines {
	enum tr_log_level levels[8];
	char texts[8][512];
	size_t count;
};

static void take_line(enum tr_log_level level, const char *line, void *arg)
{
	struct log_lines *lines = arg;
	assert_true(lines->count < 8);
	lines->levels[lines->count] = level;
	snprintf(lines->texts[lines->count++], sizeof(lines->texts[0]), "%s", line);
}

static void keys_not_yet_acted_on_are_one_record_of_the_log(void **state)
{
	(void)state;
	struct tr_report report = {0};
	struct log_lines lines = {.count = 0};
	tr_report_add(&report, TR_REPORT_NOT_YET, "b.yml", 1, 1, "a", "is accepted");
	tr_report_add(&report, TR_REPORT_MISTAKE, "b.yml", 2, 1, "b", "is bad");
	tr_report_add(&report, TR_REPORT_NOT_YET, "b.yml", 3, 1, "c.d", "is accepted");
	tr_log_set_sink(take_line, &lines);
	assert_int_equal(tr_check_config_log(&report), 1);
	tr_log_set_sink(NULL, NULL);
	assert_int_equal(lines.count, 2);
	assert_int_equal(lines.levels[0], TR_LOG_ERROR);
	assert_non_null(strstr(lines.texts[0], "b.yml:2:1: b: is bad"));
	assert_int_equal(lines.levels[1], TR_LOG_WARN);
	assert_non_null(
		strstr(lines.texts[1], "accepted, but not yet acted on: a (line 1), c.d (line 3)"));
	tr_report_finish(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_file_is_said_to_be_good),
		cmocka_unit_test(mistakes_end_with_status_78),
		cmocka_unit_test(keys_not_yet_acted_on_are_one_record_of_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
