/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message's way into its room: prepare the ghost, look for an earlier attempt where there may
 * have been one, send, and decide by the error's class what comes next. Order and storing are
 * to_matrix.c's.
 */
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/delivery/to_matrix_internal.h"
#include "core/matrix/client.h"

#include <string.h>

enum {
	SEARCH_LIMIT = 100,
	ATTEMPT_MAX = 1024,
	FOREIGN_MAX = 12, /* attempts that something before the homeserver refuses: half an hour */
};

/* One function changes the state. */
static void set_state(struct tr_outbound *outbound, enum tr_outbound_state state)
{
	outbound->state = state;
}

static const char *target_room(const struct tr_outbound *outbound)
{
	return outbound->target_room ? outbound->target_room : outbound->room_id;
}

static void send_now(struct tr_outbound *outbound);
static void go_on(struct tr_outbound *outbound);

bool tr_to_matrix_is_state(const char *type)
{
	return strcmp(type, "m.room.topic") == 0;
}

static void retry(struct tr_outbound *outbound, const struct tr_error *error)
{
	set_state(outbound, TR_OUTBOUND_QUEUED);
	tr_lane_retry(&outbound->item, error);
}

/* Few ghosts have the power that state takes. */
static void go_on_as_bot(struct tr_outbound *outbound)
{
	tr_free(outbound->sender);
	outbound->sender = NULL;
	tr_outbound_deliver(outbound);
}

/* Something before the homeserver refuses this message and perhaps others: it is given time. Where
 * it does not take this one for what it says, nothing behind it may wait for ever. */
static bool is_refused_for_good(const struct tr_outbound *outbound, const struct tr_error *error)
{
	return error->code == TR_E_PROTOCOL && error->status >= 300 &&
	       outbound->item.attempts + 1 >= FOREIGN_MAX;
}

/* Ends or repeats after an error of the homeserver or of the preparation. */
static void failed(struct tr_outbound *outbound, const struct tr_error *error)
{
	if (outbound->event_id != NULL) {
		tr_outbound_end_done(outbound, tr_str_from(outbound->event_id));
		return;
	}
	switch (error->cls) {
	case TR_CLASS_RETRY:
	case TR_CLASS_RETRY_AFTER:
		if (is_refused_for_good(outbound, error)) {
			break;
		}
		retry(outbound, error);
		return;
	case TR_CLASS_DENIED:
		if (outbound->sender != NULL && tr_to_matrix_is_state(outbound->type)) {
			go_on_as_bot(outbound);
			return;
		}
		if (!outbound->repaired) {
			outbound->repaired = true;
			set_state(outbound, TR_OUTBOUND_PREPARING);
			outbound->queue->handler->repair(outbound->queue->arg, outbound,
				outbound->sender, outbound->room_id);
			return;
		}
		break;
	case TR_CLASS_PERMANENT:
	case TR_CLASS_GONE:
	case TR_CLASS_BUG:
		break;
	}
	tr_outbound_end_dead(outbound, error);
}

static void sent(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_outbound *outbound = arg;
	if (error == NULL) {
		tr_outbound_end_done(outbound, tr_json_get_str(response, "event_id"));
		return;
	}
	/* 429 and 4xx say that nothing was taken; anything else leaves it open. */
	if (error->cls == TR_CLASS_RETRY) {
		outbound->ambiguous = true;
	}
	failed(outbound, error);
}

static void send_now(struct tr_outbound *outbound)
{
	set_state(outbound, TR_OUTBOUND_SENDING);
	if (tr_to_matrix_is_state(outbound->type)) {
		tr_matrix_put_state(outbound->queue->options.client, outbound->sender,
			target_room(outbound), outbound->type, "", outbound->origin_ts,
			tr_str_from(outbound->content), sent, outbound);
		return;
	}
	tr_matrix_send(outbound->queue->options.client, outbound->sender, target_room(outbound),
		outbound->type, outbound->txn_id, outbound->origin_ts,
		tr_str_from(outbound->content), sent, outbound);
}

/* Our key as this sender's (NULL = the bot's, whoever that is): anybody can write our keys into a
 * message of his own. */
static void add_attempt(struct tr_buf *out, struct tr_str txn_id, struct tr_str sender)
{
	tr_buf_add(out, txn_id);
	tr_buf_add_c(out, " ");
	tr_buf_add(out, sender);
}

static void note_attempt(
	struct tr_map *found, const struct tr_json *event, struct tr_str key, struct tr_str sender)
{
	struct tr_buf attempt = TR_BUF_INIT(ATTEMPT_MAX);
	add_attempt(&attempt, key, sender);
	if (!tr_buf_failed(&attempt)) {
		tr_map_set(found, tr_buf_str(&attempt), (void *)tr_json_get(event, "event_id"));
	}
	tr_buf_finish(&attempt);
}

