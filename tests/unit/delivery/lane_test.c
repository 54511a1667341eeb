/* SPDX-License-Identifier: Apache-2.0 */
/* Order, waiting and memory of lanes, with a handler that only records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/delivery/lane.h"

#include <string.h>

enum { ITEMS_MAX = 3000 };

struct item {
	struct tr_lane_item base;
	bool unloaded;
};

struct world {
	struct tr_loop *loop;
	struct tr_lanes *lanes;
	struct item items[ITEMS_MAX]; /* by seq */
	int64_t started[ITEMS_MAX * 2];
	size_t started_count;
	bool pipeline;
	int64_t stored_to; /* rows 1..stored_to are in the "store" */
	int64_t done_to;
	bool store_fails;
};

static struct item *item_of(struct tr_lane_item *base)
{
	return TR_LIST_ENTRY(base, struct item, base);
}

static void start(void *arg, struct tr_lane_item *item)
{
	struct world *world = arg;
	world->started[world->started_count++] = item->seq;
}

static bool pipelines(void *arg, const struct tr_lane_item *last, const struct tr_lane_item *next)
{
	const struct world *world = arg;
	assert_true(last->seq < next->seq);
	return world->pipeline;
}

static void unload(void *arg, struct tr_lane_item *item)
{
	(void)arg;
	item_of(item)->unloaded = true;
}

struct loading {
	struct world *world;
	char lane[32];
	int64_t after;
	size_t count;
};

static void load_now(void *arg)
{
	struct loading *loading = arg;
	struct world *world = loading->world;
	struct tr_list items;
	struct tr_error error;
	tr_list_init(&items);
	if (world->store_fails) {
		tr_error_set(&error, TR_E_STORE, "no disk");
		tr_lanes_loaded(
			world->lanes, tr_str_from(loading->lane), &items, loading->count, &error);
	} else {
		size_t given = 0;
		for (int64_t seq = loading->after + 1;
			seq <= world->stored_to && given < loading->count; seq++) {
			struct item *item = &world->items[seq];
			memset(item, 0, sizeof(*item));
			item->base.seq = seq;
			tr_list_append(&items, &item->base.node);
			given++;
		}
		tr_lanes_loaded(
			world->lanes, tr_str_from(loading->lane), &items, loading->count, NULL);
	}
	tr_free(loading);
}

static void load(void *arg, struct tr_str lane, int64_t after, size_t count)
{
	struct world *world = arg;
	struct loading *loading = tr_alloc(sizeof(*loading));
	loading->world = world;
	loading->after = after > world->done_to ? after : world->done_to;
	loading->count = count;
	memcpy(loading->lane, lane.ptr, lane.len);
	tr_loop_defer(world->loop, load_now, loading);
}

static const struct tr_lanes_handler handler = {start, pipelines, load, unload};

