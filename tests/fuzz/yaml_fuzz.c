/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML and the configuration read from it: every place a record or node names is in the text, every
 * tree keeps its stated limits, every mistake has a sentence on one line, and whatever was read of
 * a bad file can be freed.
 */
#include "bridges/irc/irc_config.h"
#include "core/base/alloc.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* At most; what is missing at the end may be reported on the line after the last. */
static size_t count_lines(struct tr_str text)
{
	size_t lines = 2;
	for (size_t i = 0; i < text.len; i++) {
		/* NEL, LS and PS end a line in YAML 1.1 too; CR LF counted twice does no harm */
		lines += text.ptr[i] == '\n' || text.ptr[i] == '\r' || text.ptr[i] == '\x85' ||
			 text.ptr[i] == '\xa8' || text.ptr[i] == '\xa9';
	}
	return lines;
}

static void check_node(const struct tr_yaml_node *node, size_t lines, unsigned depth)
{
	TR_ASSERT(depth <= TR_YAML_MAX_DEPTH + 1);
	TR_ASSERT(node->line >= 1 && node->line <= lines && node->column >= 1);
	TR_ASSERT(node->weight >= 1 && node->weight <= TR_YAML_MAX_NODES);
	TR_ASSERT(node->kind != TR_YAML_SCALAR || node->text.ptr[node->text.len] == '\0');
	for (size_t i = 0; i < node->count; i++) {
		if (node->kind == TR_YAML_MAP) {
			TR_ASSERT(node->keys[i]->kind == TR_YAML_SCALAR);
			check_node(node->keys[i], lines, depth + 1);
		}
		check_node(node->values[i], lines, depth + 1);
	}
}

static void check_report(const struct tr_report *report, size_t lines)
{
	for (size_t i = 0; i < report->count; i++) {
		struct tr_buf line = TR_BUF_INIT(65536);
		TR_ASSERT(report->items[i].line <= lines);
		tr_report_print(&line, &report->items[i]);
		TR_ASSERT(!tr_buf_failed(&line) && line.len > 0);
		TR_ASSERT(tr_str_find_char(tr_buf_str(&line), '\n') < 0);
		TR_ASSERT(tr_utf8_valid(tr_buf_str(&line)));
		tr_buf_finish(&line);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tr_str text = tr_str_of((const char *)data, size);
	size_t lines = count_lines(text);
	struct tr_report report = {0};
	struct tr_yaml_doc *doc = tr_yaml_parse(text, "f.yml", &report);
	if (doc) {
		check_node(tr_yaml_root(doc), lines, 0);
		struct tr_irc_config config = {0};
		int code = tr_schema_read(&tr_irc_config_schema, doc, &config, &report);
		if (code == 0) {
			for (size_t i = 0; i < config.bridge_count; i++) {
				TR_ASSERT(config.bridges[i].database);
				TR_ASSERT(config.bridges[i].registration);
				TR_ASSERT(config.bridges[i].parameters.name);
				TR_ASSERT(config.bridges[i].parameters.port > 0);
			}
		}
		tr_irc_config_finish(&config);
		tr_yaml_free(doc);
	} else {
		TR_ASSERT(report.mistakes > 0);
	}
	tr_report_sort(&report);
	check_report(&report, lines);
	tr_report_finish(&report);
	return 0;
}
