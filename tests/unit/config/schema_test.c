/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of keys: reading into structs, defaults, records, documents and differences. */
#include "core/base/alloc.h"
#include "core/config/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum colour { RED = 3, BLUE = 7 };

struct part {
	char *name;
	int64_t size;
};

struct named_part {
	char *key;
	int64_t number;
};

struct sample {
	char *text, *secret, *path, *url, *listen, *database;
	bool flag;
	int64_t number, time, bytes;
	double rate;
	enum colour colour;
	struct tr_schema_regex regex;
	struct part part;
	struct {
		int64_t depth;
	} group;
	struct part *parts;
	size_t part_count;
	struct named_part *named;
	size_t named_count;
};

#define AT(field) offsetof(struct sample, field)

static const struct tr_schema_choice colours[] = {{"red", RED}, {"blue", BLUE}, {NULL, 0}};

static const struct tr_schema_key part_keys[] = {
	{.name = "name",
		.type = TR_SCHEMA_STRING,
		.flags = TR_KEY_REQUIRED,
		.offset = offsetof(struct part, name),
		.example = "wheel"},
	{.name = "size",
		.type = TR_SCHEMA_INT,
		.offset = offsetof(struct part, size),
		.fallback = "5"},
	{.name = NULL},
};
static const struct tr_schema part_schema = {.title = "A part",
	.keys = part_keys,
	.shorthand = "name",
	.shorthand_warning = "is the short form"};
static const struct tr_schema_key part_item = {.type = TR_SCHEMA_SECTION, .section = &part_schema};
static const struct tr_schema_key number_item = {
	.type = TR_SCHEMA_INT, .offset = offsetof(struct named_part, number), .max = 10};
static const struct tr_schema_key group_keys[] = {
	{.name = "depth",
		.type = TR_SCHEMA_INT,
		.offset = AT(group.depth),
		.fallback = "2",
		.flags = TR_KEY_RELOADABLE,
		.help = "How deep."},
	{.name = NULL},
};
static const struct tr_schema group_schema = {.title = "A group", .keys = group_keys};

static const struct tr_schema_key sample_keys[] = {
	{.name = "text",
		.type = TR_SCHEMA_STRING,
		.offset = AT(text),
		.fallback = "hello",
		.flags = TR_KEY_RELOADABLE,
		.help = "A text | with a bar."},
	{.name = "secret", .type = TR_SCHEMA_SECRET, .offset = AT(secret)},
	{.name = "path", .type = TR_SCHEMA_PATH, .offset = AT(path), .alias = "file"},
	{.name = "url", .type = TR_SCHEMA_URL, .offset = AT(url)},
	{.name = "listen", .type = TR_SCHEMA_LISTEN, .offset = AT(listen)},
	{.name = "database", .type = TR_SCHEMA_DATABASE, .offset = AT(database)},
	{.name = "flag",
		.type = TR_SCHEMA_BOOL,
		.offset = AT(flag),
		.fallback = "true",
		.flags = TR_KEY_NOT_YET},
	{.name = "number",
		.type = TR_SCHEMA_INT,
		.offset = AT(number),
		.min = 1,
		.max = 9,
		.fallback = "4"},
	{.name = "time",
		.type = TR_SCHEMA_DURATION,
		.offset = AT(time),
		.fallback = "90s",
		.max = 86400000},
	{.name = "bytes", .type = TR_SCHEMA_SIZE, .offset = AT(bytes), .fallback = "16M"},
	{.name = "rate",
		.type = TR_SCHEMA_NUMBER,
		.offset = AT(rate),
		.max = 100,
		.fallback = "1.5"},
	{.name = "colour",
		.type = TR_SCHEMA_CHOICE,
		.offset = AT(colour),
		.choices = colours,
		.fallback = "blue"},
	{.name = "regex", .type = TR_SCHEMA_REGEX, .offset = AT(regex)},
	{.name = "part",
		.type = TR_SCHEMA_SECTION,
		.offset = AT(part),
		.section = &part_schema,
		.flags = TR_KEY_REQUIRED},
	{.name = "group", .type = TR_SCHEMA_SECTION, .section = &group_schema},
	{.name = "parts",
		.type = TR_SCHEMA_LIST,
		.offset = AT(parts),
		.count_offset = AT(part_count),
		.item_size = sizeof(struct part),
		.item = &part_item},
	{.name = "named",
		.type = TR_SCHEMA_MAP,
		.offset = AT(named),
		.count_offset = AT(named_count),
		.item_size = sizeof(struct named_part),
		.item = &number_item,
		.fallback = "{x: 1, y: 2}"},
	{.name = "anything", .type = TR_SCHEMA_ANY},
	{.name = "old", .type = TR_SCHEMA_MOVED, .help = "write text"},
	{.name = NULL},
};
static const struct tr_schema sample_schema = {.title = "A sample", .keys = sample_keys};

