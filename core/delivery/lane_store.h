/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stored side of lanes, the same for both queues: what an earlier life of the process left
 * behind, and the items of a lane that are not in memory. A queue says its SQL and how a row
 * becomes an item.
 */
#ifndef TRESTLE_DELIVERY_LANE_STORE_H
#define TRESTLE_DELIVERY_LANE_STORE_H

#include "core/delivery/lane.h"
#include "core/store/db.h"

struct tr_lane_store;

struct tr_lane_store_sql {
	const struct tr_db_statement *max_seq; /* one row: the highest seq, 0 without any */
	const struct tr_db_statement *lanes;   /* lane, number of undone rows */
	const struct tr_db_statement
		*rows; /* undone rows of lane $1 with a seq above $2, at most $3 */
};

/* An item of a row of statement 0; it belongs to the lanes then. */
typedef struct tr_lane_item *tr_lane_store_read(
	void *arg, struct tr_str lane, const struct tr_db_result *result, size_t row);

struct tr_lane_store *tr_lane_store_create(struct tr_db *db, struct tr_lanes *lanes,
	const struct tr_lane_store_sql *sql, tr_lane_store_read *read, void *arg);
/* Answers that still come go nowhere. */
void tr_lane_store_destroy(struct tr_lane_store *store);

/* Tells the lanes what is stored; then calls back once: the first free seq and the number of undone
 * rows. */
typedef void tr_lane_store_callback(
	void *arg, int64_t next_seq, size_t depth, const struct tr_error *error);
void tr_lane_store_resume(struct tr_lane_store *store, tr_lane_store_callback *callback, void *arg);

/* What a lane asks for (struct tr_lanes_handler); ends with tr_lanes_loaded(). */
void tr_lane_store_load(
	struct tr_lane_store *store, struct tr_str lane, int64_t after, size_t count);

#endif
