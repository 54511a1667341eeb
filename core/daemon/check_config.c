/* SPDX-License-Identifier: Apache-2.0 */
/* Shows what reading a configuration found, on a terminal or in the log. Finding it is
 * core/config's work. */
#include "core/daemon/check_config.h"

#include "core/base/log.h"
#include "core/daemon/options.h"

static const char *kind_prefix(enum tr_report_kind kind)
{
	return kind == TR_REPORT_WARNING ? " (warning)" : "";
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

int tr_check_config_print(FILE *out, const char *file, const struct tr_report *report)
{
	size_t others = report->count + report->dropped - report->mistakes;
	for (size_t i = 0; i < report->count; i++) {
		struct tr_buf line = TR_BUF_INIT(16384);
		tr_report_print(&line, &report->items[i]);
		fprintf(out, "%s%s\n", tr_buf_c(&line), kind_prefix(report->items[i].kind));
		tr_buf_finish(&line);
	}
	if (report->dropped) {
		fprintf(out, "and %zu more\n", report->dropped);
	}
	if (report->mistakes) {
		fprintf(out, "%s: %zu mistake%s to mend\n", file, report->mistakes,
			plural(report->mistakes));
		return TR_EXIT_CONFIG;
	}
	fprintf(out, "%s: good", file);
	if (others) {
		fprintf(out, ", with %zu remark%s", others, plural(others));
	}
	fputc('\n', out);
	return TR_EXIT_OK;
}

/* All keys of one kind in one record; a file may have dozens of them. */
static void log_not_yet(const struct tr_report *report)
{
	struct tr_buf keys = TR_BUF_INIT(1500);
	size_t left_out = 0;
	for (size_t i = 0; i < report->count; i++) {
		const struct tr_report_item *item = &report->items[i];
		if (item->kind == TR_REPORT_NOT_YET &&
			tr_buf_addf(&keys, "%s%s (line %u)", keys.len ? ", " : "",
				item->key ? item->key : "", item->line) != 0) {
			keys.failed = false;
			left_out++;
		}
	}
	if (keys.len) {
		char more[40] = "";
		if (left_out) {
			snprintf(more, sizeof(more), " and %zu more", left_out);
		}
		tr_log_warn(
			"config", "accepted, but not yet acted on: %s%s", tr_buf_c(&keys), more);
	}
	tr_buf_finish(&keys);
}

size_t tr_check_config_log(const struct tr_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct tr_report_item *item = &report->items[i];
		if (item->kind == TR_REPORT_NOT_YET) {
			continue;
		}
		struct tr_buf line = TR_BUF_INIT(16384);
		tr_report_print(&line, item);
		tr_log(item->kind == TR_REPORT_MISTAKE ? TR_LOG_ERROR : TR_LOG_WARN, "config", "%s",
			tr_buf_c(&line));
		tr_buf_finish(&line);
	}
	log_not_yet(report);
	return report->mistakes;
}
