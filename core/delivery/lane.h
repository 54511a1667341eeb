/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanes: strictly first in, first out, one lane per key, other lanes go on while one waits. Both
 * durable queues (from_matrix, to_matrix) run on them; what an item is and how it is delivered is
 * theirs.
 *
 * Invariants:
 *  - every item in a lane is a stored, undone row; items stand in the order of their seq;
 *  - the items in flight are a prefix of the lane. More than one is in flight only where the
 * handler says that the next may follow the last at once (same connection, so that nothing can
 * overtake);
 *  - after a retry nothing is started until all that was in flight has come back; then the lane
 * starts again at its first undone item, in the same order;
 *  - at most TR_LANE_MEMORY items of a lane are in memory; what is beyond stays in the store and is
 *    loaded when the lane has drained. So memory is bounded whatever a peer is down for.
 */
#ifndef TRESTLE_DELIVERY_LANE_H
#define TRESTLE_DELIVERY_LANE_H

#include "core/base/error.h"
#include "core/base/list.h"
#include "core/base/str.h"
#include "core/io/loop.h"

enum {
	TR_LANE_MEMORY = 512,  /* items of one lane held in memory */
	TR_LANE_PIPELINE = 64, /* items of one lane in flight at most */
	TR_LANE_RETRY_FIRST_MS = 1000,
	TR_LANE_RETRY_MAX_MS = 300000,
};

struct tr_lanes;
struct tr_lane;

/* Embedded in the queue's own struct. */
struct tr_lane_item {
	struct tr_list node;
	struct tr_lane *lane;
	int64_t seq;
	bool in_flight;
	unsigned attempts; /* retries so far in this life of the process */
};

struct tr_lanes_handler {
	/* Delivers; ends with exactly one tr_lane_done() or tr_lane_retry(), now or later. */
	void (*start)(void *arg, struct tr_lane_item *item);
	/* Whether `next` may be started while `last` is still in flight. */
	bool (*pipelines)(
		void *arg, const struct tr_lane_item *last, const struct tr_lane_item *next);
	/* Loads up to `count` undone items of the lane with a seq above `after`; ends with
	 * tr_lane_loaded(). */
	void (*load)(void *arg, struct tr_str lane, int64_t after, size_t count);
	/* Frees an item that is in the store but finds no room in memory. */
	void (*unload)(void *arg, struct tr_lane_item *item);
};

/* `active_max`: lanes with something in flight at the same time; 0 = no limit. */
struct tr_lanes *tr_lanes_create(
	struct tr_loop *loop, const struct tr_lanes_handler *handler, void *arg, size_t active_max);
/* Unloads every item; the deliveries of those in flight must have been given up before. */
void tr_lanes_destroy(struct tr_lanes *lanes);

/* Appends a stored item; seq must be above all that the lane has seen. */
void tr_lanes_push(struct tr_lanes *lanes, struct tr_str lane, struct tr_lane_item *item);
/* Says that the store holds undone items of this lane that were never pushed (at start). */
void tr_lanes_mark_stored(struct tr_lanes *lanes, struct tr_str lane);
/* Ends a load: the items in order (their nodes linked into `items`), or the error that prevented it
 * (tried again). */
void tr_lanes_loaded(struct tr_lanes *lanes, struct tr_str lane, struct tr_list *items,
	size_t asked, const struct tr_error *error);

/* Ends a delivery. Done: the item leaves the lane and belongs to the caller again. */
void tr_lane_done(struct tr_lane_item *item);
/* Not delivered: the lane waits (retry_after_ms, else backoff with jitter) and starts again at its
 * head. */
void tr_lane_retry(struct tr_lane_item *item, const struct tr_error *error);

/* The peer is back: lanes that wait start now. */
void tr_lanes_wake(struct tr_lanes *lanes);
void tr_lanes_wake_one(struct tr_lanes *lanes, struct tr_str lane);
/* Starts nothing more (shutdown); what is in flight goes on. Reversible. */
void tr_lanes_pause(struct tr_lanes *lanes, bool paused);

/* Visits the items of a lane that are in memory, in order, until the visitor returns false. */
typedef bool tr_lane_visitor(void *arg, struct tr_lane_item *item);
void tr_lanes_visit(
	struct tr_lanes *lanes, struct tr_str lane, tr_lane_visitor *visitor, void *arg);

struct tr_str tr_lane_key(const struct tr_lane_item *item);
size_t tr_lanes_in_memory(const struct tr_lanes *lanes);
size_t tr_lanes_in_flight(const struct tr_lanes *lanes);

#endif
