/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores what the network said. One batch of new messages is on its way to the store at a time, so
 * that a batch that fails can be written again without overtaking a later one. What is stored goes
 * into its lane (to_matrix.c).
 */
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/delivery/schema.h"
#include "core/delivery/to_matrix_internal.h"
#include "core/matrix/txn_id.h"

enum {
	CONTENT_MAX = 256 * 1024,
	RETRY_MS = 1000,
	PRESSURE_HIGH = 4096, /* messages accepted and not durable: stop reading */
	PRESSURE_LOW = 512,
	BATCH_MAX = 1024,
};

static const struct tr_db_statement insert_message = {
	"INSERT INTO to_matrix(seq, remote_key, room_id, sender, type, txn_id, keep_mapping, origin_ts,"
	" received_ms, state, content)"
	" SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT),"
	" CAST($6 AS TEXT), CAST($7 AS BIGINT), CAST($8 AS BIGINT), CAST($9 AS BIGINT), 0, CAST($10 AS TEXT)"
	" WHERE NOT EXISTS (SELECT 1 FROM message WHERE room_id = $3 AND remote_id = $2)"
	" ON CONFLICT (room_id, remote_key) DO NOTHING"};
/* What the store does not take as it is: nothing of it but what is ours. */
static const struct tr_db_statement insert_refused = {
	"INSERT INTO to_matrix(seq, remote_key, room_id, sender, type, txn_id, keep_mapping, origin_ts,"
	" received_ms, state, error, content) VALUES ($1, $2, '', '', '', $2, 0, 0, $3, 3, $4, '')"
	" ON CONFLICT (room_id, remote_key) DO NOTHING"};
static const struct tr_db_statement select_stored = {
	"SELECT seq FROM to_matrix WHERE seq >= $1 AND seq <= $2 ORDER BY seq"};

static void press(struct tr_to_matrix *queue)
{
	bool stop = queue->pressed ? queue->unstored_count > PRESSURE_LOW
				   : queue->unstored_count >= PRESSURE_HIGH;
	if (stop != queue->pressed) {
		queue->pressed = stop;
		queue->handler->pressure(queue->arg, stop);
	}
}

/* Durable: into its lane, or known already and freed. */
static void outbound_stored(struct tr_outbound *outbound, bool is_new)
{
	struct tr_to_matrix *queue = outbound->queue;
	tr_loop_callback *durable = outbound->durable;
	void *durable_arg = outbound->durable_arg;
	if (is_new) {
		queue->position.depth++;
		tr_metric_add(queue->counts.accepted, 1);
		tr_lanes_push(queue->lanes, tr_str_from(outbound->room_id), &outbound->item);
	} else {
		tr_log_debug(
			"delivery", "remote message %s is known already", outbound->remote_key);
		tr_metric_add(queue->counts.known, 1);
		tr_outbound_free(outbound);
	}
	if (durable != NULL) {
		durable(durable_arg);
	}
}

/* Dead, and a row of ours says so: the place in the history may move over it. */
static void outbound_refused(struct tr_outbound *outbound)
{
	tr_loop_callback *durable = outbound->durable;
	void *durable_arg = outbound->durable_arg;
	tr_outbound_end_refused(outbound);
	if (durable != NULL) {
		durable(durable_arg);
	}
}

/* The store does not take it. Next a row of ours is tried in its place; a store that does not take
 * that either is broken, and the message as it was waits for it to be mended: false. */
static bool note_refusal(struct tr_outbound *outbound, const struct tr_error *error)
{
	if (outbound->refused != NULL) {
		tr_free(outbound->refused);
		outbound->refused = NULL;
		return false;
	}
	outbound->refused = tr_alloc(sizeof(*outbound->refused));
	*outbound->refused = *error;
	return true;
}

static void store_next(struct tr_to_matrix *queue);

/* Whether this message is among the rows; `row` goes on to it. Between them may be rows of messages
 * that overtook a refused one. */
static bool find_row(const struct tr_to_matrix *queue, const struct tr_db_result *result,
	size_t *row, int64_t seq)
{
	size_t rows = tr_db_rows(result, queue->select_index);
	while (*row < rows && tr_db_int(result, queue->select_index, *row, 0) < seq) {
		(*row)++;
	}
	return *row < rows && tr_db_int(result, queue->select_index, *row, 0) == seq;
}

/* The first `count` are stored, but for those that are refused; whether the store is broken. */
static bool take_stored(struct tr_to_matrix *queue, const struct tr_db_result *result, size_t count)
{
	bool broken = false;
	size_t row = 0;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&queue->unstored, node, following) {
		if (count-- == 0) {
			break;
		}
		struct tr_outbound *outbound =
			tr_outbound_of(TR_LIST_ENTRY(node, struct tr_lane_item, node));
		const struct tr_error *error = tr_db_part_error(result, outbound->part);
		if (error != NULL) {
			broken = !note_refusal(outbound, error) || broken;
			continue;
		}
		tr_list_remove(node);
		queue->unstored_count--;
		if (outbound->refused != NULL) {
			outbound_refused(outbound);
		} else {
			outbound_stored(
				outbound, find_row(queue, result, &row, outbound->item.seq));
		}
	}
	return broken;
}

