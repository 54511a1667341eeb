/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both durable queues count, one series a direction: accepted, delivered, known, and dead by
 * reason.
 */
#ifndef TRESTLE_DELIVERY_COUNT_H
#define TRESTLE_DELIVERY_COUNT_H

#include "core/io/metrics.h"

struct tr_delivery_counts {
	struct tr_metrics *metrics;
	const char *direction;
	struct tr_metric *accepted;
	struct tr_metric *delivered;
	struct tr_metric *known; /* came again and were ignored */
};

/* `direction` is "from_matrix" or "to_matrix"; static. Nothing to finish. */
void tr_delivery_counts_init(
	struct tr_delivery_counts *counts, struct tr_metrics *metrics, const char *direction);
/* One message that can never be delivered. */
void tr_delivery_count_dead(const struct tr_delivery_counts *counts, const char *reason);

#endif
