/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the lanes towards Matrix and writes how messages end. Storing new ones is
 * to_matrix_accept.c's, sending to_matrix_send.c's.
 */
#include "core/base/log.h"
#include "core/delivery/mapping.h"
#include "core/delivery/schema.h"
#include "core/delivery/to_matrix_internal.h"

#include <string.h>

enum {
	MARK_DELAY_MS =
		5, /* a done that a kill takes is found by the search: a few may share a commit */
	ACTIVE_MAX = 64, /* rooms with a message in flight */
};

/* The end of a message on its way into the store. */
struct ending {
	struct tr_to_matrix *queue;
	int64_t seq;
	bool keep_mapping;
	char *room_id;
	char *remote_key;
	char *sender;
	char *event_id;
	int64_t ts;
	char *error;        /* NULL = done */
	char *settling_key; /* of a mapping that is not stored yet */
};

static const struct tr_db_statement delete_done = {"DELETE FROM to_matrix WHERE seq = $1"};
static const struct tr_db_statement mark_dead = {
	"UPDATE to_matrix SET state = 3, error = $2 WHERE seq = $1"};
static const struct tr_db_statement select_max = {"SELECT COALESCE(MAX(seq), 0) FROM to_matrix"};
static const struct tr_db_statement select_lanes = {
	"SELECT room_id, COUNT(*) FROM to_matrix WHERE state = 0 GROUP BY room_id"};
static const struct tr_db_statement select_lane = {
	"SELECT seq, remote_key, sender, type, txn_id, keep_mapping, origin_ts, content FROM to_matrix"
	" WHERE room_id = $1 AND seq > $2 AND state = 0 ORDER BY seq LIMIT $3"};

void tr_outbound_free(struct tr_outbound *outbound)
{
	tr_free(outbound->remote_key);
	tr_free(outbound->room_id);
	tr_free(outbound->target_room);
	tr_free(outbound->sender);
	tr_free(outbound->type);
	tr_free(outbound->txn_id);
	tr_free(outbound->content);
	tr_free(outbound->event_id);
	tr_free(outbound->refused);
	tr_free(outbound);
}

struct tr_outbound *tr_outbound_of(const struct tr_lane_item *item)
{
	return TR_LIST_ENTRY(item, struct tr_outbound, item);
}

static void ending_write(void *mark, struct tr_db_batch *batch)
{
	struct ending *ending = mark;
	if (ending->error != NULL) {
		TR_DB_ADD(batch, &mark_dead, TR_DB_N(ending->seq), TR_DB_TC(ending->error));
		return;
	}
	TR_DB_ADD(batch, &delete_done, TR_DB_N(ending->seq));
	if (ending->keep_mapping) {
		const struct tr_mapping mapping = {ending->room_id, ending->remote_key,
			ending->event_id, ending->sender, ending->ts};
		tr_mapping_add(batch, &mapping);
	}
}

/* That it has ended must be known. Its row stays, since without a mapping only that shows that the
 * message was taken; what answers or edits it does not find it. */
static bool ending_refused(void *mark, const struct tr_error *error)
{
	struct ending *ending = mark;
	tr_log_error("delivery", "message %s of %s for %s: the store refuses its end: %s",
		ending->remote_key, ending->sender ? ending->sender : "the bot", ending->room_id,
		error->text);
	const char *kept = ending->error != NULL
				   ? "refused; the store did not take the reason"
				   : "delivered; the store did not take which event it became";
	tr_free(ending->error);
	ending->error = tr_strdup(kept);
	return true;
}

static void ending_settled(void *mark, bool durable)
{
	(void)durable;
	struct ending *ending = mark;
	if (ending->settling_key != NULL) {
		tr_free(tr_map_remove(&ending->queue->settling, tr_str_from(ending->settling_key)));
		tr_free(ending->settling_key);
	}
	tr_free(ending->room_id);
	tr_free(ending->remote_key);
	tr_free(ending->sender);
	tr_free(ending->event_id);
	tr_free(ending->error);
	tr_free(ending);
}

