/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order and pace of the durable queues: which item may start, when a lane waits, what is kept in
 * memory. Storing and delivering are the handler's.
 */
#include "core/delivery/lane.h"

#include "core/base/log.h"
#include "core/base/map.h"

struct tr_lane {
	struct tr_lanes *lanes;
	struct tr_list node; /* in lanes->ready while something may be startable */
	struct tr_list items;
	size_t count;
	size_t in_flight;
	int64_t last_seq; /* of the newest item that was ever put into memory */
	bool stored_more; /* the store holds items beyond those in memory */
	bool pushed_more; /* .. and one more came while a load was running */
	bool loading;
	bool waiting;      /* nothing starts until the timer */
	bool broken;       /* a retry came back: nothing starts before all that is in flight has */
	unsigned attempts; /* retries since the last success */
	struct tr_timer *timer;
	char *key;
};

struct tr_lanes {
	struct tr_loop *loop;
	const struct tr_lanes_handler *handler;
	void *arg;
	struct tr_map by_key;
	struct tr_list ready;
	size_t in_memory;
	size_t in_flight;
	size_t active;
	size_t active_max;
	bool paused;
	bool pumping;
};

struct tr_lanes *tr_lanes_create(
	struct tr_loop *loop, const struct tr_lanes_handler *handler, void *arg, size_t active_max)
{
	struct tr_lanes *lanes = tr_alloc(sizeof(*lanes));
	lanes->loop = loop;
	lanes->handler = handler;
	lanes->arg = arg;
	lanes->active_max = active_max;
	tr_list_init(&lanes->ready);
	return lanes;
}

static struct tr_str key_of(const struct tr_lane *lane)
{
	return tr_str_from(lane->key);
}

static void pump(void *arg);

static void make_ready(struct tr_lane *lane)
{
	struct tr_lanes *lanes = lane->lanes;
	if (!tr_list_linked(&lane->node)) {
		tr_list_append(&lanes->ready, &lane->node);
	}
	if (!lanes->pumping) {
		lanes->pumping = true;
		tr_loop_defer(lanes->loop, pump, lanes);
	}
}

static void wait_over(void *arg)
{
	struct tr_lane *lane = arg;
	lane->waiting = false;
	make_ready(lane);
}

/* Starts nothing for `delay_ms`; a wait that runs already is kept. */
static void lane_wait(struct tr_lane *lane, uint64_t delay_ms)
{
	if (lane->waiting) {
		return;
	}
	if (lane->timer == NULL) {
		lane->timer = tr_timer_create(lane->lanes->loop, wait_over, lane);
	}
	lane->waiting = true;
	tr_timer_start(lane->timer, delay_ms);
}

static void lane_wake(struct tr_lane *lane)
{
	if (lane->waiting) {
		tr_timer_stop(lane->timer);
		wait_over(lane);
	}
}

static struct tr_lane *lane_open(struct tr_lanes *lanes, struct tr_str key)
{
	struct tr_lane *lane = tr_map_get(&lanes->by_key, key);
	if (lane == NULL) {
		lane = tr_alloc(sizeof(*lane));
		lane->lanes = lanes;
		lane->key = tr_str_dup(key);
		tr_list_init(&lane->items);
		tr_map_set(&lanes->by_key, key, lane);
	}
	return lane;
}

static void lane_free(struct tr_lane *lane)
{
	tr_list_remove(&lane->node);
	tr_map_remove(&lane->lanes->by_key, key_of(lane));
	tr_timer_destroy(lane->timer);
	tr_free(lane->key);
	tr_free(lane);
}

static void lane_append(struct tr_lane *lane, struct tr_lane_item *item)
{
	TR_ASSERT(item->seq > lane->last_seq);
	item->lane = lane;
	item->in_flight = false;
	tr_list_append(&lane->items, &item->node);
	lane->last_seq = item->seq;
	lane->count++;
	lane->lanes->in_memory++;
}

static void lane_take(struct tr_lane *lane, struct tr_lane_item *item)
{
	tr_list_remove(&item->node);
	item->lane = NULL;
	lane->count--;
	lane->lanes->in_memory--;
}

