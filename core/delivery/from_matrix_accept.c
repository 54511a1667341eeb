/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepts the events of a transaction durably. The proof of the promise: tr_from_matrix_accept()
 * calls back only from stored(), which the journal calls only after the commit. What is stored goes
 * into its lane; delivering is from_matrix.c's.
 */
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/encode.h"
#include "core/base/log.h"
#include "core/delivery/from_matrix_internal.h"
#include "core/delivery/schema.h"

enum {
	EVENT_MAX = 4 * 1024 * 1024, /* text of one event; the specification allows 64 KiB */
	ID_MAX = 4096,
};

/* The events of one transaction between arrival and commit. */
struct acceptance {
	struct tr_list node;
	struct tr_from_matrix *queue;
	struct tr_list items; /* of struct tr_inbound, in order */
	struct tr_list redactions;
	struct tr_list refused; /* of struct tr_inbound that the store does not take */
	int64_t first_seq;
	int64_t last_seq;
	size_t select_index;
	tr_from_matrix_callback *callback;
	void *arg;
};

/* An event that one of them redacts. */
struct redaction {
	struct tr_list node;
	char *lane;
	char *event_id;
	char *room_id;
};

static const struct tr_db_statement insert_event = {
	"INSERT INTO from_matrix(seq, event_id, lane, room_id, sender, position, origin_ts, received_ms,"
	" state, error, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	" ON CONFLICT (event_id) DO NOTHING"};
/* What is redacted while it waits is not sent .. */
static const struct tr_db_statement redact_waiting = {
	"UPDATE from_matrix SET error = '" TR_FROM_MATRIX_REDACTED
	"' WHERE event_id = $1 AND room_id = $2 AND state = 0"};
/* .. and what was taken back is not sent again (from_matrix_again.c). */
static const struct tr_db_statement take_back = {
	"UPDATE from_matrix SET state = 2, body = '' WHERE event_id = $1 AND room_id = $2"
	" AND state = 3"};
static const struct tr_db_statement select_stored = {
	"SELECT seq FROM from_matrix WHERE seq >= $1 AND seq <= $2 AND state = 0 ORDER BY seq"};

static void redaction_free(struct redaction *redaction)
{
	tr_list_remove(&redaction->node);
	tr_free(redaction->lane);
	tr_free(redaction->event_id);
	tr_free(redaction->room_id);
	tr_free(redaction);
}

static void acceptance_free(struct acceptance *acceptance)
{
	struct tr_list *node;
	while ((node = tr_list_head(&acceptance->redactions)) != NULL) {
		redaction_free(TR_LIST_ENTRY(node, struct redaction, node));
	}
	struct tr_list *following;
	TR_LIST_EACH (&acceptance->refused, node, following) {
		tr_list_remove(node);
		tr_list_append(&acceptance->items, node);
	}
	TR_LIST_EACH (&acceptance->items, node, following) {
		tr_list_remove(node);
		struct tr_inbound *inbound =
			tr_inbound_of(TR_LIST_ENTRY(node, struct tr_lane_item, node));
		tr_free(inbound->data);
		tr_inbound_free(inbound);
	}
	tr_list_remove(&acceptance->node);
	tr_free(acceptance);
}

size_t tr_from_matrix_enqueue(struct tr_from_matrix *queue, struct tr_list *items,
	const struct tr_db_result *result, size_t index)
{
	size_t rows = tr_db_rows(result, index);
	size_t row = 0;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (items, node, following) {
		struct tr_inbound *inbound =
			tr_inbound_of(TR_LIST_ENTRY(node, struct tr_lane_item, node));
		if (row == rows || tr_db_int(result, index, row, 0) != inbound->item.seq) {
			continue;
		}
		row++;
		tr_list_remove(node);
		queue->position.depth++;
		tr_metric_add(queue->counts.accepted, 1);
		char *lane = inbound->data;
		inbound->data = NULL;
		tr_lanes_push(queue->lanes, tr_str_from(lane), &inbound->item);
		tr_free(lane);
	}
	return row;
}

/* Puts the events that were new into their lanes; the others are known and freed later. */
static void enqueue_stored(struct acceptance *acceptance, const struct tr_db_result *result)
{
	struct tr_from_matrix *queue = acceptance->queue;
	tr_from_matrix_enqueue(queue, &acceptance->items, result, acceptance->select_index);
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&acceptance->items, node, following) {
		const struct tr_inbound *inbound =
			tr_inbound_of(TR_LIST_ENTRY(node, struct tr_lane_item, node));
		tr_log_debug("delivery", "event %s is known already", inbound->event_id);
		tr_metric_add(queue->counts.known, 1);
	}
}

