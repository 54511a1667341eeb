/* SPDX-License-Identifier: Apache-2.0 */
/* The queue from Matrix on the store of queue_fixture.h, with a bridge above it that only records.
 */
#ifndef TRESTLE_TESTS_FROM_MATRIX_WORLD_H
#define TRESTLE_TESTS_FROM_MATRIX_WORLD_H

#include "queue_fixture.h"

#include "core/delivery/from_matrix.h"
#include "core/delivery/mark.h"

enum { DELIVERIES_MAX = 2000 };

struct world {
	struct fixture fixture;
	struct tr_from_matrix *queue;
	struct tr_marks *marks;                 /* of tests that have some */
	struct tr_inbound *out[DELIVERIES_MAX]; /* deliveries under way, in order of their start */
	char ids[DELIVERIES_MAX][40];
	bool maybe_sent[DELIVERIES_MAX];
	size_t count;
	size_t accepted, refused;
	size_t dead;
	size_t taken_back;
	size_t settled;
	bool pipeline;
};

static enum tr_from_matrix_verdict classify(
	void *arg, const struct tr_json *event, struct tr_buf *lane, struct tr_buf *position)
{
	(void)arg;
	if (tr_str_eq(tr_json_get_str(event, "type"), TR_STR("m.ignored"))) {
		return TR_EVENT_IGNORE;
	}
	tr_buf_add(lane, tr_json_get_str(event, "room_id"));
	tr_buf_add_c(position, "here");
	return TR_EVENT_KEEP;
}

static void deliver(void *arg, struct tr_inbound *inbound)
{
	struct world *world = arg;
	assert_string_equal(inbound->position, "here");
	snprintf(world->ids[world->count], sizeof(world->ids[0]), "%s", inbound->event_id);
	world->maybe_sent[world->count] = inbound->maybe_sent;
	world->out[world->count++] = inbound;
}

static bool pipelines(void *arg, const struct tr_inbound *last, const struct tr_inbound *next)
{
	const struct world *world = arg;
	return world->pipeline && strcmp(last->sender, next->sender) == 0;
}

static void dead(void *arg, const struct tr_inbound *inbound, const struct tr_error *error)
{
	struct world *world = arg;
	assert_non_null(inbound->event_id);
	assert_true(error->text[0] != '\0');
	world->dead++;
}

static bool may_send_again(void *arg, const struct tr_inbound *inbound, struct tr_str lane)
{
	(void)arg;
	assert_true(tr_str_eq(lane, tr_str_from(inbound->room_id)));
	return strcmp(inbound->room_id, "!gone") != 0;
}

static bool says(void *arg, const struct tr_inbound *inbound)
{
	(void)arg;
	return strcmp(inbound->sender, "@member") != 0;
}

static void take_back(void *arg, struct tr_inbound *inbound)
{
	struct world *world = arg;
	assert_true(inbound->redacted);
	world->taken_back++;
}

static const struct tr_from_matrix_handler handler = {
	classify, deliver, pipelines, says, take_back, dead, may_send_again};

/* Returns when the queue knows what is in the store, and delivers. */
static void open_queue(struct world *world)
{
	const struct tr_from_matrix_options options = {
		.loop = world->fixture.loop,
		.db = world->fixture.db,
		.journal = world->fixture.journal,
		.metrics = world->fixture.metrics,
	};
	world->queue = tr_from_matrix_create(&options, &handler, world);
	tr_from_matrix_resume(world->queue, fixture_ready, &world->fixture);
	fixture_await(&world->fixture);
	tr_from_matrix_pause(world->queue, false);
}

static void stored(void *arg, const struct tr_error *error)
{
	struct world *world = arg;
	world->accepted += error == NULL;
	world->refused += error != NULL;
}

/* A transaction of these events; returns when the queue has answered. */
static void accept_text(struct world *world, const char *events)
{
	struct tr_json *array = tr_json_parse(tr_str_from(events), NULL);
	size_t before = world->accepted + world->refused;
	assert_non_null(array);
	tr_from_matrix_accept(world->queue, array, stored, world);
	tr_json_free(array);
	assert_int_equal(world->accepted + world->refused, before);
	while (world->accepted + world->refused == before) {
		tr_loop_turn(world->fixture.loop, true);
	}
}

#define EVENT(id, room, sender)                                                 \
 "{\"event_id\":\"" id "\",\"room_id\":\"" room "\",\"sender\":\"" sender "\"," \
 "\"type\":\"m.room.message\",\"content\":{\"body\":\"x\"}}"

static void wait_deliveries(struct world *world, size_t count)
{
	while (world->count < count) {
		tr_loop_turn(world->fixture.loop, true);
	}
}

#endif
