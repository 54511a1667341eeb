/* SPDX-License-Identifier: Apache-2.0 */
/* The YAML tree: places, forms, and what is refused. */
#include "core/base/alloc.h"
#include "core/config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct tr_yaml_doc *parse(const char *text, struct tr_report *report)
{
	return tr_yaml_parse(tr_str_from(text), "f.yml", report);
}

/* A text without mistakes. */
static struct tr_yaml_doc *good(const char *text)
{
	struct tr_report report = {0};
	struct tr_yaml_doc *doc = parse(text, &report);
	assert_non_null(doc);
	assert_int_equal(report.count, 0);
	tr_report_finish(&report);
	return doc;
}

/* A text whose only record is `record`. */
static void bad(const char *text, const char *record)
{
	struct tr_report report = {0};
	struct tr_buf line = TR_BUF_INIT(4096);
	tr_yaml_free(parse(text, &report));
	assert_int_equal(report.mistakes, 1);
	tr_report_print(&line, &report.items[0]);
	assert_string_equal(tr_buf_c(&line), record);
	tr_buf_finish(&line);
	tr_report_finish(&report);
}

static void assert_place(const struct tr_yaml_node *node, unsigned line, unsigned column)
{
	assert_non_null(node);
	assert_int_equal(node->line, line);
	assert_int_equal(node->column, column);
}

static void every_node_knows_its_line_and_column(void **state)
{
	(void)state;
	struct tr_yaml_doc *doc = good("a: 1\nb:\n  - x\n  - {c: \"y\"}\n");
	const struct tr_yaml_node *root = tr_yaml_root(doc);
	assert_place(root, 1, 1);
	assert_place(tr_yaml_get(root, "a"), 1, 4);
	const struct tr_yaml_node *list = tr_yaml_get(root, "b");
	assert_place(list, 3, 3);
	assert_int_equal(list->count, 2);
	assert_place(list->values[0], 3, 5);
	assert_place(tr_yaml_get(list->values[1], "c"), 4, 9);
	tr_yaml_free(doc);
}

static void columns_count_characters_not_bytes(void **state)
{
	(void)state;
	struct tr_yaml_doc *doc = good("{\xc3\xa4\xe2\x82\xac: b, c: d}\n");
	assert_place(tr_yaml_get(tr_yaml_root(doc), "\xc3\xa4\xe2\x82\xac"), 1, 6);
	assert_place(tr_yaml_get(tr_yaml_root(doc), "c"), 1, 12);
	tr_yaml_free(doc);
	bad("a: \xc3\xa4\x01\n",
		"f.yml:1:5: the character U+0001 cannot stand in YAML: remove it, or "
		"write it as an escape in double quotes");
}

static void block_style_flow_style_and_json_give_the_same_tree(void **state)
{
	(void)state;
	static const char *const forms[] = {"a:\n  b: [x, y]\n", "a:\n  b:\n  - x\n  - y\n",
		"{a: {b: [x, y]}}", "{\"a\": {\"b\": [\"x\",\n\t\"y\"]}}",
		"--- {a: {b: [x, 'y']}}\n...\n", "%YAML 1.2\n---\na: {b: [x, y]}\n",
		"\xef\xbb\xbf"
		"a: {b: [x, y]}\r\n"};
	for (size_t i = 0; i < TR_ARRAY_LEN(forms); i++) {
		struct tr_yaml_doc *doc = good(forms[i]);
		const struct tr_yaml_node *b =
			tr_yaml_get(tr_yaml_get(tr_yaml_root(doc), "a"), "b");
		assert_non_null(b);
		assert_int_equal(b->kind, TR_YAML_LIST);
		assert_int_equal(b->count, 2);
		assert_true(tr_str_eq_c(b->values[0]->text, "x"));
		assert_true(tr_str_eq_c(b->values[1]->text, "y"));
		tr_yaml_free(doc);
	}
}

static void only_unquoted_nothing_is_null(void **state)
{
	(void)state;
	struct tr_yaml_doc *doc =
		good("a:\nb: ~\nc: null\nd: ''\ne: \"null\"\nf: !!str null\ng: 'x'\nh: |\n  t\n");
	const struct tr_yaml_node *root = tr_yaml_root(doc);
	assert_int_equal(tr_yaml_get(root, "a")->kind, TR_YAML_NULL);
	assert_int_equal(tr_yaml_get(root, "b")->kind, TR_YAML_NULL);
	assert_int_equal(tr_yaml_get(root, "c")->kind, TR_YAML_NULL);
	static const char *const texts[] = {"d", "e", "f", "g", "h"};
	for (size_t i = 0; i < TR_ARRAY_LEN(texts); i++) {
		assert_int_equal(tr_yaml_get(root, texts[i])->kind, TR_YAML_SCALAR);
		assert_true(tr_yaml_get(root, texts[i])->quoted);
	}
	tr_yaml_free(doc);
}

