/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be said about a configuration: every mistake and every warning of one run, each with
 * its place, so that an administrator mends a file in one go instead of one error at a time.
 *
 * A record prints as "file:line:column: key: what is wrong and what would be right". Texts never
 * contain the value of a secret. At most TR_REPORT_MAX records are kept; the rest is counted.
 */
#ifndef TRESTLE_CONFIG_REPORT_H
#define TRESTLE_CONFIG_REPORT_H

#include "core/base/buf.h"

enum { TR_REPORT_MAX = 200 };

enum tr_report_kind {
	TR_REPORT_MISTAKE, /* the configuration cannot be used */
	TR_REPORT_WARNING, /* it can, but somebody should know */
	TR_REPORT_NOT_YET, /* a key that is accepted but not yet acted on */
};

struct tr_report_item {
	enum tr_report_kind kind;
	unsigned line, column; /* from 1, columns in characters; 0 = the file as a whole */
	char *file;
	char *key; /* path such as "bridged_irc_servers[0].parameters.port", or NULL */
	char *text;
};

/* A zeroed struct is an empty report. */
struct tr_report {
	struct tr_report_item *items;
	size_t count;
	size_t capacity;
	size_t mistakes; /* of this kind, also those not kept */
	size_t dropped;
};

void tr_report_finish(struct tr_report *report);
/* `key` may be NULL or "". Control characters in the text are replaced. */
void tr_report_add(struct tr_report *report, enum tr_report_kind kind, const char *file,
	unsigned line, unsigned column, const char *key, const char *format, ...)
	__attribute__((format(printf, 7, 8)));
/* By place in the file; records of one place stay in the order they came. */
void tr_report_sort(struct tr_report *report);
/* One record as a line, without newline. */
void tr_report_print(struct tr_buf *out, const struct tr_report_item *item);

#endif