static void read_from(
	const char *file, const char *text, struct sample *sample, struct tr_report *report)
{
	struct tr_yaml_doc *doc = tr_yaml_parse(tr_str_from(text), file, report);
	assert_non_null(doc);
	tr_schema_read(&sample_schema, doc, sample, report);
	tr_yaml_free(doc);
}

static void read_good(const char *text, struct sample *sample)
{
	struct tr_report report = {0};
	read_from("/etc/x/f.yml", text, sample, &report);
	assert_int_equal(report.mistakes, 0);
	tr_report_finish(&report);
}

/* The mistakes of a text, one a line, without the file's name. */
static void assert_mistakes(const char *text, const char *expected)
{
	struct sample sample = {0};
	struct tr_report report = {0};
	struct tr_buf lines = TR_BUF_INIT(65536);
	read_from("f", text, &sample, &report);
	tr_report_sort(&report);
	for (size_t i = 0; i < report.count; i++) {
		if (report.items[i].kind == TR_REPORT_MISTAKE) {
			tr_report_print(&lines, &report.items[i]);
			tr_buf_add_char(&lines, '\n');
		}
	}
	assert_string_equal(tr_buf_c(&lines), expected);
	tr_buf_finish(&lines);
	tr_schema_free(&sample_schema, &sample, sizeof(sample));
	tr_report_finish(&report);
}

static void free_sample(struct sample *sample)
{
	tr_schema_free(&sample_schema, sample, sizeof(*sample));
}

static void what_is_not_given_has_its_default(void **state)
{
	(void)state;
	struct sample sample = {0};
	read_good("part: {name: a}\nnumber:\n", &sample);
	assert_string_equal(sample.text, "hello");
	assert_null(sample.secret);
	assert_true(sample.flag);
	assert_int_equal(sample.number, 4);
	assert_int_equal(sample.time, 90000);
	assert_int_equal(sample.bytes, 16 * 1024 * 1024);
	assert_true(sample.rate > 1.49 && sample.rate < 1.51);
	assert_int_equal(sample.colour, BLUE);
	assert_null(sample.regex.regex);
	assert_int_equal(sample.part.size, 5);
	assert_int_equal(sample.group.depth, 2);
	assert_int_equal(sample.part_count, 0);
	assert_int_equal(sample.named_count, 2);
	assert_string_equal(sample.named[1].key, "y");
	assert_int_equal(sample.named[1].number, 2);
	free_sample(&sample);
}

