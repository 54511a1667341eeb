/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepts events of the homeserver durably and hands them, lane by lane, to the handler. The proof
 * of the promise: tr_from_matrix_accept() calls back only from stored(), which the journal calls
 * only after the commit; and a row leaves state 0 only through a mark, written after the handler
 * has said done or refused. What an event means is the handler's business.
 */
#include "core/delivery/from_matrix.h"

#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/encode.h"
#include "core/base/log.h"
#include "core/delivery/lane_store.h"
#include "core/delivery/mark.h"
#include "core/delivery/schema.h"
#include "core/io/metrics.h"

enum {
	EVENT_MAX = 4 * 1024 * 1024, /* text of one event; the specification allows 64 KiB */
	ID_MAX = 4096,
	PRUNE_INTERVAL_MS = 3600 * 1000,
	DAY_MS = 24 * 3600 * 1000,
};

struct tr_from_matrix {
	struct tr_from_matrix_options options;
	const struct tr_from_matrix_handler *handler;
	void *arg;
	struct tr_lanes *lanes;
	struct tr_marks *marks;
	struct tr_timer *prune;
	struct tr_list acceptances; /* on their way into the store */
	struct tr_lane_store *store;
	tr_from_matrix_callback *resumed;
	void *resumed_arg;
	int64_t next_seq;
	int64_t first_seq; /* of this life of the process */
	size_t depth;
	struct tr_metric *delivered;
	struct tr_metric *accepted;
	struct tr_metric *known;
};