/* Moves what the end needs out of the message. */
static void outbound_end(struct tr_outbound *outbound, struct ending *ending)
{
	struct tr_to_matrix *queue = outbound->queue;
	tr_map_remove(&queue->started, tr_str_from(outbound->txn_id));
	ending->seq = outbound->item.seq;
	ending->keep_mapping = outbound->keep_mapping;
	ending->ts = outbound->origin_ts;
	ending->room_id = outbound->room_id;
	ending->remote_key = outbound->remote_key;
	ending->sender = outbound->sender;
	tr_lane_done(&outbound->item);
	queue->position.depth--;
	ending->queue = queue;
	if (ending->error == NULL && ending->keep_mapping) {
		ending->settling_key =
			tr_outbound_settling_key(ending->room_id, ending->remote_key);
		tr_free(tr_map_set(&queue->settling, tr_str_from(ending->settling_key),
			tr_strdup(ending->event_id)));
	}
	outbound->room_id = NULL;
	outbound->remote_key = NULL;
	outbound->sender = NULL;
	tr_outbound_free(outbound);
	tr_marks_add_refusable(queue->marks, ending_write, ending_settled, ending_refused, ending);
}

void tr_outbound_end_done(struct tr_outbound *outbound, struct tr_str event_id)
{
	struct ending *ending = tr_alloc(sizeof(*ending));
	ending->event_id = tr_str_dup(event_id);
	tr_metric_add(outbound->queue->counts.delivered, 1);
	outbound_end(outbound, ending);
}

/* Counts, logs and says it to whom it concerns. */
static void tell_dead(struct tr_outbound *outbound, const struct tr_error *error)
{
	struct tr_to_matrix *queue = outbound->queue;
	tr_delivery_count_dead(&queue->counts, tr_error_code_name(error->code));
	tr_log_warn("delivery", "message %s of %s for %s is not delivered: %s", outbound->txn_id,
		outbound->sender ? outbound->sender : "the bot", outbound->room_id, error->text);
	const struct tr_to_matrix_dead dead = {
		.remote_key = outbound->remote_key,
		.room_id = outbound->room_id,
		.sender = outbound->sender,
		.type = outbound->type,
		.content = outbound->content,
		.origin_ts = outbound->origin_ts,
	};
	queue->handler->dead(queue->arg, &dead, error);
}

void tr_outbound_end_dead(struct tr_outbound *outbound, const struct tr_error *error)
{
	struct ending *ending = tr_alloc(sizeof(*ending));
	ending->error = tr_strdup(error->text);
	tell_dead(outbound, error);
	outbound_end(outbound, ending);
}

void tr_outbound_end_refused(struct tr_outbound *outbound)
{
	tell_dead(outbound, outbound->refused);
	tr_outbound_free(outbound);
}

static void lane_start(void *arg, struct tr_lane_item *item)
{
	(void)arg;
	tr_outbound_deliver(tr_outbound_of(item));
}

static bool lane_pipelines(
	void *arg, const struct tr_lane_item *last, const struct tr_lane_item *next)
{
	/* Concurrent requests to one room have no order: one at a time. */
	(void)arg;
	(void)last;
	(void)next;
	return false;
}

static void lane_unload(void *arg, struct tr_lane_item *item)
{
	(void)arg;
	tr_outbound_free(tr_outbound_of(item));
}

static char *text_or_null(struct tr_str text)
{
	return tr_str_empty(text) ? NULL : tr_str_dup(text);
}

static struct tr_lane_item *read_row(
	void *arg, struct tr_str lane, const struct tr_db_result *result, size_t row)
{
	struct tr_to_matrix *queue = arg;
	struct tr_outbound *outbound = tr_alloc(sizeof(*outbound));
	outbound->queue = queue;
	outbound->item.seq = tr_db_int(result, 0, row, 0);
	outbound->room_id = tr_str_dup(lane);
	outbound->remote_key = tr_str_dup(tr_db_text(result, 0, row, 1));
	outbound->sender = text_or_null(tr_db_text(result, 0, row, 2));
	outbound->type = tr_str_dup(tr_db_text(result, 0, row, 3));
	outbound->txn_id = tr_str_dup(tr_db_text(result, 0, row, 4));
	outbound->keep_mapping = tr_db_int(result, 0, row, 5) != 0;
	outbound->origin_ts = tr_db_int(result, 0, row, 6);
	outbound->content = tr_str_dup(tr_db_text(result, 0, row, 7));
	outbound->ambiguous = outbound->item.seq < queue->position.first_seq;
	return &outbound->item;
}

static void lane_load(void *arg, struct tr_str lane, int64_t after, size_t count)
{
	struct tr_to_matrix *queue = arg;
	tr_lane_store_load(queue->store, lane, after, count);
}