static void what_is_given_is_read(void **state)
{
	(void)state;
	struct sample sample = {0};
	read_good("{text: '', secret: s, path: a/b, url: 'https://h/x/', listen: '[::1]:0',\n"
		  " database: 'sqlite:./d.db', flag: false, number: 9, time: 2h, bytes: 3KiB,\n"
		  " rate: 0.25, colour: red, regex: '^a+$', part: {name: a, size: -1},\n"
		  " group: {depth: 7}, parts: [{name: p}, {name: q, size: 6}], named: {z: 3},\n"
		  " anything: {goes: [1, 2]}}\n",
		&sample);
	assert_string_equal(sample.text, "");
	assert_string_equal(sample.secret, "s");
	assert_string_equal(sample.path, "/etc/x/a/b");
	assert_string_equal(sample.url, "https://h/x");
	assert_string_equal(sample.listen, "[::1]:0");
	assert_string_equal(sample.database, "sqlite:/etc/x/d.db");
	assert_false(sample.flag);
	assert_int_equal(sample.number, 9);
	assert_int_equal(sample.time, 7200000);
	assert_int_equal(sample.bytes, 3072);
	assert_true(sample.rate > 0.249 && sample.rate < 0.251);
	assert_int_equal(sample.colour, RED);
	assert_true(tr_regex_matches(sample.regex.regex, TR_STR("aaa")));
	assert_int_equal(sample.part.size, -1);
	assert_int_equal(sample.group.depth, 7);
	assert_int_equal(sample.part_count, 2);
	assert_string_equal(sample.parts[1].name, "q");
	assert_int_equal(sample.parts[0].size, 5);
	assert_int_equal(sample.parts[1].size, 6);
	assert_int_equal(sample.named_count, 1);
	free_sample(&sample);
}

static void relative_paths_are_relative_to_the_file_that_names_them(void **state)
{
	(void)state;
	static const char *const cases[][3] = {{"/etc/x/f.yml", "a.pem", "/etc/x/a.pem"},
		{"/f.yml", "a.pem", "/a.pem"}, {"/etc/x/f.yml", "/b/a.pem", "/b/a.pem"},
		{"/etc/x/f.yml", "./a.pem", "/etc/x/a.pem"},
		{"/etc/x/f.yml", "../a.pem", "/etc/x/../a.pem"}};
	for (size_t i = 0; i < TR_ARRAY_LEN(cases); i++) {
		struct sample sample = {0};
		struct tr_report report = {0};
		char *text = tr_asprintf("{part: a, file: %s}", cases[i][1]);
		read_from(cases[i][0], text, &sample, &report);
		assert_string_equal(sample.path, cases[i][2]);
		tr_free(text);
		tr_report_finish(&report);
		free_sample(&sample);
	}
}

static void a_relative_file_name_still_gives_absolute_paths(void **state)
{
	(void)state;
	static const char *const names[] = {"f.yml", "./f.yml", "d/f.yml"};
	for (size_t i = 0; i < TR_ARRAY_LEN(names); i++) {
		struct sample sample = {0};
		struct tr_report report = {0};
		read_from(names[i], "{part: a, path: k, database: 'sqlite:d'}", &sample, &report);
		assert_int_equal(sample.path[0], '/');
		assert_true(
			tr_str_ends(tr_str_from(sample.path), tr_str_from(i == 2 ? "/d/k" : "/k")));
		assert_null(strstr(sample.path, "/./"));
		assert_int_equal(strncmp(sample.database, "sqlite:/", 8), 0);
		tr_report_finish(&report);
		free_sample(&sample);
	}
}

static void every_mistake_of_a_file_is_reported_in_one_run(void **state)
{
	(void)state;
	assert_mistakes("number: 10\ntxet: a\nflag: 1\npart: {size: x}\nold: 1\nnamed: {a: 11}\n",
		"f:1:9: number: is \"10\": write a whole number from 1 to 9\n"
		"f:2:1: txet: is not a known key: did you mean text?\n"
		"f:3:7: flag: is \"1\": write true or false\n"
		"f:4:7: part.name: is required and missing: write for example name: wheel\n"
		"f:4:14: part.size: is \"x\": write a whole number\n"
		"f:5:6: old: is not a key here: write text\n"
		"f:6:12: named.a: is \"11\": write a whole number from 0 to 10\n");
}