static int setup(void **state)
{
	struct world *world = tr_alloc(sizeof(*world));
	world->loop = tr_loop_create();
	world->lanes = tr_lanes_create(world->loop, &handler, world, 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	tr_lanes_destroy(world->lanes);
	tr_loop_destroy(world->loop);
	tr_free(world);
	return 0;
}

static void push(struct world *world, const char *lane, int64_t seq)
{
	memset(&world->items[seq], 0, sizeof(world->items[seq]));
	world->items[seq].base.seq = seq;
	world->stored_to = seq;
	tr_lanes_push(world->lanes, tr_str_from(lane), &world->items[seq].base);
}

static void turn(struct world *world)
{
	for (int i = 0; i < 5; i++) {
		tr_loop_turn(world->loop, false);
	}
}

static void done(struct world *world, int64_t seq)
{
	world->done_to = seq > world->done_to ? seq : world->done_to;
	tr_lane_done(&world->items[seq].base);
	turn(world);
}

static void retry(struct world *world, int64_t seq, uint64_t after_ms)
{
	struct tr_error error;
	tr_error_set_class(&error, TR_E_UNAVAILABLE, TR_CLASS_RETRY_AFTER, "busy");
	error.retry_after_ms = after_ms;
	tr_lane_retry(&world->items[seq].base, &error);
	turn(world);
}

static void wait_started(struct world *world, size_t count)
{
	while (world->started_count < count) {
		tr_loop_turn(world->loop, true);
	}
}

static void one_item_of_a_lane_is_in_flight_at_a_time(void **state)
{
	struct world *world = *state;
	push(world, "a", 1);
	push(world, "a", 2);
	turn(world);
	assert_int_equal(world->started_count, 1);
	done(world, 1);
	assert_int_equal(world->started_count, 2);
	assert_int_equal(world->started[1], 2);
	done(world, 2);
	assert_int_equal(tr_lanes_in_memory(world->lanes), 0);
}

static void nothing_starts_before_push_has_returned(void **state)
{
	struct world *world = *state;
	push(world, "a", 1);
	assert_int_equal(world->started_count, 0);
	turn(world);
	assert_int_equal(world->started_count, 1);
}

static void a_lane_that_waits_does_not_hold_up_another(void **state)
{
	struct world *world = *state;
	push(world, "a", 1);
	push(world, "b", 2);
	turn(world);
	retry(world, 1, 60000);
	done(world, 2);
	push(world, "b", 3);
	turn(world);
	assert_int_equal(world->started[world->started_count - 1], 3);
}

static void a_retry_begins_again_at_the_first_undone_item_in_the_same_order(void **state)
{
	struct world *world = *state;
	world->pipeline = true;
	for (int64_t seq = 1; seq <= 4; seq++) {
		push(world, "a", seq);
	}
	turn(world);
	assert_int_equal(world->started_count, 4);
	tr_lane_done(&world->items[1].base);
	retry(world, 2, 1);
	/* 3 and 4 are still out: nothing may start before they are back, whatever the timer says.
	 */
	tr_lanes_wake(world->lanes);
	turn(world);
	assert_int_equal(world->started_count, 4);
	retry(world, 3, 1);
	retry(world, 4, 1);
	wait_started(world, 7);
	assert_int_equal(world->started[4], 2);
	assert_int_equal(world->started[5], 3);
	assert_int_equal(world->started[6], 4);
}

static void at_most_the_pipeline_is_in_flight(void **state)
{
	struct world *world = *state;
	world->pipeline = true;
	for (int64_t seq = 1; seq <= TR_LANE_PIPELINE + 10; seq++) {
		push(world, "a", seq);
	}
	turn(world);
	assert_int_equal(world->started_count, TR_LANE_PIPELINE);
	done(world, 1);
	assert_int_equal(world->started_count, TR_LANE_PIPELINE + 1);
}

static void wake_ends_a_wait(void **state)
{
	struct world *world = *state;
	push(world, "a", 1);
	turn(world);
	retry(world, 1, 3600 * 1000);
	assert_int_equal(world->started_count, 1);
	tr_lanes_wake_one(world->lanes, TR_STR("a"));
	turn(world);
	assert_int_equal(world->started_count, 2);
}

static void a_paused_set_of_lanes_starts_nothing(void **state)
{
	struct world *world = *state;
	tr_lanes_pause(world->lanes, true);
	push(world, "a", 1);
	turn(world);
	assert_int_equal(world->started_count, 0);
	tr_lanes_pause(world->lanes, false);
	turn(world);
	assert_int_equal(world->started_count, 1);
}

static void memory_is_bounded_and_the_rest_comes_from_the_store_in_order(void **state)
{
	struct world *world = *state;
	const int64_t total = 2500;
	for (int64_t seq = 1; seq <= total; seq++) {
		push(world, "a", seq);
	}
	assert_int_equal(tr_lanes_in_memory(world->lanes), TR_LANE_MEMORY);
	for (int64_t seq = 1; seq <= total; seq++) {
		wait_started(world, (size_t)seq);
		assert_int_equal(world->started[seq - 1], seq);
		assert_true(tr_lanes_in_memory(world->lanes) <= TR_LANE_MEMORY);
		done(world, seq);
	}
	assert_int_equal(tr_lanes_in_memory(world->lanes), 0);
}

static void items_pushed_while_a_load_runs_are_not_lost(void **state)
{
	struct world *world = *state;
	world->stored_to = 3;
	tr_lanes_mark_stored(world->lanes, TR_STR("a"));
	tr_loop_turn(world->loop, false); /* the load is asked for, not answered */
	push(world, "a", 4);
	for (int64_t seq = 1; seq <= 4; seq++) {
		wait_started(world, (size_t)seq);
		assert_int_equal(world->started[seq - 1], seq);
		done(world, seq);
	}
}

static void a_store_that_cannot_be_read_is_asked_again(void **state)
{
	struct world *world = *state;
	world->store_fails = true;
	world->stored_to = 1;
	tr_lanes_mark_stored(world->lanes, TR_STR("a"));
	turn(world);
	assert_int_equal(world->started_count, 0);
	world->store_fails = false;
	tr_lanes_wake(world->lanes);
	turn(world);
	assert_int_equal(world->started_count, 1);
}

static void at_most_the_limit_of_lanes_is_active(void **state)
{
	struct world *world = *state;
	tr_lanes_destroy(world->lanes);
	world->lanes = tr_lanes_create(world->loop, &handler, world, 2);
	push(world, "a", 1);
	push(world, "b", 2);
	push(world, "c", 3);
	turn(world);
	assert_int_equal(world->started_count, 2);
	done(world, 1);
	assert_int_equal(world->started_count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			one_item_of_a_lane_is_in_flight_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
			nothing_starts_before_push_has_returned, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_lane_that_waits_does_not_hold_up_another, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_retry_begins_again_at_the_first_undone_item_in_the_same_order, setup,
			teardown),
		cmocka_unit_test_setup_teardown(at_most_the_pipeline_is_in_flight, setup, teardown),
		cmocka_unit_test_setup_teardown(wake_ends_a_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_paused_set_of_lanes_starts_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			memory_is_bounded_and_the_rest_comes_from_the_store_in_order, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			items_pushed_while_a_load_runs_are_not_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_store_that_cannot_be_read_is_asked_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			at_most_the_limit_of_lanes_is_active, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
