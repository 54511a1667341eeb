/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hands accepted events, lane by lane, to the handler, and writes how they end: a row leaves state
 * 0 only through a mark, written after the handler has said done or refused. Accepting is
 * from_matrix_accept.c's; what an event means is the handler's business.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/delivery/from_matrix_internal.h"
#include "core/delivery/mapping.h"
#include "core/delivery/schema.h"

#include <string.h>

enum {
	PRUNE_INTERVAL_MS = 3600 * 1000,
	DAY_MS = 24 * 3600 * 1000,
};

/* The end of an event on its way into the store. */
struct ending {
	int64_t seq;
	char *event_id;
	char *room_id;
	char *sender;
	int64_t ts;
	char **remote_ids;
	size_t count;
	char *error; /* NULL = done */
	tr_loop_callback *settled;
	void *arg;
};

static const struct tr_db_statement mark_done = {
	"UPDATE from_matrix SET state = 2, body = '', done_ms = $2 WHERE seq = $1"};
/* What was redacted meanwhile is over, also when only the store knows of that yet. */
static const struct tr_db_statement mark_dead = {
	"UPDATE from_matrix SET state = CASE error WHEN '" TR_FROM_MATRIX_REDACTED
	"' THEN 2 ELSE 3 END, body = CASE error WHEN '" TR_FROM_MATRIX_REDACTED
	"' THEN '' ELSE body END, error = $2, done_ms = $3 WHERE seq = $1"};
static const struct tr_db_statement select_max = {"SELECT COALESCE(MAX(seq), 0) FROM from_matrix"};
static const struct tr_db_statement select_lanes = {
	"SELECT lane, COUNT(*) FROM from_matrix WHERE state = 0 GROUP BY lane"};
static const struct tr_db_statement select_lane = {
	"SELECT seq, event_id, room_id, sender, position, origin_ts, body, error FROM from_matrix"
	" WHERE lane = $1 AND seq > $2 AND state = 0 ORDER BY seq LIMIT $3"};
static const struct tr_db_statement delete_old = {
	"DELETE FROM from_matrix WHERE state = 2 AND done_ms < $1"};

void tr_inbound_free(struct tr_inbound *inbound)
{
	tr_free(inbound->event_id);
	tr_free(inbound->room_id);
	tr_free(inbound->sender);
	tr_free(inbound->position);
	tr_free(inbound->body);
	tr_free(inbound);
}

struct tr_inbound *tr_inbound_of(const struct tr_lane_item *item)
{
	return TR_LIST_ENTRY(item, struct tr_inbound, item);
}

static void ending_write(void *mark, struct tr_db_batch *batch)
{
	struct ending *ending = mark;
	int64_t now = tr_clock_wall_ms();
	if (ending->error != NULL) {
		TR_DB_ADD(batch, &mark_dead, TR_DB_N(ending->seq), TR_DB_TC(ending->error),
			TR_DB_N(now));
		return;
	}
	TR_DB_ADD(batch, &mark_done, TR_DB_N(ending->seq), TR_DB_N(now));
	for (size_t i = 0; i < ending->count; i++) {
		const struct tr_mapping mapping = {ending->room_id, ending->remote_ids[i],
			ending->event_id, ending->sender, ending->ts};
		tr_mapping_add(batch, &mapping);
	}
}

static void forget_ids(struct ending *ending)
{
	for (size_t i = 0; i < ending->count; i++) {
		tr_free(ending->remote_ids[i]);
	}
	ending->count = 0;
}

/* That it has ended must be known whatever the network has said of it: a number and a sentence of
 * ours no store refuses. What answers or edits the message later does not find it then. */
static bool ending_refused(void *mark, const struct tr_error *error)
{
	struct ending *ending = mark;
	tr_log_error("delivery",
		"event %s of %s in %s: the store refuses its end with what belongs to it: %s",
		ending->event_id, ending->sender, ending->room_id, error->text);
	forget_ids(ending);
	if (ending->error != NULL) {
		tr_free(ending->error);
		ending->error = tr_strdup("refused; the store did not take the reason");
	}
	return true;
}

static void ending_settled(void *mark, bool durable)
{
	struct ending *ending = mark;
	if (durable && ending->settled != NULL) {
		ending->settled(ending->arg);
	}
	forget_ids(ending);
	tr_free(ending->remote_ids);
	tr_free(ending->event_id);
	tr_free(ending->room_id);
	tr_free(ending->sender);
	tr_free(ending->error);
	tr_free(ending);
}

