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

/* Where a queue stands. The queue counts on from here. */
struct tr_lane_position {
	int64_t next_seq;  /* the first free one */
	int64_t first_seq; /* .. of this life of the process: what is below may have been tried */
	size_t depth;      /* undone rows */
};

struct tr_lane_store *tr_lane_store_create(struct tr_db *db, struct tr_lanes *lanes,
	const struct tr_lane_store_sql *sql, tr_lane_store_read *read, void *arg);
/* The database has been drained before (tr_db_drain()), so that no answer is on its way. */
void tr_lane_store_destroy(struct tr_lane_store *store);

/* Tells the lanes what is stored and fills `position`, which lives as long as the store; then calls
 * back once. `what` is the plural for the log: "accepted Matrix events"; static. */
typedef void tr_lane_store_callback(void *arg, const struct tr_error *error);
void tr_lane_store_resume(struct tr_lane_store *store, struct tr_lane_position *position,
	const char *what, tr_lane_store_callback *callback, void *arg);

/* What a lane asks for (struct tr_lanes_handler); ends with tr_lanes_loaded(). */
void tr_lane_store_load(
	struct tr_lane_store *store, struct tr_str lane, int64_t after, size_t count);

#endif