static void stored(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct tr_to_matrix *queue = arg;
	size_t count = queue->storing;
	queue->storing = 0;
	if (error != NULL) {
		tr_log_warn("delivery",
			"%zu remote messages cannot be stored now, trying again: %s",
			queue->unstored_count, error->text);
		tr_timer_start(queue->retry, RETRY_MS);
		return;
	}
	bool broken = take_stored(queue, result, count);
	press(queue);
	if (broken) {
		tr_timer_start(queue->retry, RETRY_MS);
	} else {
		store_next(queue);
	}
}

static void add_insert(struct tr_db_batch *batch, struct tr_outbound *outbound)
{
	if (outbound->refused != NULL) {
		TR_DB_ADD(batch, &insert_refused, TR_DB_N(outbound->item.seq),
			TR_DB_TC(outbound->txn_id), TR_DB_N(tr_clock_wall_ms()),
			TR_DB_TC("the store did not take it"));
		outbound->part = tr_db_batch_end_part(batch);
		return;
	}
	TR_DB_ADD(batch, &insert_message, TR_DB_N(outbound->item.seq),
		TR_DB_TC(outbound->remote_key), TR_DB_TC(outbound->room_id),
		TR_DB_TC(outbound->sender), TR_DB_TC(outbound->type), TR_DB_TC(outbound->txn_id),
		TR_DB_N(outbound->keep_mapping), TR_DB_N(outbound->origin_ts),
		TR_DB_N(tr_clock_wall_ms()), TR_DB_TC(outbound->content));
	outbound->part = tr_db_batch_end_part(batch);
}

/* Writes everything that waits as one batch, unless one is on its way. */
void tr_to_matrix_store(void *arg)
{
	struct tr_to_matrix *queue = arg;
	if (queue->storing != 0 || queue->unstored_count == 0 || tr_timer_active(queue->retry)) {
		return;
	}
	struct tr_db_batch *batch = tr_journal_batch(queue->options.journal);
	int64_t first = 0;
	int64_t last = 0;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&queue->unstored, node, following) {
		struct tr_outbound *outbound =
			tr_outbound_of(TR_LIST_ENTRY(node, struct tr_lane_item, node));
		add_insert(batch, outbound);
		last = outbound->item.seq;
		first = first ? first : last;
		if (++queue->storing == BATCH_MAX) {
			break;
		}
	}
	queue->select_index = TR_DB_ADD(batch, &select_stored, TR_DB_N(first), TR_DB_N(last));
	tr_journal_join(queue->options.journal, stored, queue);
}

static void store_next(struct tr_to_matrix *queue)
{
	if (queue->unstored_count > 0) {
		tr_to_matrix_store(queue);
	}
}

static void add_relation(struct tr_json *content, const struct tr_to_matrix_event *event)
{
	struct tr_json *relation = tr_json_add_object(content, TR_OUTBOUND_RELATION_KEY);
	struct tr_json *keys = tr_json_add_array(relation, "keys");
	for (size_t i = 0; i < event->about_key_count; i++) {
		tr_json_append_str(keys, event->about_keys[i]);
	}
	tr_json_set_str(relation, "event", event->about_event);
	tr_json_set_bool(relation, "replaces", event->replaces);
}

/* The content with our key, as text; false when it is too large for any homeserver. */
static bool content_with_key(
	const struct tr_to_matrix_event *event, const char *txn_id, struct tr_buf *out)
{
	struct tr_json *content = tr_json_dup(event->content);
	if (!tr_to_matrix_is_state(event->type)) {
		tr_json_set_c(content, "io.trestle.id", txn_id);
	}
	if (!tr_str_empty(event->reply_to)) {
		tr_json_set_str(content, TR_OUTBOUND_REPLY_KEY, event->reply_to);
	}
	if (event->about_key_count > 0) {
		add_relation(content, event);
	}
	bool fits = tr_json_print(content, out) == 0;
	tr_json_free(content);
	return fits;
}

void tr_to_matrix_accept(struct tr_to_matrix *queue, const struct tr_to_matrix_event *event,
	tr_loop_callback *durable, void *arg)
{
	struct tr_outbound *outbound = tr_alloc(sizeof(*outbound));
	outbound->queue = queue;
	outbound->item.seq = queue->position.next_seq++;
	outbound->remote_key = tr_str_dup(event->remote_key);
	outbound->room_id = tr_strdup(event->room_id);
	outbound->sender = tr_strdup(event->sender);
	outbound->type = tr_strdup(event->type);
	outbound->origin_ts = event->origin_ts;
	outbound->keep_mapping = event->keep_mapping;
	outbound->durable = durable;
	outbound->durable_arg = arg;
	const struct tr_str parts[] = {tr_str_from(event->room_id), event->remote_key};
	outbound->txn_id = tr_txn_id(parts, TR_ARRAY_LEN(parts));
	struct tr_buf content = TR_BUF_INIT(CONTENT_MAX);
	TR_ASSERT(content_with_key(event, outbound->txn_id, &content));
	outbound->content = tr_buf_take(&content);
	tr_list_append(&queue->unstored, &outbound->item.node);
	queue->unstored_count++;
	if (queue->unstored_count == 1) {
		tr_loop_defer(queue->options.loop, tr_to_matrix_store, queue);
	}
	press(queue);
}