/* Takes the event out of its lane and writes its end. */
static void inbound_end(struct tr_inbound *inbound, struct ending *ending)
{
	struct tr_from_matrix *queue = inbound->queue;
	ending->seq = inbound->item.seq;
	ending->ts = inbound->origin_ts;
	ending->event_id = tr_strdup(inbound->event_id);
	ending->room_id = tr_strdup(inbound->room_id);
	ending->sender = tr_strdup(inbound->sender);
	tr_lane_done(&inbound->item);
	queue->position.depth--;
	tr_inbound_free(inbound);
	tr_marks_add_refusable(queue->marks, ending_write, ending_settled, ending_refused, ending);
}

void tr_inbound_done(struct tr_inbound *inbound, const struct tr_str *remote_ids, size_t count,
	tr_loop_callback *settled, void *arg)
{
	struct ending *ending = tr_alloc(sizeof(*ending));
	ending->remote_ids = tr_alloc_array(count, sizeof(*ending->remote_ids));
	for (size_t i = 0; i < count; i++) {
		if (!tr_str_empty(remote_ids[i])) {
			ending->remote_ids[ending->count++] = tr_str_dup(remote_ids[i]);
		}
	}
	ending->settled = settled;
	ending->arg = arg;
	tr_metric_add(inbound->queue->counts.delivered, 1);
	inbound_end(inbound, ending);
}

void tr_inbound_refuse(struct tr_inbound *inbound, const struct tr_error *error)
{
	if (inbound->redacted) {
		tr_inbound_done(inbound, NULL, 0, NULL, NULL);
		return;
	}
	struct ending *ending = tr_alloc(sizeof(*ending));
	ending->error = tr_strdup(error->text);
	tr_delivery_count_dead(&inbound->queue->counts, tr_error_code_name(error->code));
	tr_log_warn("delivery", "event %s of %s in %s is not delivered: %s", inbound->event_id,
		inbound->sender, inbound->room_id, error->text);
	inbound->queue->handler->dead(inbound->queue->arg, inbound, error);
	inbound_end(inbound, ending);
}

void tr_inbound_retry(struct tr_inbound *inbound, const struct tr_error *error)
{
	inbound->maybe_sent = true;
	tr_lane_retry(&inbound->item, error);
}

static bool too_old(const struct tr_inbound *inbound)
{
	uint64_t max_age = inbound->queue->options.max_age_ms;
	return max_age != 0 && tr_clock_wall_ms() - inbound->origin_ts > (int64_t)max_age;
}

static void lane_start(void *arg, struct tr_lane_item *item)
{
	struct tr_from_matrix *queue = arg;
	struct tr_inbound *inbound = tr_inbound_of(item);
	if (inbound->redacted && queue->handler->says(queue->arg, inbound)) {
		tr_log_debug("delivery", "event %s was redacted before it was delivered",
			inbound->event_id);
		tr_inbound_done(inbound, NULL, 0, NULL, NULL);
		return;
	}
	if (too_old(inbound)) {
		struct tr_error error;
		tr_error_set_class(&error, TR_E_TIMEOUT, TR_CLASS_PERMANENT,
			"the message is older than drop_matrix_messages_after_seconds allows");
		tr_inbound_refuse(inbound, &error);
		return;
	}
	queue->handler->deliver(queue->arg, inbound);
}

static bool lane_pipelines(
	void *arg, const struct tr_lane_item *last, const struct tr_lane_item *next)
{
	struct tr_from_matrix *queue = arg;
	return !too_old(tr_inbound_of(next)) && !tr_inbound_of(next)->redacted &&
	       queue->handler->pipelines(queue->arg, tr_inbound_of(last), tr_inbound_of(next));
}

static void lane_unload(void *arg, struct tr_lane_item *item)
{
	(void)arg;
	tr_inbound_free(tr_inbound_of(item));
}

struct tr_inbound *tr_inbound_read(
	struct tr_from_matrix *queue, const struct tr_db_result *result, size_t row)
{
	struct tr_inbound *inbound = tr_alloc(sizeof(*inbound));
	inbound->queue = queue;
	inbound->item.seq = tr_db_int(result, 0, row, 0);
	inbound->event_id = tr_str_dup(tr_db_text(result, 0, row, 1));
	inbound->room_id = tr_str_dup(tr_db_text(result, 0, row, 2));
	inbound->sender = tr_str_dup(tr_db_text(result, 0, row, 3));
	inbound->position = tr_str_dup(tr_db_text(result, 0, row, 4));
	inbound->origin_ts = tr_db_int(result, 0, row, 5);
	inbound->body = tr_str_dup(tr_db_text(result, 0, row, 6));
	inbound->maybe_sent = inbound->item.seq < queue->position.first_seq;
	return inbound;
}

