/* SPDX-License-Identifier: Apache-2.0 */
/* Names and help of the series; when something counts is the queues' business. */
#include "core/delivery/count.h"

static struct tr_metric *counter(
	const struct tr_delivery_counts *counts, const char *name, const char *help)
{
	struct tr_buf labels = TR_BUF_INIT(128);
	tr_metrics_label(&labels, "direction", tr_str_from(counts->direction));
	struct tr_metric *metric =
		tr_metrics_get(counts->metrics, TR_METRIC_COUNTER, name, tr_buf_c(&labels), help);
	tr_buf_finish(&labels);
	return metric;
}

void tr_delivery_counts_init(
	struct tr_delivery_counts *counts, struct tr_metrics *metrics, const char *direction)
{
	counts->metrics = metrics;
	counts->direction = direction;
	counts->delivered =
		counter(counts, "trestle_messages_delivered_total", "Messages delivered");
	counts->accepted = counter(counts, "trestle_messages_accepted_total", "Messages accepted");
	counts->known = counter(counts, "trestle_messages_known_total",
		"Messages that came again and were ignored");
}

void tr_delivery_count_dead(const struct tr_delivery_counts *counts, const char *reason)
{
	struct tr_buf labels = TR_BUF_INIT(256);
	tr_metrics_label(&labels, "direction", tr_str_from(counts->direction));
	tr_metrics_label(&labels, "reason", tr_str_from(reason));
	tr_metric_add(
		tr_metrics_get(counts->metrics, TR_METRIC_COUNTER, "trestle_messages_dead_total",
			tr_buf_c(&labels), "Messages that could not be delivered"),
		1);
	tr_buf_finish(&labels);
}