/* What is not in memory is known by its row. */
static void redact_all(struct acceptance *acceptance)
{
	struct tr_list *node;
	while ((node = tr_list_head(&acceptance->redactions)) != NULL) {
		struct redaction *redaction = TR_LIST_ENTRY(node, struct redaction, node);
		tr_from_matrix_redact(acceptance->queue, tr_str_from(redaction->lane),
			redaction->event_id, redaction->room_id);
		redaction_free(redaction);
	}
}

/* A hash of the event in the place of the id that it lacks, so that it is stored once. */
static void malformed_id(struct tr_str text, struct tr_buf *id)
{
	unsigned char hash[TR_SHA256_LEN];
	tr_sha256(text, hash);
	tr_buf_add_c(id, "malformed:");
	tr_hex_encode(id, hash, sizeof(hash));
}

static void insert_dead(struct tr_db_batch *batch, int64_t seq, struct tr_str id,
	const char *reason, struct tr_str text)
{
	TR_DB_ADD(batch, &insert_event, TR_DB_N(seq), TR_DB_T(id), TR_DB_TC(""), TR_DB_TC(""),
		TR_DB_TC(""), TR_DB_TC(""), TR_DB_N(0), TR_DB_N(tr_clock_wall_ms()),
		TR_DB_N(TR_STATE_DEAD), TR_DB_TC(reason), TR_DB_T(text));
}

static void store_malformed(
	struct tr_from_matrix *queue, struct tr_db_batch *batch, struct tr_str text)
{
	struct tr_buf id = TR_BUF_INIT(128);
	malformed_id(text, &id);
	tr_log_warn("delivery", "an event of the homeserver is malformed and kept as dead: %s",
		tr_buf_c(&id));
	tr_delivery_count_dead(&queue->counts, "malformed");
	insert_dead(batch, queue->position.next_seq++, tr_buf_str(&id), "malformed event", text);
	tr_db_batch_end_part(batch);
	tr_buf_finish(&id);
}

/* Takes those out that the store does not take as they are. */
static void part_with_refused(struct acceptance *acceptance, const struct tr_db_result *result)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&acceptance->items, node, following) {
		struct tr_inbound *inbound =
			tr_inbound_of(TR_LIST_ENTRY(node, struct tr_lane_item, node));
		const struct tr_error *error = tr_db_part_error(result, inbound->part);
		if (error == NULL) {
			continue;
		}
		tr_log_error("delivery",
			"event %s of %s in %s: the store refuses it, it is kept as dead: %s",
			inbound->event_id, inbound->sender, inbound->room_id, error->text);
		tr_list_remove(node);
		tr_list_append(&acceptance->refused, node);
	}
}

static void tell_refused(struct acceptance *acceptance)
{
	struct tr_from_matrix *queue = acceptance->queue;
	struct tr_error error;
	tr_error_set_class(&error, TR_E_STORE, TR_CLASS_PERMANENT, "it cannot be stored");
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&acceptance->refused, node, following) {
		const struct tr_inbound *inbound =
			tr_inbound_of(TR_LIST_ENTRY(node, struct tr_lane_item, node));
		tr_delivery_count_dead(&queue->counts, tr_error_code_name(error.code));
		queue->handler->dead(queue->arg, inbound, &error);
	}
}

static void refused_stored(
	void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct acceptance *acceptance = arg;
	(void)result;
	acceptance->callback(acceptance->arg, error);
	if (error == NULL) {
		tell_refused(acceptance);
	}
	acceptance_free(acceptance);
}

/* A row of ours stands for each. Only then the transaction is answered: a store that does not take
 * that either is not there, whatever it says. */