static void a_nul_in_a_quoted_text_does_not_cut_it(void **state)
{
	(void)state;
	struct tr_yaml_doc *doc = good("a: \"x\\0yz\"\n");
	struct tr_str text = tr_yaml_get(tr_yaml_root(doc), "a")->text;
	assert_int_equal(text.len, 4);
	assert_memory_equal(text.ptr, "x\0yz", 5);
	tr_yaml_free(doc);
}

static void an_empty_document_is_null_at_the_beginning(void **state)
{
	(void)state;
	struct tr_yaml_doc *doc = good("");
	assert_int_equal(tr_yaml_root(doc)->kind, TR_YAML_NULL);
	assert_place(tr_yaml_root(doc), 1, 1);
	assert_null(tr_yaml_get(tr_yaml_root(doc), "a"));
	assert_null(tr_yaml_get(NULL, "a"));
	tr_yaml_free(doc);
}

static void aliases_stand_for_what_they_name(void **state)
{
	(void)state;
	struct tr_yaml_doc *doc = good("a: &x {k: v}\nb: *x\nc: [*x, *x]\n");
	const struct tr_yaml_node *root = tr_yaml_root(doc);
	assert_ptr_equal(tr_yaml_get(root, "a"), tr_yaml_get(root, "b"));
	assert_true(tr_str_eq_c(tr_yaml_get(tr_yaml_get(root, "c")->values[1], "k")->text, "v"));
	tr_yaml_free(doc);
	bad("a: &x [*x]\n", "f.yml:1:8: the alias *x has no anchor &x above it");
}

static void merged_keys_give_way_to_keys_spelled_out(void **state)
{
	(void)state;
	struct tr_yaml_doc *doc = good("a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\n"
				       "c: {<<: [*a, *b], x: 5}\nd: {<<: *a}\n");
	const struct tr_yaml_node *c = tr_yaml_get(tr_yaml_root(doc), "c");
	assert_int_equal(c->count, 3);
	assert_true(tr_str_eq_c(tr_yaml_get(c, "x")->text, "5"));
	assert_true(tr_str_eq_c(tr_yaml_get(c, "y")->text, "2"));
	assert_true(tr_str_eq_c(tr_yaml_get(c, "z")->text, "4"));
	assert_int_equal(tr_yaml_get(tr_yaml_root(doc), "d")->count, 2);
	tr_yaml_free(doc);
}

static void duplicate_keys_are_refused_with_both_places_and_the_rest_is_read(void **state)
{
	(void)state;
	struct tr_report report = {0};
	struct tr_yaml_doc *doc = parse("a: 1\nb: 2\n\"a\": 3\nb: 4\n", &report);
	assert_non_null(doc);
	assert_int_equal(report.mistakes, 2);
	assert_int_equal(report.items[0].line, 3);
	assert_int_equal(report.items[1].line, 4);
	assert_string_equal(report.items[1].text,
		"is given twice, first at line 2, column 1: keep one of the two");
	assert_true(tr_str_eq_c(tr_yaml_get(tr_yaml_root(doc), "a")->text, "1"));
	tr_yaml_free(doc);
	tr_report_finish(&report);
}

/* "Billion laughs": nine lines that would be 10^9 values when written out. */
static void aliases_of_aliases_are_stopped_before_they_explode(void **state)
{
	(void)state;
	struct tr_buf text = TR_BUF_INIT(65536);
	struct tr_report report = {0};
	tr_buf_add_c(&text, "a0: &a0 [lol]\n");
	for (int i = 1; i < 10; i++) {
		tr_buf_addf(&text, "a%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++) {
			tr_buf_addf(&text, "%s*a%d", j ? ", " : "", i - 1);
		}
		tr_buf_add_c(&text, "]\n");
	}
	assert_null(parse(tr_buf_c(&text), &report));
	assert_int_equal(report.mistakes, 1);
	assert_non_null(strstr(report.items[0].text, "more than 100000 values"));
	tr_report_finish(&report);
	tr_buf_finish(&text);
}

/* The same through "<<": a thousand merges of a section of a thousand keys. */
static void merges_are_counted_too(void **state)
{
	(void)state;
	struct tr_buf text = TR_BUF_INIT(1024 * 1024);
	struct tr_report report = {0};
	tr_buf_add_c(&text, "a: &a\n");
	for (int i = 0; i < 1000; i++) {
		tr_buf_addf(&text, "  k%d: v\n", i);
	}
	tr_buf_add_c(&text, "b:\n");
	for (int i = 0; i < 1000; i++) {
		tr_buf_add_c(&text, "- {<<: *a}\n");
	}
	assert_null(parse(tr_buf_c(&text), &report));
	assert_non_null(strstr(report.items[0].text, "more than 100000 values"));
	tr_report_finish(&report);
	tr_buf_finish(&text);
}

