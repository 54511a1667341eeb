/* SPDX-License-Identifier: Apache-2.0 */
/* configs/irc/bridge.yml and docs/irc/configuration.md are printed from the tables. After a change
 * of the tables write them anew with
 *     TRESTLE_WRITE_DOCS=1 build/asan/tests/irc_irc_config_docs_test */
#include "bridges/irc/irc_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char example_file[] = TEST_SOURCE_DIR "/configs/irc/bridge.yml";
static const char reference_file[] = TEST_SOURCE_DIR "/docs/irc/configuration.md";

static const char example_head[] =
	"# Configuration of trestle-irc. What is commented out shows the default, or an example where\n"
	"# there is none. Relative paths are relative to this file. Every key is in\n"
	"# docs/irc/configuration.md; `trestle-irc --config FILE --check-config` finds mistakes.\n\n";

static const char reference_head[] =
	"# Configuration of trestle-irc\n\n"
	"One YAML file, named with `--config`; flow style and JSON are YAML too. A commented example is\n"
	"[configs/irc/bridge.yml](../../configs/irc/bridge.yml). `--check-config` reports every mistake\n"
	"in one run, each as `file:line:column: key: what is wrong and what would be right`, and ends\n"
	"with status 78 when there is one.\n\n"
	"The keys under `bridged_irc_servers[].parameters` are those of a server of\n"
	"matrix-appservice-irc, with its names and defaults; the keys around them are those of an\n"
	"installer's file. A key marked *not yet acted on* is accepted and named at start. A key marked\n"
	"*reloadable* takes effect on SIGHUP, the others at the next start; a bad file leaves the\n"
	"running configuration as it is.\n\n"
	"- Relative paths are relative to the file that names them.\n"
	"- The store is `database` of the entry, else the top-level `database`, else what the\n"
	"  `postgres_` keys say, else `sqlite:trestle.db`.\n"
	"- Each entry of `bridged_irc_servers` is one bridge with its own registration and store. With\n"
	"  several entries each names its own `registration`, and `database` or `postgres_` keys, and\n"
	"  has its own `bot_username` and its own ids for IRC users; the listener is shared.\n"
	"- A key without a value counts as not given.\n"
	"- `drop_matrix_messages_after_seconds` bounds how long a message may wait; there is no limit on\n"
	"  the number of attempts.\n\n"
	"This page is printed from the tables that read the file (`tests/unit/irc/\n"
	"irc_config_docs_test.c` compares it).\n\n";

static void print_example(struct tr_buf *out)
{
	tr_buf_add_c(out, example_head);
	tr_schema_print_example(&tr_irc_config_schema, out);
	assert_false(tr_buf_failed(out));
}

static void print_reference(struct tr_buf *out)
{
	tr_buf_add_c(out, reference_head);
	tr_schema_print_reference(&tr_irc_config_schema, out);
	assert_false(tr_buf_failed(out));
}

static void compare_or_write(const char *file, const struct tr_buf *wanted)
{
	if (getenv("TRESTLE_WRITE_DOCS")) {
		FILE *out = fopen(file, "wb");
		assert_non_null(out);
		assert_int_equal(fwrite(wanted->data, 1, wanted->len, out), wanted->len);
		assert_int_equal(fclose(out), 0);
	}
	struct tr_buf found = TR_BUF_INIT(1024 * 1024);
	FILE *in = fopen(file, "rb");
	assert_non_null(in);
	for (int c; (c = getc(in)) != EOF;) {
		tr_buf_add_char(&found, (char)c);
	}
	fclose(in);
	assert_string_equal(tr_buf_c(&found), tr_buf_c(wanted));
	tr_buf_finish(&found);
}

static void the_example_in_the_repository_is_the_printed_one(void **state)
{
	struct tr_buf text = TR_BUF_INIT(1024 * 1024);
	(void)state;
	print_example(&text);
	compare_or_write(example_file, &text);
	tr_buf_finish(&text);
}

static void the_reference_in_the_repository_is_the_printed_one(void **state)
{
	struct tr_buf text = TR_BUF_INIT(1024 * 1024);
	(void)state;
	print_reference(&text);
	compare_or_write(reference_file, &text);
	tr_buf_finish(&text);
}

static void assert_loads(const struct tr_buf *text)
{
	struct tr_irc_config config = {0};
	struct tr_report report = {0};
	struct tr_yaml_doc *doc = tr_yaml_parse(tr_buf_str(text), "/etc/t/bridge.yml", &report);
	assert_non_null(doc);
	tr_schema_read(&tr_irc_config_schema, doc, &config, &report);
	for (size_t i = 0; i < report.count; i++) {
		if (report.items[i].kind != TR_REPORT_NOT_YET) {
			struct tr_buf line = TR_BUF_INIT(4096);
			tr_report_print(&line, &report.items[i]);
			print_error("%s\n", tr_buf_c(&line));
			tr_buf_finish(&line);
		}
	}
	assert_int_equal(report.mistakes, 0);
	assert_int_equal(config.bridge_count, 1);
	tr_yaml_free(doc);
	tr_irc_config_finish(&config);
	tr_report_finish(&report);
}

static void the_example_is_good_as_it_stands(void **state)
{
	struct tr_buf text = TR_BUF_INIT(1024 * 1024);
	(void)state;
	print_example(&text);
	assert_loads(&text);
	tr_buf_finish(&text);
}

/* "#key: value" is in force when its '#' is taken away; "# text" stays a comment. */
static void the_example_is_good_with_every_key_in_force(void **state)
{
	struct tr_buf text = TR_BUF_INIT(1024 * 1024), all = TR_BUF_INIT(1024 * 1024);
	(void)state;
	print_example(&text);
	struct tr_str rest = tr_buf_str(&text), line;
	while (tr_str_split(&rest, '\n', &line)) {
		ptrdiff_t hash = tr_str_find_char(line, '#');
		bool leads = hash >= 0 && tr_str_trim(line).ptr == line.ptr + hash;
		if (leads && (size_t)hash + 1 < line.len && line.ptr[hash + 1] != ' ') {
			tr_buf_add(&all, tr_str_slice(line, 0, (size_t)hash));
			line = tr_str_from_index(line, (size_t)hash + 1);
		}
		tr_buf_add(&all, line);
		tr_buf_add_char(&all, '\n');
	}
	assert_loads(&all);
	tr_buf_finish(&text);
	tr_buf_finish(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_in_the_repository_is_the_printed_one),
		cmocka_unit_test(the_reference_in_the_repository_is_the_printed_one),
		cmocka_unit_test(the_example_is_good_as_it_stands),
		cmocka_unit_test(the_example_is_good_with_every_key_in_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