void tr_lanes_push(struct tr_lanes *lanes, struct tr_str key, struct tr_lane_item *item)
{
	struct tr_lane *lane = lane_open(lanes, key);
	if (lane->stored_more || lane->count >= TR_LANE_MEMORY) {
		lane->stored_more = true;
		lane->pushed_more = lane->loading;
		lanes->handler->unload(lanes->arg, item);
	} else {
		lane_append(lane, item);
	}
	make_ready(lane);
}

void tr_lanes_mark_stored(struct tr_lanes *lanes, struct tr_str key)
{
	struct tr_lane *lane = lane_open(lanes, key);
	lane->stored_more = true;
	make_ready(lane);
}

static void lane_load(struct tr_lane *lane)
{
	if (!lane->stored_more || lane->loading || lane->count > TR_LANE_MEMORY / 4) {
		return;
	}
	lane->loading = true;
	lane->pushed_more = false;
	lane->lanes->handler->load(
		lane->lanes->arg, key_of(lane), lane->last_seq, TR_LANE_MEMORY - lane->count);
}

void tr_lanes_loaded(struct tr_lanes *lanes, struct tr_str key, struct tr_list *items, size_t asked,
	const struct tr_error *error)
{
	struct tr_lane *lane = tr_map_get(&lanes->by_key, key);
	TR_ASSERT(lane != NULL && lane->loading);
	lane->loading = false;
	if (error != NULL) {
		tr_log_warn("delivery", "lane %s: stored messages cannot be read now: %s",
			lane->key, error->text);
		lane_wait(lane, TR_LANE_RETRY_FIRST_MS);
		return;
	}
	size_t loaded = 0;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (items, node, following) {
		tr_list_remove(node);
		lane_append(lane, TR_LIST_ENTRY(node, struct tr_lane_item, node));
		loaded++;
	}
	if (loaded < asked && !lane->pushed_more) {
		lane->stored_more = false;
	}
	make_ready(lane);
}

/* The item to start next, or NULL when the lane has to wait or has nothing. */
static struct tr_lane_item *lane_next(struct tr_lane *lane)
{
	if (lane->waiting || lane->broken || lane->in_flight >= TR_LANE_PIPELINE ||
		lane->in_flight == lane->count) {
		return NULL;
	}
	struct tr_lane_item *last = NULL;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&lane->items, node, following) {
		struct tr_lane_item *item = TR_LIST_ENTRY(node, struct tr_lane_item, node);
		if (item->in_flight) {
			last = item;
			continue;
		}
		if (last == NULL || lane->lanes->handler->pipelines(lane->lanes->arg, last, item)) {
			return item;
		}
		return NULL;
	}
	return NULL;
}

static bool may_become_active(const struct tr_lane *lane)
{
	const struct tr_lanes *lanes = lane->lanes;
	return lane->in_flight > 0 || lanes->active_max == 0 || lanes->active < lanes->active_max;
}

static void lane_start(struct tr_lane *lane)
{
	struct tr_lanes *lanes = lane->lanes;
	struct tr_lane_item *item;
	while ((item = lane_next(lane)) != NULL) {
		if (lane->in_flight == 0) {
			lanes->active++;
		}
		item->in_flight = true;
		lane->in_flight++;
		lanes->in_flight++;
		lanes->handler->start(lanes->arg, item);
	}
}

/* Runs in a turn of its own, so a delivery that ends at once cannot recurse into the next. */
static void pump(void *arg)
{
	struct tr_lanes *lanes = arg;
	lanes->pumping = false;
	struct tr_list round;
	tr_list_init(&round);
	struct tr_list *node;
	while ((node = tr_list_head(&lanes->ready)) != NULL) {
		tr_list_remove(node);
		tr_list_append(&round, node);
	}
	while ((node = tr_list_head(&round)) != NULL) {
		struct tr_lane *lane = TR_LIST_ENTRY(node, struct tr_lane, node);
		tr_list_remove(node);
		if (!lanes->paused) {
			lane_load(lane);
		}
		if (lane->count == 0 && !lane->stored_more && !lane->waiting) {
			lane_free(lane);
		} else if (lanes->paused || !may_become_active(lane)) {
			tr_list_append(&lanes->ready, &lane->node);
		} else {
			lane_start(lane);
		}
	}
}