static void depth_and_size_have_limits(void **state)
{
	(void)state;
	struct tr_report report = {0};
	char deep[200];
	memset(deep, '[', 100);
	memset(deep + 100, ']', 99);
	deep[199] = '\0';
	assert_null(parse(deep, &report));
	assert_string_equal(report.items[0].text, "is nested too deep: at most 48 levels");
	tr_report_finish(&report);

	char *big = tr_alloc(TR_YAML_MAX_BYTES + 2);
	memset(big, '#', TR_YAML_MAX_BYTES + 1);
	assert_null(parse(big, &report));
	assert_string_equal(report.items[0].text, "is larger than 1 MiB: no configuration is");
	tr_report_finish(&report);
	tr_free(big);
}

static void one_file_is_one_document(void **state)
{
	(void)state;
	bad("a: 1\n---\nb: 2\n",
		"f.yml:2:1: a second document begins here: one file is one document");
	tr_yaml_free(good("---\na: 1\n...\n"));
}

static void bytes_that_are_not_utf8_are_refused_at_their_place(void **state)
{
	(void)state;
	bad("a: b\nc: \xc3(\n", "f.yml:2:4: is not UTF-8: save the file in that encoding");
	bad("a: \xed\xa0\x80\n", "f.yml:1:4: is not UTF-8: save the file in that encoding");
	tr_yaml_free(good("a: \"\xef\xbf\xbd\"\n"));
}

static void load_says_why_a_file_cannot_be_read(void **state)
{
	(void)state;
	struct tr_report report = {0};
	assert_null(tr_yaml_load("/nonexistent/f.yml", &report));
	assert_null(tr_yaml_load("/", &report));
	assert_int_equal(report.mistakes, 2);
	assert_int_equal(report.items[0].line, 0);
	assert_non_null(strstr(report.items[0].text, "No such file"));
	assert_non_null(strstr(report.items[1].text, "directory"));
	tr_report_finish(&report);
}

static void load_refuses_a_file_without_end(void **state)
{
	(void)state;
	struct tr_report report = {0};
	assert_null(tr_yaml_load("/dev/zero", &report));
	assert_string_equal(report.items[0].text, "is larger than 1 MiB: no configuration is");
	tr_report_finish(&report);
}

static void a_report_keeps_its_records_in_bounds_and_on_one_line(void **state)
{
	(void)state;
	struct tr_report report = {0};
	struct tr_buf line = TR_BUF_INIT(4096);
	for (unsigned i = 0; i < TR_REPORT_MAX + 5; i++) {
		tr_report_add(
			&report, TR_REPORT_MISTAKE, "f", TR_REPORT_MAX + 5 - i, 1, "k", "x\ny");
	}
	assert_int_equal(report.count, TR_REPORT_MAX);
	assert_int_equal(report.dropped, 5);
	assert_int_equal(report.mistakes, TR_REPORT_MAX + 5);
	tr_report_sort(&report);
	assert_int_equal(report.items[0].line, 6);
	tr_report_print(&line, &report.items[0]);
	assert_string_equal(tr_buf_c(&line), "f:6:1: k: x?y");
	tr_buf_finish(&line);
	tr_report_finish(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_node_knows_its_line_and_column),
		cmocka_unit_test(columns_count_characters_not_bytes),
		cmocka_unit_test(block_style_flow_style_and_json_give_the_same_tree),
		cmocka_unit_test(only_unquoted_nothing_is_null),
		cmocka_unit_test(a_nul_in_a_quoted_text_does_not_cut_it),
		cmocka_unit_test(an_empty_document_is_null_at_the_beginning),
		cmocka_unit_test(aliases_stand_for_what_they_name),
		cmocka_unit_test(merged_keys_give_way_to_keys_spelled_out),
		cmocka_unit_test(duplicate_keys_are_refused_with_both_places_and_the_rest_is_read),
		cmocka_unit_test(aliases_of_aliases_are_stopped_before_they_explode),
		cmocka_unit_test(merges_are_counted_too),
		cmocka_unit_test(depth_and_size_have_limits),
		cmocka_unit_test(one_file_is_one_document),
		cmocka_unit_test(bytes_that_are_not_utf8_are_refused_at_their_place),
		cmocka_unit_test(load_says_why_a_file_cannot_be_read),
		cmocka_unit_test(load_refuses_a_file_without_end),
		cmocka_unit_test(a_report_keeps_its_records_in_bounds_and_on_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