/* The events of one transaction between arrival and commit. */
struct acceptance {
	struct tr_list node;
	struct tr_from_matrix *queue;
	struct tr_list items; /* of struct tr_inbound, in order */
	int64_t first_seq;
	int64_t last_seq;
	size_t select_index;
	tr_from_matrix_callback *callback;
	void *arg;
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

static const struct tr_db_statement insert_event = {
	"INSERT INTO from_matrix(seq, event_id, lane, room_id, sender, position, origin_ts, received_ms,"
	" state, error, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	" ON CONFLICT (event_id) DO NOTHING"};
static const struct tr_db_statement select_stored = {
	"SELECT seq FROM from_matrix WHERE seq >= $1 AND seq <= $2 AND state = 0 ORDER BY seq"};
static const struct tr_db_statement mark_done = {
	"UPDATE from_matrix SET state = 2, body = '', done_ms = $2 WHERE seq = $1"};
static const struct tr_db_statement mark_dead = {
	"UPDATE from_matrix SET state = 3, error = $2, done_ms = $3 WHERE seq = $1"};
static const struct tr_db_statement insert_mapping = {
	"INSERT INTO message(room_id, remote_id, event_id, sender, ts) VALUES ($1, $2, $3, $4, $5)"
	" ON CONFLICT (room_id, remote_id) DO NOTHING"};
static const struct tr_db_statement select_max = {"SELECT COALESCE(MAX(seq), 0) FROM from_matrix"};
static const struct tr_db_statement select_lanes = {
	"SELECT lane, COUNT(*) FROM from_matrix WHERE state = 0 GROUP BY lane"};
static const struct tr_db_statement select_lane = {
	"SELECT seq, event_id, room_id, sender, position, origin_ts, body FROM from_matrix"
	" WHERE lane = $1 AND seq > $2 AND state = 0 ORDER BY seq LIMIT $3"};
static const struct tr_db_statement delete_old = {
	"DELETE FROM from_matrix WHERE state = 2 AND done_ms < $1"};

static void inbound_free(struct tr_inbound *inbound)
{
	tr_free(inbound->event_id);
	tr_free(inbound->room_id);
	tr_free(inbound->sender);
	tr_free(inbound->position);
	tr_free(inbound->body);
	tr_free(inbound);
}

static struct tr_inbound *inbound_of(const struct tr_lane_item *item)
{
	return TR_LIST_ENTRY(item, struct tr_inbound, item);
}

static void count_dead(struct tr_from_matrix *queue, const char *reason)
{
	struct tr_buf labels = TR_BUF_INIT(256);
	tr_metrics_label(&labels, "direction", TR_STR("from_matrix"));
	tr_metrics_label(&labels, "reason", tr_str_from(reason));
	tr_metric_add(tr_metrics_get(queue->options.metrics, TR_METRIC_COUNTER,
			      "trestle_messages_dead_total", tr_buf_c(&labels),
			      "Messages that could not be delivered"),
		1);
	tr_buf_finish(&labels);
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
		TR_DB_ADD(batch, &insert_mapping, TR_DB_TC(ending->room_id),
			TR_DB_TC(ending->remote_ids[i]), TR_DB_TC(ending->event_id),
			TR_DB_TC(ending->sender), TR_DB_N(ending->ts));
	}
}

static void ending_settled(void *mark, bool durable)
{
	struct ending *ending = mark;
	if (durable && ending->settled != NULL) {
		ending->settled(ending->arg);
	}
	for (size_t i = 0; i < ending->count; i++) {
		tr_free(ending->remote_ids[i]);
	}
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
	queue->depth--;
	inbound_free(inbound);
	tr_marks_add(queue->marks, ending_write, ending_settled, ending);
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
	tr_metric_add(inbound->queue->delivered, 1);
	inbound_end(inbound, ending);
}

void tr_inbound_refuse(struct tr_inbound *inbound, const struct tr_error *error)
{
	struct ending *ending = tr_alloc(sizeof(*ending));
	ending->error = tr_strdup(error->text);
	count_dead(inbound->queue, tr_error_code_name(error->code));
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
	struct tr_inbound *inbound = inbound_of(item);
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
	return !too_old(inbound_of(next)) &&
	       queue->handler->pipelines(queue->arg, inbound_of(last), inbound_of(next));
}

static void lane_unload(void *arg, struct tr_lane_item *item)
{
	(void)arg;
	inbound_free(inbound_of(item));
}

static struct tr_lane_item *read_row(
	void *arg, struct tr_str lane, const struct tr_db_result *result, size_t row)
{
	struct tr_from_matrix *queue = arg;
	(void)lane;
	struct tr_inbound *inbound = tr_alloc(sizeof(*inbound));
	inbound->queue = queue;
	inbound->item.seq = tr_db_int(result, 0, row, 0);
	inbound->event_id = tr_str_dup(tr_db_text(result, 0, row, 1));
	inbound->room_id = tr_str_dup(tr_db_text(result, 0, row, 2));
	inbound->sender = tr_str_dup(tr_db_text(result, 0, row, 3));
	inbound->position = tr_str_dup(tr_db_text(result, 0, row, 4));
	inbound->origin_ts = tr_db_int(result, 0, row, 5);
	inbound->body = tr_str_dup(tr_db_text(result, 0, row, 6));
	inbound->maybe_sent = inbound->item.seq < queue->first_seq;
	return &inbound->item;
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

static void acceptance_free(struct acceptance *acceptance)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&acceptance->items, node, following) {
		tr_list_remove(node);
		struct tr_inbound *inbound =
			inbound_of(TR_LIST_ENTRY(node, struct tr_lane_item, node));
		tr_free(inbound->data);
		inbound_free(inbound);
	}
	tr_list_remove(&acceptance->node);
	tr_free(acceptance);
}

/* Puts the events that were new into their lanes; the others are known and freed. */
static void enqueue_stored(struct acceptance *acceptance, const struct tr_db_result *result)
{
	struct tr_from_matrix *queue = acceptance->queue;
	size_t rows = tr_db_rows(result, acceptance->select_index);
	size_t row = 0;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&acceptance->items, node, following) {
		struct tr_inbound *inbound =
			inbound_of(TR_LIST_ENTRY(node, struct tr_lane_item, node));
		if (row == rows ||
			tr_db_int(result, acceptance->select_index, row, 0) != inbound->item.seq) {
			tr_log_debug("delivery", "event %s is known already", inbound->event_id);
			tr_metric_add(queue->known, 1);
			continue;
		}
		row++;
		tr_list_remove(node);
		queue->depth++;
		tr_metric_add(queue->accepted, 1);
		char *lane = inbound->data;
		inbound->data = NULL;
		tr_lanes_push(queue->lanes, tr_str_from(lane), &inbound->item);
		tr_free(lane);
	}
}

static void stored(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct acceptance *acceptance = arg;
	if (error == NULL) {
		enqueue_stored(acceptance, result);
	}
	acceptance->callback(acceptance->arg, error);
	acceptance_free(acceptance);
}

