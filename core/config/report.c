/* SPDX-License-Identifier: Apache-2.0 */
/* Collects and prints what is to be said about a configuration. Who prints it where is the
 * daemon's business. */
#include "core/config/report.h"

#include "core/base/alloc.h"

void tr_report_finish(struct tr_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		tr_free(report->items[i].file);
		tr_free(report->items[i].key);
		tr_free(report->items[i].text);
	}
	tr_free(report->items);
	*report = (struct tr_report){0};
}

/* A record is one line whatever the file had in it. */
static char *take_clean(struct tr_buf *buf)
{
	char *text = tr_buf_take(buf);
	for (char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f) {
			*p = '?';
		}
	}
	return text;
}

static char *clean_dup(const char *text)
{
	struct tr_buf buf = TR_BUF_INIT(4096);
	struct tr_str view = tr_str_from(text);
	tr_buf_add(&buf, tr_str_slice(view, 0, tr_utf8_fit(view, 4000)));
	return take_clean(&buf);
}

__attribute__((format(printf, 1, 0))) static char *format_text(const char *format, va_list args)
{
	struct tr_buf buf = TR_BUF_INIT(16384);
	if (tr_buf_addfv(&buf, format, args) != 0) {
		tr_buf_clear(&buf);
		tr_buf_add_c(&buf, "is too long to be shown");
	}
	struct tr_str all = tr_buf_str(&buf);
	if (all.len > 1000) {
		tr_buf_truncate(&buf, tr_utf8_fit(all, 1000));
		tr_buf_add_c(&buf, "...");
	}
	return take_clean(&buf);
}

void tr_report_add(struct tr_report *report, enum tr_report_kind kind, const char *file,
	unsigned line, unsigned column, const char *key, const char *format, ...)
{
	if (kind == TR_REPORT_MISTAKE) {
		report->mistakes++;
	}
	if (report->count == TR_REPORT_MAX) {
		report->dropped++;
		return;
	}
	if (report->count == report->capacity) {
		report->capacity = report->capacity ? report->capacity * 2 : 8;
		report->items =
			tr_realloc_array(report->items, report->capacity, sizeof(report->items[0]));
	}
	va_list args;
	va_start(args, format);
	report->items[report->count++] = (struct tr_report_item){
		.kind = kind,
		.line = line,
		.column = column,
		.file = clean_dup(file),
		.key = key && *key ? clean_dup(key) : NULL,
		.text = format_text(format, args),
	};
	va_end(args);
}

static bool comes_after(const struct tr_report_item *a, const struct tr_report_item *b)
{
	return a->line != b->line ? a->line > b->line : a->column > b->column;
}

/* Insertion sort: stable, and there are few. */
void tr_report_sort(struct tr_report *report)
{
	for (size_t i = 1; i < report->count; i++) {
		struct tr_report_item item = report->items[i];
		size_t at = i;
		while (at > 0 && comes_after(&report->items[at - 1], &item)) {
			report->items[at] = report->items[at - 1];
			at--;
		}
		report->items[at] = item;
	}
}

void tr_report_print(struct tr_buf *out, const struct tr_report_item *item)
{
	tr_buf_add_c(out, item->file);
	if (item->line) {
		tr_buf_addf(out, ":%u:%u", item->line, item->column);
	}
	if (item->key) {
		tr_buf_addf(out, ": %s", item->key);
	}
	tr_buf_addf(out, ": %s", item->text);
}