static void times_sizes_and_numbers_have_one_meaning_or_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {"time: 5", "time: 5 years", "time: -5s", "time: 25h",
		"time: 99999999999999999999s", "bytes: 5X", "bytes: 9000000000G", "bytes: M",
		"rate: .5", "rate: 1.", "rate: 1e2", "rate: 101", "rate: -1", "rate: '1'",
		"rate: 1.2.3"};
	for (size_t i = 0; i < TR_ARRAY_LEN(wrong); i++) {
		struct sample sample = {0};
		struct tr_report report = {0};
		char *text = tr_asprintf("part: a\n%s\n", wrong[i]);
		read_from("f", text, &sample, &report);
		assert_int_equal(report.mistakes, 1);
		tr_free(text);
		tr_report_finish(&report);
		free_sample(&sample);
	}
}

static void a_wrong_value_leaves_the_default(void **state)
{
	(void)state;
	struct sample sample = {0};
	struct tr_report report = {0};
	read_from("f", "{part: a, number: 100, colour: green}", &sample, &report);
	assert_int_equal(report.mistakes, 2);
	assert_int_equal(sample.number, 4);
	assert_int_equal(sample.colour, BLUE);
	tr_report_finish(&report);
	free_sample(&sample);
}

static void secrets_are_never_repeated(void **state)
{
	(void)state;
	assert_mistakes("{part: a, secret: \"hunter2\\n\", database: hunter2}",
		"f:1:19: secret: has a line break or another control character in it: write one "
		"line of plain text\n"
		"f:1:42: database: is a text that does not fit: write \"sqlite:PATH\" or "
		"\"postgres://user@host/name\"\n");
}

static void an_old_short_form_is_taken_with_a_warning(void **state)
{
	(void)state;
	struct sample sample = {0};
	struct tr_report report = {0};
	read_from("f", "part: wheel\n", &sample, &report);
	assert_int_equal(report.mistakes, 0);
	assert_int_equal(report.count, 1);
	assert_int_equal(report.items[0].kind, TR_REPORT_WARNING);
	assert_string_equal(sample.part.name, "wheel");
	assert_int_equal(sample.part.size, 5);
	tr_report_finish(&report);
	free_sample(&sample);
}

static void a_key_not_yet_acted_on_is_said_when_given_and_only_then(void **state)
{
	(void)state;
	struct sample sample = {0};
	struct tr_report report = {0};
	read_from("f", "part: {name: a}\nflag: true\n", &sample, &report);
	assert_int_equal(report.count, 1);
	assert_int_equal(report.items[0].kind, TR_REPORT_NOT_YET);
	assert_string_equal(report.items[0].key, "flag");
	assert_int_equal(report.items[0].line, 2);
	tr_report_finish(&report);
	free_sample(&sample);
	read_from("f", "part: {name: a}\nflag:\n", &sample, &report);
	assert_int_equal(report.count, 0);
	tr_report_finish(&report);
	free_sample(&sample);
}

static void the_nearest_name_is_suggested_and_no_far_one(void **state)
{
	(void)state;
	assert_string_equal(tr_schema_nearest(&sample_schema, TR_STR("nubmer")), "number");
	assert_string_equal(tr_schema_nearest(&sample_schema, TR_STR("TEXT")), "text");
	assert_string_equal(tr_schema_nearest(&sample_schema, TR_STR("color")), "colour");
	assert_string_equal(tr_schema_nearest(&sample_schema, TR_STR("flie")), "file");
	assert_null(tr_schema_nearest(&sample_schema, TR_STR("zebra")));
	assert_null(tr_schema_nearest(&sample_schema, TR_STR("")));
	assert_null(tr_schema_nearest(&sample_schema, TR_STR("old")));
}

static void note(const char *path, bool reloadable, void *arg)
{
	tr_buf_addf(arg, "%s%s;", path, reloadable ? "!" : "");
}