/* A hash of the event in the place of the id that it lacks, so that it is stored once. */
static void malformed_id(struct tr_str text, struct tr_buf *id)
{
	unsigned char hash[TR_SHA256_LEN];
	tr_sha256(text, hash);
	tr_buf_add_c(id, "malformed:");
	tr_hex_encode(id, hash, sizeof(hash));
}

static void store_malformed(
	struct tr_from_matrix *queue, struct tr_db_batch *batch, struct tr_str text)
{
	struct tr_buf id = TR_BUF_INIT(128);
	malformed_id(text, &id);
	tr_log_warn("delivery", "an event of the homeserver is malformed and kept as dead: %s",
		tr_buf_c(&id));
	count_dead(queue, "malformed");
	TR_DB_ADD(batch, &insert_event, TR_DB_N(queue->next_seq++), TR_DB_T(tr_buf_str(&id)),
		TR_DB_TC(""), TR_DB_TC(""), TR_DB_TC(""), TR_DB_TC(""), TR_DB_N(0),
		TR_DB_N(tr_clock_wall_ms()), TR_DB_N(TR_STATE_DEAD), TR_DB_TC("malformed event"),
		TR_DB_T(text));
	tr_buf_finish(&id);
}

static bool usable_id(struct tr_str id)
{
	return id.len > 0 && id.len <= ID_MAX;
}

static bool well_formed(const struct tr_json *event)
{
	return usable_id(tr_json_get_str(event, "event_id")) &&
	       usable_id(tr_json_get_str(event, "room_id")) &&
	       usable_id(tr_json_get_str(event, "sender")) &&
	       usable_id(tr_json_get_str(event, "type"));
}

static struct tr_inbound *inbound_create(
	struct tr_from_matrix *queue, const struct tr_json *event, const struct tr_buf *position)
{
	struct tr_inbound *inbound = tr_alloc(sizeof(*inbound));
	inbound->queue = queue;
	inbound->item.seq = queue->next_seq++;
	inbound->event_id = tr_str_dup(tr_json_get_str(event, "event_id"));
	inbound->room_id = tr_str_dup(tr_json_get_str(event, "room_id"));
	inbound->sender = tr_str_dup(tr_json_get_str(event, "sender"));
	inbound->position = tr_str_dup(tr_buf_str(position));
	if (!tr_json_get_int(event, "origin_server_ts", &inbound->origin_ts)) {
		inbound->origin_ts = tr_clock_wall_ms();
	}
	return inbound;
}

/* Adds one event to the batch; those that concern nobody are left out. */
static void accept_event(
	struct acceptance *acceptance, struct tr_db_batch *batch, const struct tr_json *event)
{
	struct tr_from_matrix *queue = acceptance->queue;
	struct tr_buf lane = TR_BUF_INIT(ID_MAX);
	struct tr_buf position = TR_BUF_INIT(ID_MAX);
	struct tr_buf text = TR_BUF_INIT(EVENT_MAX);
	bool sound = well_formed(event);
	if (sound &&
		queue->handler->classify(queue->arg, event, &lane, &position) == TR_EVENT_IGNORE) {
		goto out;
	}
	if (tr_json_print(event, &text) != 0 || !sound) {
		store_malformed(queue, batch, tr_buf_str(&text));
		goto out;
	}
	struct tr_inbound *inbound = inbound_create(queue, event, &position);
	TR_DB_ADD(batch, &insert_event, TR_DB_N(inbound->item.seq), TR_DB_TC(inbound->event_id),
		TR_DB_T(tr_buf_str(&lane)), TR_DB_TC(inbound->room_id), TR_DB_TC(inbound->sender),
		TR_DB_TC(inbound->position), TR_DB_N(inbound->origin_ts),
		TR_DB_N(tr_clock_wall_ms()), TR_DB_N(TR_STATE_NEW), TR_DB_TC(""),
		TR_DB_T(tr_buf_str(&text)));
	inbound->body = tr_buf_take(&text);
	inbound->data = tr_buf_take(&lane);
	tr_list_append(&acceptance->items, &inbound->item.node);
out:
	tr_buf_finish(&lane);
	tr_buf_finish(&position);
	tr_buf_finish(&text);
}