static void landed(struct tr_lane_item *item)
{
	struct tr_lane *lane = item->lane;
	TR_ASSERT(lane != NULL && item->in_flight);
	item->in_flight = false;
	lane->in_flight--;
	lane->lanes->in_flight--;
	if (lane->in_flight == 0) {
		lane->broken = false;
		lane->lanes->active--;
		struct tr_list *first = tr_list_head(&lane->lanes->ready);
		if (first != NULL) {
			make_ready(TR_LIST_ENTRY(first, struct tr_lane, node));
		}
	}
}

void tr_lane_done(struct tr_lane_item *item)
{
	struct tr_lane *lane = item->lane;
	landed(item);
	lane_take(lane, item);
	if (!lane->waiting) {
		lane->attempts = 0;
	}
	make_ready(lane);
}

void tr_lane_retry(struct tr_lane_item *item, const struct tr_error *error)
{
	struct tr_lane *lane = item->lane;
	lane->broken = true;
	landed(item);
	item->attempts++;
	if (!lane->waiting) {
		uint64_t delay = error->cls == TR_CLASS_RETRY_AFTER
					 ? error->retry_after_ms
					 : tr_backoff_ms(lane->attempts, TR_LANE_RETRY_FIRST_MS,
						   TR_LANE_RETRY_MAX_MS);
		lane->attempts++;
		tr_log_info("delivery", "lane %s waits %llu ms: %s", lane->key,
			(unsigned long long)delay, error->text);
		lane_wait(lane, delay);
	}
	make_ready(lane);
}

void tr_lanes_wake(struct tr_lanes *lanes)
{
	for (struct tr_map_entry *e = tr_map_first(&lanes->by_key); e; e = tr_map_next(e)) {
		lane_wake(tr_map_value(e));
	}
}

void tr_lanes_wake_one(struct tr_lanes *lanes, struct tr_str key)
{
	struct tr_lane *lane = tr_map_get(&lanes->by_key, key);
	if (lane != NULL) {
		lane_wake(lane);
	}
}

void tr_lanes_pause(struct tr_lanes *lanes, bool paused)
{
	lanes->paused = paused;
	struct tr_list *first = tr_list_head(&lanes->ready);
	if (!paused && first != NULL) {
		make_ready(TR_LIST_ENTRY(first, struct tr_lane, node));
	}
}

void tr_lanes_visit(struct tr_lanes *lanes, struct tr_str key, tr_lane_visitor *visitor, void *arg)
{
	struct tr_lane *lane = tr_map_get(&lanes->by_key, key);
	if (lane == NULL) {
		return;
	}
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&lane->items, node, following) {
		if (!visitor(arg, TR_LIST_ENTRY(node, struct tr_lane_item, node))) {
			return;
		}
	}
}

struct tr_str tr_lane_key(const struct tr_lane_item *item)
{
	return key_of(item->lane);
}

size_t tr_lanes_in_memory(const struct tr_lanes *lanes)
{
	return lanes->in_memory;
}

size_t tr_lanes_in_flight(const struct tr_lanes *lanes)
{
	return lanes->in_flight;
}

static void lane_unload_all(struct tr_lane *lane)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&lane->items, node, following) {
		struct tr_lane_item *item = TR_LIST_ENTRY(node, struct tr_lane_item, node);
		lane_take(lane, item);
		lane->lanes->handler->unload(lane->lanes->arg, item);
	}
}

void tr_lanes_destroy(struct tr_lanes *lanes)
{
	if (lanes == NULL) {
		return;
	}
	struct tr_map_entry *next;
	for (struct tr_map_entry *e = tr_map_first(&lanes->by_key); e; e = next) {
		next = tr_map_next(e);
		struct tr_lane *lane = tr_map_value(e);
		lane_unload_all(lane);
		lane_free(lane);
	}
	tr_map_finish(&lanes->by_key);
	tr_loop_defer_cancel(lanes->loop, pump, lanes);
	tr_free(lanes);
}
