/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures for Prometheus (text exposition format 0.0.4). A series is one set of labels of one
 * metric; it is created at first use and lives as long as the registry.
 */
#ifndef TRESTLE_IO_METRICS_H
#define TRESTLE_IO_METRICS_H

#include "core/base/buf.h"

struct tr_metrics;
struct tr_metric;

enum tr_metric_type { TR_METRIC_COUNTER, TR_METRIC_GAUGE, TR_METRIC_HISTOGRAM };

struct tr_metrics *tr_metrics_create(void);
void tr_metrics_destroy(struct tr_metrics *metrics);

/* The series of `name` with `labels` (`direction="from_matrix",reason="age"`, already in exposition
 * form, or
 * ""); `help` is taken from the first call. Borrowed, stable; look it up once where speed matters.
 * At most 1,000 series a metric: beyond that one series with the label overflow="true" takes all.
 */
struct tr_metric *tr_metrics_get(struct tr_metrics *metrics, enum tr_metric_type type,
	const char *name, const char *labels, const char *help);
void tr_metric_add(struct tr_metric *metric, double amount);
void tr_metric_set(struct tr_metric *metric, double value);
double tr_metric_value(const struct tr_metric *metric);
/* For histograms, in seconds; buckets 1 ms to 60 s. */
void tr_metric_observe(struct tr_metric *metric, double seconds);
/* Appends name="value" with the value escaped, and a comma before it when `labels` is not empty. */
void tr_metrics_label(struct tr_buf *labels, const char *name, struct tr_str value);

/* Called before each exposition to bring gauges up to date. */
typedef void tr_metrics_collector(struct tr_metrics *metrics, void *arg);
void tr_metrics_add_collector(
	struct tr_metrics *metrics, tr_metrics_collector *collector, void *arg);
void tr_metrics_remove_collector(
	struct tr_metrics *metrics, tr_metrics_collector *collector, void *arg);

int tr_metrics_print(struct tr_metrics *metrics, struct tr_buf *out);

#endif
