/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the from_matrix queue share: from_matrix_accept.c stores, from_matrix.c orders,
 * delivers and ends, from_matrix_again.c takes up what was dead. */
#ifndef TRESTLE_DELIVERY_FROM_MATRIX_INTERNAL_H
#define TRESTLE_DELIVERY_FROM_MATRIX_INTERNAL_H

#include "core/delivery/count.h"
#include "core/delivery/from_matrix.h"
#include "core/delivery/lane_store.h"
#include "core/delivery/mark.h"

struct tr_from_matrix {
	struct tr_from_matrix_options options;
	const struct tr_from_matrix_handler *handler;
	void *arg;
	struct tr_lanes *lanes;
	struct tr_marks *marks;
	struct tr_timer *prune;
	struct tr_list acceptances; /* on their way into the store */
	struct tr_list revivals;    /* .. of what was dead */
	struct tr_lane_store *store;
	struct tr_lane_position position;
	struct tr_delivery_counts counts;
};

/* In the column `error` of an undone event. */
#define TR_FROM_MATRIX_REDACTED "redacted"

/* Durable: an event of this lane is redacted, if it is in memory. */
void tr_from_matrix_redact(struct tr_from_matrix *queue, struct tr_str lane, const char *event_id,
	const char *room_id);

void tr_inbound_free(struct tr_inbound *inbound);
struct tr_inbound *tr_inbound_of(const struct tr_lane_item *item);
/* Of a row of statement 0 that begins as select_lane's do. */
struct tr_inbound *tr_inbound_read(
	struct tr_from_matrix *queue, const struct tr_db_result *result, size_t row);

/* Puts those of the items whose seqs the result of statement `index` names, in order, into the
 * lanes that they carry as data (owned); the others stay in the list. Returns how many. */
size_t tr_from_matrix_enqueue(struct tr_from_matrix *queue, struct tr_list *items,
	const struct tr_db_result *result, size_t index);

/* At the end: the journal does not call back any more. */
void tr_from_matrix_forget_acceptances(struct tr_from_matrix *queue);
void tr_from_matrix_forget_revivals(struct tr_from_matrix *queue);

#endif