static struct tr_lane_item *read_row(
	void *arg, struct tr_str lane, const struct tr_db_result *result, size_t row)
{
	(void)lane;
	struct tr_inbound *inbound = tr_inbound_read(arg, result, row);
	inbound->redacted = tr_str_eq_c(tr_db_text(result, 0, row, 7), TR_FROM_MATRIX_REDACTED);
	return &inbound->item;
}

struct redacting {
	struct tr_from_matrix *queue;
	const char *event_id;
	const char *room_id;
};

static bool redact(void *arg, struct tr_lane_item *item)
{
	const struct redacting *redacting = arg;
	struct tr_from_matrix *queue = redacting->queue;
	struct tr_inbound *inbound = tr_inbound_of(item);
	if (strcmp(inbound->event_id, redacting->event_id) != 0 ||
		strcmp(inbound->room_id, redacting->room_id) != 0) {
		return true;
	}
	inbound->redacted = true;
	if (item->in_flight && queue->handler->says(queue->arg, inbound)) {
		queue->handler->take_back(queue->arg, inbound);
	}
	return false;
}

void tr_from_matrix_redact(
	struct tr_from_matrix *queue, struct tr_str lane, const char *event_id, const char *room_id)
{
	struct redacting redacting = {queue, event_id, room_id};
	tr_lanes_visit(queue->lanes, lane, redact, &redacting);
}

static void lane_load(void *arg, struct tr_str lane, int64_t after, size_t count)
{
	struct tr_from_matrix *queue = arg;
	tr_lane_store_load(queue->store, lane, after, count);
}

static const struct tr_lanes_handler lanes_handler = {
	.start = lane_start,
	.pipelines = lane_pipelines,
	.load = lane_load,
	.unload = lane_unload,
};

static void prune(void *arg)
{
	struct tr_from_matrix *queue = arg;
	struct tr_db_batch *batch = tr_db_batch_create(queue->options.db);
	TR_DB_ADD(batch, &delete_old,
		TR_DB_N(tr_clock_wall_ms() - (int64_t)TR_DELIVERY_KEEP_DAYS * DAY_MS));
	tr_db_submit_take(batch, NULL, NULL);
}

static const struct tr_lane_store_sql store_sql = {&select_max, &select_lanes, &select_lane};

void tr_from_matrix_resume(
	struct tr_from_matrix *queue, tr_from_matrix_callback *callback, void *arg)
{
	tr_timer_repeat(queue->prune, PRUNE_INTERVAL_MS);
	tr_lane_store_resume(
		queue->store, &queue->position, "accepted Matrix events", callback, arg);
}

struct tr_from_matrix *tr_from_matrix_create(const struct tr_from_matrix_options *options,
	const struct tr_from_matrix_handler *handler, void *arg)
{
	struct tr_from_matrix *queue = tr_alloc(sizeof(*queue));
	queue->options = *options;
	queue->handler = handler;
	queue->arg = arg;
	tr_list_init(&queue->acceptances);
	tr_list_init(&queue->revivals);
	queue->lanes = tr_lanes_create(options->loop, &lanes_handler, queue, 0);
	queue->store = tr_lane_store_create(options->db, queue->lanes, &store_sql, read_row, queue);
	queue->marks = tr_marks_create(options->loop, options->journal, 0);
	queue->prune = tr_timer_create(options->loop, prune, queue);
	tr_delivery_counts_init(&queue->counts, options->metrics, "from_matrix");
	tr_lanes_pause(queue->lanes, true);
	return queue;
}

void tr_from_matrix_destroy(struct tr_from_matrix *queue)
{
	if (queue == NULL) {
		return;
	}
	tr_from_matrix_forget_acceptances(queue);
	tr_from_matrix_forget_revivals(queue);
	tr_lane_store_destroy(queue->store);
	tr_lanes_destroy(queue->lanes);
	tr_marks_destroy(queue->marks);
	tr_timer_destroy(queue->prune);
	tr_free(queue);
}

void tr_from_matrix_pause(struct tr_from_matrix *queue, bool paused)
{
	tr_lanes_pause(queue->lanes, paused);
}

void tr_from_matrix_wake(struct tr_from_matrix *queue)
{
	tr_lanes_wake(queue->lanes);
}

void tr_from_matrix_set_max_age(struct tr_from_matrix *queue, uint64_t max_age_ms)
{
	queue->options.max_age_ms = max_age_ms;
}

size_t tr_from_matrix_depth(const struct tr_from_matrix *queue)
{
	return queue->position.depth;
}

size_t tr_from_matrix_in_flight(const struct tr_from_matrix *queue)
{
	return tr_lanes_in_flight(queue->lanes);
}