static void assert_difference(const char *before, const char *after, const char *expected)
{
	struct sample a = {0}, b = {0};
	struct tr_buf paths = TR_BUF_INIT(4096);
	read_good(before, &a);
	read_good(after, &b);
	tr_schema_diff(&sample_schema, &a, &b, note, &paths);
	assert_string_equal(tr_buf_c(&paths), expected);
	tr_buf_finish(&paths);
	free_sample(&a);
	free_sample(&b);
}

static void differences_name_the_keys_that_changed(void **state)
{
	(void)state;
	assert_difference("part: a", "part: a", "");
	assert_difference("part: a", "{part: a, number: 4, rate: 1.5}", "");
	assert_difference("{part: a, text: x, group: {depth: 1}}", "{part: b}",
		"text!;part.name;group.depth!;");
	assert_difference("{part: a, parts: [x, y], named: {a: 1}}",
		"{part: a, parts: [x, z], named: {b: 1}}", "parts[1].name;named;");
	assert_difference("{part: a, parts: [x]}", "{part: a, parts: [x, y]}", "parts;");
	assert_difference("{part: a, secret: s, regex: a, flag: true, colour: red, time: 1s}",
		"{part: a, secret: t, regex: b, flag: false, colour: blue, time: 2s}",
		"secret;flag;time;colour;regex;");
}

static void the_example_can_be_read_again(void **state)
{
	(void)state;
	struct sample sample = {0};
	struct tr_buf text = TR_BUF_INIT(65536);
	tr_schema_print_example(&sample_schema, &text);
	read_good(tr_buf_c(&text), &sample);
	assert_string_equal(sample.part.name, "wheel");
	assert_non_null(strstr(tr_buf_c(&text), "\n#text: hello\n"));
	assert_non_null(strstr(tr_buf_c(&text), "\npart:\n  # (required)\n  name: wheel\n"));
	assert_non_null(strstr(tr_buf_c(&text), "\n#group:\n  # How deep.\n  #depth: 2\n"));
	assert_null(strstr(tr_buf_c(&text), "old"));
	free_sample(&sample);
	tr_buf_finish(&text);
}

static void the_reference_has_every_key_and_escapes_bars(void **state)
{
	(void)state;
	struct tr_buf text = TR_BUF_INIT(65536);
	tr_schema_print_reference(&sample_schema, &text);
	assert_non_null(strstr(tr_buf_c(&text),
		"| `text` | text | `hello` | A text \\| with a bar. *Reloadable.* |\n"));
	assert_non_null(strstr(tr_buf_c(&text), "\n## `parts[]`\n\nA part.\n"));
	assert_non_null(strstr(tr_buf_c(&text), "| `path` (also `file`) | path |  |"));
	assert_non_null(strstr(tr_buf_c(&text), "*Not yet acted on.*"));
	assert_null(strstr(tr_buf_c(&text), "`old`"));
	tr_buf_finish(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(what_is_given_is_read),
		cmocka_unit_test(relative_paths_are_relative_to_the_file_that_names_them),
		cmocka_unit_test(a_relative_file_name_still_gives_absolute_paths),
		cmocka_unit_test(every_mistake_of_a_file_is_reported_in_one_run),
		cmocka_unit_test(times_sizes_and_numbers_have_one_meaning_or_are_refused),
		cmocka_unit_test(a_wrong_value_leaves_the_default),
		cmocka_unit_test(secrets_are_never_repeated),
		cmocka_unit_test(an_old_short_form_is_taken_with_a_warning),
		cmocka_unit_test(a_key_not_yet_acted_on_is_said_when_given_and_only_then),
		cmocka_unit_test(the_nearest_name_is_suggested_and_no_far_one),
		cmocka_unit_test(differences_name_the_keys_that_changed),
		cmocka_unit_test(the_example_can_be_read_again),
		cmocka_unit_test(the_reference_has_every_key_and_escapes_bars),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