static const struct tr_lanes_handler lanes_handler = {
	.start = lane_start,
	.pipelines = lane_pipelines,
	.load = lane_load,
	.unload = lane_unload,
};

static const struct tr_lane_store_sql store_sql = {&select_max, &select_lanes, &select_lane};

void tr_to_matrix_resume(struct tr_to_matrix *queue, tr_to_matrix_callback *callback, void *arg)
{
	tr_lane_store_resume(queue->store, &queue->position, "remote messages", callback, arg);
}

struct tr_to_matrix *tr_to_matrix_create(const struct tr_to_matrix_options *options,
	const struct tr_to_matrix_handler *handler, void *arg)
{
	struct tr_to_matrix *queue = tr_alloc(sizeof(*queue));
	queue->options = *options;
	queue->handler = handler;
	queue->arg = arg;
	queue->lanes = tr_lanes_create(options->loop, &lanes_handler, queue, ACTIVE_MAX);
	queue->store = tr_lane_store_create(options->db, queue->lanes, &store_sql, read_row, queue);
	queue->marks = tr_marks_create(options->loop, options->journal, MARK_DELAY_MS);
	queue->retry = tr_timer_create(options->loop, tr_to_matrix_store, queue);
	tr_list_init(&queue->unstored);
	tr_delivery_counts_init(&queue->counts, options->metrics, "to_matrix");
	tr_lanes_pause(queue->lanes, true);
	return queue;
}

void tr_to_matrix_destroy(struct tr_to_matrix *queue)
{
	if (queue == NULL) {
		return;
	}
	tr_lane_store_destroy(queue->store);
	tr_loop_defer_cancel(queue->options.loop, tr_to_matrix_store, queue);
	tr_lanes_destroy(queue->lanes);
	tr_marks_destroy(queue->marks);
	tr_timer_destroy(queue->retry);
	tr_map_finish(&queue->started);
	tr_map_finish(&queue->settling);
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&queue->unstored, node, following) {
		tr_list_remove(node);
		tr_outbound_free(tr_outbound_of(TR_LIST_ENTRY(node, struct tr_lane_item, node)));
	}
	tr_free(queue);
}

void tr_to_matrix_pause(struct tr_to_matrix *queue, bool paused)
{
	tr_lanes_pause(queue->lanes, paused);
}

void tr_to_matrix_wake(struct tr_to_matrix *queue)
{
	tr_lanes_wake(queue->lanes);
}

void tr_to_matrix_wake_room(struct tr_to_matrix *queue, const char *room_id)
{
	tr_lanes_wake_one(queue->lanes, tr_str_from(room_id));
}

struct pending_search {
	const char *sender;
	bool found;
};

static bool is_of(const struct tr_lane_item *item, const char *sender)
{
	const char *of = tr_outbound_of(item)->sender; /* NULL = the bot */
	return of != NULL && strcmp(of, sender) == 0;
}

static bool look_on(void *arg, struct tr_lane_item *item)
{
	struct pending_search *search = arg;
	search->found = is_of(item, search->sender);
	return !search->found;
}

static bool is_unstored(const struct tr_to_matrix *queue, const char *sender, const char *room_id)
{
	const struct tr_list *node = queue->unstored.next;
	for (; node != &queue->unstored; node = node->next) {
		const struct tr_lane_item *item = TR_LIST_ENTRY(node, struct tr_lane_item, node);
		if (is_of(item, sender) && strcmp(tr_outbound_of(item)->room_id, room_id) == 0) {
			return true;
		}
	}
	return false;
}

bool tr_to_matrix_has_pending(struct tr_to_matrix *queue, const char *sender, const char *room_id)
{
	struct pending_search search = {sender, false};
	tr_lanes_visit(queue->lanes, tr_str_from(room_id), look_on, &search);
	return search.found || is_unstored(queue, sender, room_id);
}

size_t tr_to_matrix_depth(const struct tr_to_matrix *queue)
{
	return queue->position.depth + queue->unstored_count;
}

size_t tr_to_matrix_in_flight(const struct tr_to_matrix *queue)
{
	return tr_lanes_in_flight(queue->lanes) + tr_marks_pending(queue->marks);
}

size_t tr_to_matrix_unstored(const struct tr_to_matrix *queue)
{
	return queue->unstored_count;
}