/* Items of the lane whose key is among the room's recent messages are in the room. */
static bool match_found(void *arg, struct tr_lane_item *item)
{
	const struct tr_map *found = arg;
	struct tr_outbound *outbound = tr_outbound_of(item);
	if (!outbound->ambiguous) {
		return false;
	}
	outbound->ambiguous = false;
	struct tr_buf attempt = TR_BUF_INIT(ATTEMPT_MAX);
	add_attempt(&attempt, tr_str_from(outbound->txn_id), tr_str_from(outbound->sender));
	const struct tr_json *event_id = tr_map_get(found, tr_buf_str(&attempt));
	tr_buf_finish(&attempt);
	if (event_id != NULL && outbound->event_id == NULL) {
		outbound->event_id = tr_str_dup(tr_json_str(event_id));
	}
	return true;
}

static void searched(void *arg, const struct tr_json *response, const struct tr_error *error)
{
	struct tr_outbound *outbound = arg;
	if (error != NULL && error->cls != TR_CLASS_DENIED && error->cls != TR_CLASS_GONE) {
		failed(outbound, error);
		return;
	}
	struct tr_map found = {NULL};
	const struct tr_json *event = error ? NULL : tr_json_first(tr_json_get(response, "chunk"));
	for (; event != NULL; event = tr_json_next(event)) {
		struct tr_str key =
			tr_json_str(tr_json_path(event, "content", "io.trestle.id", NULL));
		if (!tr_str_empty(key)) {
			note_attempt(&found, event, key, tr_json_get_str(event, "sender"));
			note_attempt(&found, event, key, tr_str_from(NULL));
		}
	}
	tr_lanes_visit(outbound->queue->lanes, tr_lane_key(&outbound->item), match_found, &found);
	tr_map_finish(&found);
	go_on(outbound);
}

static void search(struct tr_outbound *outbound)
{
	set_state(outbound, TR_OUTBOUND_SEARCHING);
	tr_log_debug("delivery", "%s: looking for an earlier attempt of %s", outbound->room_id,
		outbound->txn_id);
	const struct tr_matrix_messages_query query = {.limit = SEARCH_LIMIT};
	tr_matrix_messages(outbound->queue->options.client, outbound->sender, target_room(outbound),
		&query, searched, outbound);
}

/* Sent without what it answers it would be another message: a store that is away is waited for. */
static void related(struct tr_outbound *outbound, const struct tr_error *error)
{
	if (error != NULL) {
		failed(outbound, error);
	} else {
		send_now(outbound);
	}
}

/* The ghost is ready: what is known of earlier attempts decides. */
static void go_on(struct tr_outbound *outbound)
{
	if (outbound->event_id != NULL) {
		tr_outbound_end_done(outbound, tr_str_from(outbound->event_id));
	} else if (outbound->ambiguous && !tr_to_matrix_is_state(outbound->type)) {
		search(outbound);
	} else if (tr_outbound_is_unrelated(outbound)) {
		set_state(outbound, TR_OUTBOUND_RELATING);
		tr_outbound_relate(outbound, related);
	} else {
		send_now(outbound);
	}
}

void tr_outbound_set_room(struct tr_outbound *outbound, const char *room_id)
{
	tr_free(outbound->target_room);
	outbound->target_room = tr_strdup(room_id);
}

const char *tr_outbound_type(const struct tr_outbound *outbound)
{
	return outbound->type;
}

void tr_outbound_prepared(struct tr_outbound *outbound, const struct tr_error *error)
{
	TR_ASSERT(outbound->state == TR_OUTBOUND_PREPARING);
	if (error != NULL) {
		failed(outbound, error);
	} else {
		go_on(outbound);
	}
}

void tr_outbound_deliver(struct tr_outbound *outbound)
{
	struct tr_to_matrix *queue = outbound->queue;
	tr_map_set(&queue->started, tr_str_from(outbound->txn_id), outbound);
	set_state(outbound, TR_OUTBOUND_PREPARING);
	if (queue->handler->prepare(queue->arg, outbound, outbound->sender, outbound->room_id)) {
		go_on(outbound);
	}
}

void tr_to_matrix_echo(struct tr_to_matrix *queue, struct tr_str txn_id, struct tr_str event_id)
{
	struct tr_outbound *outbound = tr_map_get(&queue->started, txn_id);
	if (outbound == NULL || outbound->event_id != NULL || tr_str_empty(event_id)) {
		return;
	}
	outbound->event_id = tr_str_dup(event_id);
	if (outbound->state == TR_OUTBOUND_QUEUED) {
		tr_lanes_wake_one(queue->lanes, tr_lane_key(&outbound->item));
	}
}