static void store_refused(struct acceptance *acceptance)
{
	struct tr_from_matrix *queue = acceptance->queue;
	struct tr_db_batch *batch = tr_journal_batch(queue->options.journal);
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&acceptance->refused, node, following) {
		const struct tr_inbound *inbound =
			tr_inbound_of(TR_LIST_ENTRY(node, struct tr_lane_item, node));
		struct tr_buf id = TR_BUF_INIT(128);
		malformed_id(tr_str_from(inbound->body), &id);
		insert_dead(batch, inbound->item.seq, tr_buf_str(&id), "the store did not take it",
			TR_STR(""));
		tr_buf_finish(&id);
	}
	tr_journal_join(queue->options.journal, refused_stored, acceptance);
}

static void stored(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct acceptance *acceptance = arg;
	if (error == NULL) {
		part_with_refused(acceptance, result);
	}
	bool answered = tr_list_empty(&acceptance->refused);
	if (answered) {
		/* The answer goes out first: the homeserver sends nothing else before it has it. */
		acceptance->callback(acceptance->arg, error);
	}
	if (error == NULL) {
		enqueue_stored(acceptance, result);
		redact_all(acceptance);
	}
	if (answered) {
		acceptance_free(acceptance);
	} else {
		store_refused(acceptance);
	}
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
	inbound->item.seq = queue->position.next_seq++;
	inbound->event_id = tr_str_dup(tr_json_get_str(event, "event_id"));
	inbound->room_id = tr_str_dup(tr_json_get_str(event, "room_id"));
	inbound->sender = tr_str_dup(tr_json_get_str(event, "sender"));
	inbound->position = tr_str_dup(tr_buf_str(position));
	if (!tr_json_get_int(event, "origin_server_ts", &inbound->origin_ts)) {
		inbound->origin_ts = tr_clock_wall_ms();
	}
	return inbound;
}

static void note_redaction(struct acceptance *acceptance, struct tr_db_batch *batch,
	const struct tr_json *event, const struct tr_buf *lane)
{
	if (!tr_str_eq_c(tr_json_get_str(event, "type"), "m.room.redaction")) {
		return;
	}
	struct tr_str about = tr_json_get_str(event, "redacts");
	if (tr_str_empty(about)) {
		about = tr_json_str(tr_json_path(event, "content", "redacts", NULL));
	}
	struct tr_str room_id = tr_json_get_str(event, "room_id");
	if (!usable_id(about)) {
		return;
	}
	TR_DB_ADD(batch, &redact_waiting, TR_DB_T(about), TR_DB_T(room_id));
	TR_DB_ADD(batch, &take_back, TR_DB_T(about), TR_DB_T(room_id));
	tr_db_batch_end_part(batch);
	if (lane->len > 0) {
		struct redaction *redaction = tr_alloc(sizeof(*redaction));
		redaction->lane = tr_str_dup(tr_buf_str(lane));
		redaction->event_id = tr_str_dup(about);
		redaction->room_id = tr_str_dup(room_id);
		tr_list_append(&acceptance->redactions, &redaction->node);
	}
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
	bool ignored = sound && queue->handler->classify(queue->arg, event, &lane, &position) ==
					TR_EVENT_IGNORE;
	if (sound) {
		note_redaction(acceptance, batch, event, &lane);
	}
	if (ignored) {
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
	inbound->part = tr_db_batch_end_part(batch);
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
	acceptance->first_seq = queue->position.next_seq;
	tr_list_init(&acceptance->items);
	tr_list_init(&acceptance->redactions);
	tr_list_init(&acceptance->refused);
	tr_list_append(&queue->acceptances, &acceptance->node);
	struct tr_db_batch *batch = tr_journal_batch(queue->options.journal);
	for (const struct tr_json *event = tr_json_first(events); event;
		event = tr_json_next(event)) {
		accept_event(acceptance, batch, event);
	}
	acceptance->last_seq = queue->position.next_seq - 1;
	acceptance->select_index = TR_DB_ADD(batch, &select_stored, TR_DB_N(acceptance->first_seq),
		TR_DB_N(acceptance->last_seq));
	tr_journal_join(queue->options.journal, stored, acceptance);
}

void tr_from_matrix_forget_acceptances(struct tr_from_matrix *queue)
{
	struct tr_list *node;
	while ((node = tr_list_head(&queue->acceptances)) != NULL) {
		acceptance_free(TR_LIST_ENTRY(node, struct acceptance, node));
	}
}
