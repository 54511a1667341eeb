/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of figures and its text form (Prometheus exposition format 0.0.4). Belongs to the
 * loop's thread; who serves the text is the business of the HTTP server's user.
 */
#include "core/io/metrics.h"

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/list.h"
#include "core/base/map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERIES_MAX = 1000 };
static const char overflow_labels[] = "overflow=\"true\"";

/* Upper bounds in seconds; le="+Inf" is the count of all. */
static const double buckets[] = {
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
#define BUCKETS TR_ARRAY_LEN(buckets)

struct metric_family {
	enum tr_metric_type type;
	char *name;
	char *help;
	struct tr_map series; /* labels -> struct tr_metric */
	size_t count;
};

struct metric_histogram {
	uint64_t count;
	uint64_t in_bucket[TR_ARRAY_LEN(buckets)]; /* not cumulative */
};

struct tr_metric {
	enum tr_metric_type type;
	double value;                       /* of a histogram: the sum */
	struct metric_histogram *histogram; /* NULL for the others */
};

struct metric_collector {
	struct tr_list node;
	tr_metrics_collector *collect;
	void *arg;
};

struct tr_metrics {
	struct tr_map families; /* name -> struct metric_family */
	struct tr_list collectors;
};

struct tr_metrics *tr_metrics_create(void)
{
	struct tr_metrics *metrics = tr_alloc(sizeof(*metrics));

	tr_list_init(&metrics->collectors);
	return metrics;
}

static void family_destroy(struct metric_family *family)
{
	struct tr_map_entry *entry;

	for (entry = tr_map_first(&family->series); entry; entry = tr_map_next(entry)) {
		struct tr_metric *metric = tr_map_value(entry);

		tr_free(metric->histogram);
		tr_free(metric);
	}
	tr_map_finish(&family->series);
	tr_free(family->name);
	tr_free(family->help);
	tr_free(family);
}

void tr_metrics_destroy(struct tr_metrics *metrics)
{
	struct tr_map_entry *entry;
	struct tr_list *node;
	struct tr_list *following;

	if (!metrics) {
		return;
	}
	for (entry = tr_map_first(&metrics->families); entry; entry = tr_map_next(entry)) {
		family_destroy(tr_map_value(entry));
	}
	tr_map_finish(&metrics->families);
	TR_LIST_EACH (&metrics->collectors, node, following) {
		tr_free(TR_LIST_ENTRY(node, struct metric_collector, node));
	}
	tr_free(metrics);
}

/* [a-zA-Z_:][a-zA-Z0-9_:]*: one bad name would make the whole exposition unreadable. */
static bool name_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:"
				      "0123456789";

	return name[0] != '\0' && !(name[0] >= '0' && name[0] <= '9') &&
	       name[strspn(name, allowed)] == '\0';
}

static struct metric_family *family_get(
	struct tr_metrics *metrics, enum tr_metric_type type, const char *name, const char *help)
{
	struct metric_family *family = tr_map_get(&metrics->families, tr_str_from(name));

	if (!family) {
		TR_ASSERT(name_valid(name));
		family = tr_alloc(sizeof(*family));
		family->type = type;
		family->name = tr_strdup(name);
		family->help = tr_strdup(help ? help : "");
		(void)tr_map_set(&metrics->families, tr_str_from(name), family);
	}
	TR_ASSERT(family->type == type);
	return family;
}

struct tr_metric *tr_metrics_get(struct tr_metrics *metrics, enum tr_metric_type type,
	const char *name, const char *labels, const char *help)
{
	struct metric_family *family = family_get(metrics, type, name, help);
	struct tr_str key = tr_str_from(labels);
	struct tr_metric *metric = tr_map_get(&family->series, key);

	if (!metric && family->count >= SERIES_MAX) {
		key = tr_str_from(overflow_labels);
		metric = tr_map_get(&family->series, key);
	}
	if (!metric) {
		metric = tr_alloc(sizeof(*metric));
		metric->type = type;
		if (type == TR_METRIC_HISTOGRAM) {
			metric->histogram = tr_alloc(sizeof(*metric->histogram));
		}
		(void)tr_map_set(&family->series, key, metric);
		family->count++;
	}
	return metric;
}

void tr_metric_add(struct tr_metric *metric, double amount)
{
	TR_ASSERT(metric->type == TR_METRIC_GAUGE ||
		  (metric->type == TR_METRIC_COUNTER && amount >= 0));
	metric->value += amount;
}

void tr_metric_set(struct tr_metric *metric, double value)
{
	TR_ASSERT(metric->type != TR_METRIC_HISTOGRAM);
	metric->value = value;
}

double tr_metric_value(const struct tr_metric *metric)
{
	return metric->value;
}

void tr_metric_observe(struct tr_metric *metric, double seconds)
{
	struct metric_histogram *histogram = metric->histogram;
	size_t i;

	TR_ASSERT(histogram != NULL);
	metric->value += seconds;
	histogram->count++;
	for (i = 0; i < BUCKETS; i++) {
		if (seconds <= buckets[i]) {
			histogram->in_bucket[i]++;
			break;
		}
	}
}