void tr_from_matrix_accept(struct tr_from_matrix *queue, const struct tr_json *events,
	tr_from_matrix_callback *callback, void *arg)
{
	struct acceptance *acceptance = tr_alloc(sizeof(*acceptance));
	acceptance->queue = queue;
	acceptance->callback = callback;
	acceptance->arg = arg;
	acceptance->first_seq = queue->next_seq;
	tr_list_init(&acceptance->items);
	tr_list_append(&queue->acceptances, &acceptance->node);
	struct tr_db_batch *batch = tr_journal_batch(queue->options.journal);
	for (const struct tr_json *event = tr_json_first(events); event;
		event = tr_json_next(event)) {
		accept_event(acceptance, batch, event);
	}
	acceptance->last_seq = queue->next_seq - 1;
	acceptance->select_index = TR_DB_ADD(batch, &select_stored, TR_DB_N(acceptance->first_seq),
		TR_DB_N(acceptance->last_seq));
	tr_journal_join(queue->options.journal, stored, acceptance);
}

static void prune(void *arg)
{
	struct tr_from_matrix *queue = arg;
	struct tr_db_batch *batch = tr_db_batch_create(queue->options.db);
	TR_DB_ADD(batch, &delete_old,
		TR_DB_N(tr_clock_wall_ms() - (int64_t)TR_DELIVERY_KEEP_DAYS * DAY_MS));
	tr_db_submit_take(batch, NULL, NULL);
}

static const struct tr_lane_store_sql store_sql = {&select_max, &select_lanes, &select_lane};

static void resumed(void *arg, int64_t next_seq, size_t depth, const struct tr_error *error)
{
	struct tr_from_matrix *queue = arg;
	queue->next_seq = next_seq;
	queue->first_seq = next_seq;
	queue->depth = depth;
	if (depth > 0) {
		tr_log_info(
			"delivery", "%zu accepted Matrix events go on from the last run", depth);
	}
	tr_timer_repeat(queue->prune, PRUNE_INTERVAL_MS);
	queue->resumed(queue->resumed_arg, error);
}

void tr_from_matrix_resume(
	struct tr_from_matrix *queue, tr_from_matrix_callback *callback, void *arg)
{
	queue->resumed = callback;
	queue->resumed_arg = arg;
	tr_lane_store_resume(queue->store, resumed, queue);
}

static struct tr_metric *counter(struct tr_metrics *metrics, const char *name, const char *help)
{
	return tr_metrics_get(metrics, TR_METRIC_COUNTER, name, "direction=\"from_matrix\"", help);
}

struct tr_from_matrix *tr_from_matrix_create(const struct tr_from_matrix_options *options,
	const struct tr_from_matrix_handler *handler, void *arg)
{
	struct tr_from_matrix *queue = tr_alloc(sizeof(*queue));
	queue->options = *options;
	queue->handler = handler;
	queue->arg = arg;
	tr_list_init(&queue->acceptances);
	queue->lanes = tr_lanes_create(options->loop, &lanes_handler, queue, 0);
	queue->store = tr_lane_store_create(options->db, queue->lanes, &store_sql, read_row, queue);
	queue->marks = tr_marks_create(options->loop, options->journal, 0);
	queue->prune = tr_timer_create(options->loop, prune, queue);
	queue->delivered =
		counter(options->metrics, "trestle_messages_delivered_total", "Messages delivered");
	queue->accepted =
		counter(options->metrics, "trestle_messages_accepted_total", "Messages accepted");
	queue->known = counter(options->metrics, "trestle_messages_known_total",
		"Messages that came again and were ignored");
	tr_lanes_pause(queue->lanes, true);
	return queue;
}

/* The journal does not call back any more. */
static void forget_acceptances(struct tr_from_matrix *queue)
{
	struct tr_list *node;
	while ((node = tr_list_head(&queue->acceptances)) != NULL) {
		acceptance_free(TR_LIST_ENTRY(node, struct acceptance, node));
	}
}

void tr_from_matrix_destroy(struct tr_from_matrix *queue)
{
	if (queue == NULL) {
		return;
	}
	forget_acceptances(queue);
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
	return queue->depth;
}

size_t tr_from_matrix_in_flight(const struct tr_from_matrix *queue)
{
	return tr_lanes_in_flight(queue->lanes);
}