/* Bytes that are not UTF-8 become U+FFFD: a scraper would refuse the whole text for one of them. */
static void add_escaped(struct tr_buf *out, struct tr_str text, bool quotes)
{
	size_t index = 0;

	while (index < text.len) {
		uint32_t code_point = tr_utf8_next(text, &index);

		if (code_point == '\\') {
			(void)tr_buf_add_c(out, "\\\\");
		} else if (code_point == '\n') {
			(void)tr_buf_add_c(out, "\\n");
		} else if (code_point == '"' && quotes) {
			(void)tr_buf_add_c(out, "\\\"");
		} else {
			(void)tr_buf_add_code_point(out, code_point == 0 ? 0xFFFD : code_point);
		}
	}
}

void tr_metrics_label(struct tr_buf *labels, const char *name, struct tr_str value)
{
	if (labels->len > 0) {
		(void)tr_buf_add_char(labels, ',');
	}
	(void)tr_buf_addf(labels, "%s=\"", name);
	add_escaped(labels, value, true);
	(void)tr_buf_add_char(labels, '"');
}

void tr_metrics_add_collector(
	struct tr_metrics *metrics, tr_metrics_collector *collector, void *arg)
{
	struct metric_collector *entry = tr_alloc(sizeof(*entry));

	entry->collect = collector;
	entry->arg = arg;
	tr_list_append(&metrics->collectors, &entry->node);
}

void tr_metrics_remove_collector(
	struct tr_metrics *metrics, tr_metrics_collector *collector, void *arg)
{
	struct tr_list *node;
	struct tr_list *following;

	TR_LIST_EACH (&metrics->collectors, node, following) {
		struct metric_collector *entry = TR_LIST_ENTRY(node, struct metric_collector, node);

		if (entry->collect == collector && entry->arg == arg) {
			tr_list_remove(node);
			tr_free(entry);
		}
	}
}

/* The shortest of the usual forms that reads back as the same number. */
static void add_number(struct tr_buf *out, double value)
{
	char text[64];

	if (isnan(value)) {
		(void)tr_buf_add_c(out, "NaN");
		return;
	}
	if (isinf(value)) {
		(void)tr_buf_add_c(out, value > 0 ? "+Inf" : "-Inf");
		return;
	}
	(void)snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value) {
		(void)snprintf(text, sizeof(text), "%.17g", value);
	}
	(void)tr_buf_add_c(out, text);
}

static void add_sample(struct tr_buf *out, const char *name, const char *suffix,
	struct tr_str labels, double value)
{
	(void)tr_buf_addf(out, "%s%s", name, suffix);
	if (labels.len > 0) {
		(void)tr_buf_addf(out, "{%.*s}", TR_STR_ARG(labels));
	}
	(void)tr_buf_add_char(out, ' ');
	add_number(out, value);
	(void)tr_buf_add_char(out, '\n');
}

static void add_bucket(struct tr_buf *out, const char *name, struct tr_str labels,
	const double *bound, uint64_t count)
{
	(void)tr_buf_addf(
		out, "%s_bucket{%.*s%sle=\"", name, TR_STR_ARG(labels), labels.len > 0 ? "," : "");
	add_number(out, bound ? *bound : (double)INFINITY);
	(void)tr_buf_add_c(out, "\"} ");
	add_number(out, (double)count);
	(void)tr_buf_add_char(out, '\n');
}

static void print_histogram(
	struct tr_buf *out, const char *name, struct tr_str labels, const struct tr_metric *metric)
{
	uint64_t below = 0;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		below += metric->histogram->in_bucket[i];
		add_bucket(out, name, labels, &buckets[i], below);
	}
	add_bucket(out, name, labels, NULL, metric->histogram->count);
	add_sample(out, name, "_sum", labels, metric->value);
	add_sample(out, name, "_count", labels, (double)metric->histogram->count);
}

static void print_family(struct tr_buf *out, const struct metric_family *family)
{
	static const char *const type_names[] = {
		[TR_METRIC_COUNTER] = "counter",
		[TR_METRIC_GAUGE] = "gauge",
		[TR_METRIC_HISTOGRAM] = "histogram",
	};
	struct tr_map_entry *entry;

	(void)tr_buf_addf(out, "# HELP %s ", family->name);
	add_escaped(out, tr_str_from(family->help), false);
	(void)tr_buf_addf(out, "\n# TYPE %s %s\n", family->name, type_names[family->type]);
	for (entry = tr_map_first(&family->series); entry; entry = tr_map_next(entry)) {
		const struct tr_metric *metric = tr_map_value(entry);
		struct tr_str labels = tr_map_key(entry);

		if (metric->histogram) {
			print_histogram(out, family->name, labels, metric);
		} else {
			add_sample(out, family->name, "", labels, metric->value);
		}
	}
}

int tr_metrics_print(struct tr_metrics *metrics, struct tr_buf *out)
{
	struct tr_map_entry *entry;
	struct tr_list *node;
	struct tr_list *following;

	TR_LIST_EACH (&metrics->collectors, node, following) {
		struct metric_collector *collector =
			TR_LIST_ENTRY(node, struct metric_collector, node);

		collector->collect(metrics, collector->arg);
	}
	for (entry = tr_map_first(&metrics->families); entry; entry = tr_map_next(entry)) {
		print_family(out, tr_map_value(entry));
	}
	return tr_buf_failed(out) ? TR_E_TOO_BIG : 0;
}
