/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends again what was given up: dead rows of one sender are accepted a second time. Each gets a
 * new seq, so that it stands behind what waits in its lane already, all in one commit; like an
 * accepted event it comes into its lane only when that is durable. Which of them may still be sent
 * is the handler's to say; delivering is from_matrix.c's.
 */
#include "core/base/clock.h"
#include "core/delivery/from_matrix_internal.h"
#include "core/delivery/schema.h"

enum {
	LOOK_MAX = 400, /* rows read at a time */
	DAY_MS = 24 * 3600 * 1000,
};

/* From the question to the commit. */
struct revival {
	struct tr_list node;
	struct tr_from_matrix *queue;
	struct tr_list items; /* of struct tr_inbound, in their old order; data is the lane */
	char *sender;
	int64_t after; /* rows up to this seq have been looked at */
	int64_t first_seq;
	size_t select_index;
	size_t taken;
	size_t left;
	tr_from_matrix_again_callback *callback;
	void *arg;
};

static const struct tr_db_statement select_dead = {
	"SELECT seq, event_id, room_id, sender, position, origin_ts, body, lane FROM from_matrix"
	" WHERE state = 3 AND sender = $1 AND seq > $2 AND done_ms >= $3 AND origin_ts >= $4"
	" ORDER BY seq LIMIT $5"};
/* Nothing happens to a row that another question has taken in the meantime: its seq is another. */
static const struct tr_db_statement revive_row = {
	"UPDATE from_matrix SET seq = $1, state = 0, error = '', done_ms = 0, received_ms = $2"
	" WHERE seq = $3 AND state = 3"};
static const struct tr_db_statement select_revived = {
	"SELECT seq FROM from_matrix WHERE seq >= $1 AND seq <= $2 AND state = 0 ORDER BY seq"};

static void item_free(struct tr_inbound *inbound)
{
	tr_free(inbound->data);
	tr_inbound_free(inbound);
}

static void revival_free(struct revival *revival)
{
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&revival->items, node, following) {
		tr_list_remove(node);
		item_free(tr_inbound_of(TR_LIST_ENTRY(node, struct tr_lane_item, node)));
	}
	tr_list_remove(&revival->node);
	tr_free(revival->sender);
	tr_free(revival);
}

static void revival_end(struct revival *revival, size_t count, const struct tr_error *error)
{
	revival->callback(revival->arg, count, error ? 0 : revival->left, error);
	revival_free(revival);
}

static void revived(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct revival *revival = arg;
	size_t count = error ? 0
			     : tr_from_matrix_enqueue(revival->queue, &revival->items, result,
				       revival->select_index);
	revival_end(revival, count, error);
}

/* The seqs are given here, with the batch they are written by, so that they grow in the order of
 * the commits. */
static void revive(struct revival *revival)
{
	struct tr_from_matrix *queue = revival->queue;
	struct tr_db_batch *batch = tr_journal_batch(queue->options.journal);
	revival->first_seq = queue->position.next_seq;
	struct tr_list *node;
	struct tr_list *following;
	TR_LIST_EACH (&revival->items, node, following) {
		struct tr_lane_item *item = TR_LIST_ENTRY(node, struct tr_lane_item, node);
		int64_t before = item->seq;
		item->seq = queue->position.next_seq++;
		TR_DB_ADD(batch, &revive_row, TR_DB_N(item->seq), TR_DB_N(tr_clock_wall_ms()),
			TR_DB_N(before));
	}
	revival->select_index = TR_DB_ADD(batch, &select_revived, TR_DB_N(revival->first_seq),
		TR_DB_N(queue->position.next_seq - 1));
	tr_journal_join(queue->options.journal, revived, revival);
}

/* Takes the row if it may be sent and there is room for it. */
static void consider(struct revival *revival, const struct tr_db_result *result, size_t row)
{
	struct tr_from_matrix *queue = revival->queue;
	struct tr_inbound *inbound = tr_inbound_read(queue, result, row);
	struct tr_str lane = tr_db_text(result, 0, row, 7);
	revival->after = inbound->item.seq;
	if (!queue->handler->may_send_again(queue->arg, inbound, lane)) {
		tr_inbound_free(inbound);
	} else if (revival->taken == TR_FROM_MATRIX_AGAIN_MAX) {
		revival->left++;
		tr_inbound_free(inbound);
	} else {
		/* It may have got there after all: the network has only not said so. */
		inbound->maybe_sent = true;
		inbound->data = tr_str_dup(lane);
		tr_list_append(&revival->items, &inbound->item.node);
		revival->taken++;
	}
}

static void look(struct revival *revival);

static void looked(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct revival *revival = arg;
	if (error != NULL) {
		revival_end(revival, 0, error);
		return;
	}
	size_t rows = tr_db_rows(result, 0);
	for (size_t row = 0; row < rows; row++) {
		consider(revival, result, row);
	}
	if (rows == LOOK_MAX && revival->left == 0) {
		look(revival);
	} else if (revival->taken == 0) {
		revival_end(revival, 0, NULL);
	} else {
		revive(revival);
	}
}

void tr_from_matrix_again_since(uint64_t max_age_ms, int64_t *died_ms, int64_t *said_ms)
{
	int64_t now = tr_clock_wall_ms();
	*died_ms = now - (int64_t)TR_DELIVERY_KEEP_DAYS * DAY_MS;
	*said_ms = max_age_ms > 0 ? now - (int64_t)max_age_ms : 0;
}

static void look(struct revival *revival)
{
	struct tr_from_matrix *queue = revival->queue;
	int64_t died_ms;
	int64_t said_ms;
	tr_from_matrix_again_since(queue->options.max_age_ms, &died_ms, &said_ms);
	struct tr_db_batch *batch = tr_db_batch_create(queue->options.db);
	TR_DB_ADD(batch, &select_dead, TR_DB_TC(revival->sender), TR_DB_N(revival->after),
		TR_DB_N(died_ms), TR_DB_N(said_ms), TR_DB_N(LOOK_MAX));
	tr_db_submit_take(batch, looked, revival);
}

void tr_from_matrix_again(struct tr_from_matrix *queue, const char *sender,
	tr_from_matrix_again_callback *callback, void *arg)
{
	struct revival *revival = tr_alloc(sizeof(*revival));
	revival->queue = queue;
	revival->sender = tr_strdup(sender);
	revival->callback = callback;
	revival->arg = arg;
	tr_list_init(&revival->items);
	tr_list_append(&queue->revivals, &revival->node);
	look(revival);
}

void tr_from_matrix_forget_revivals(struct tr_from_matrix *queue)
{
	struct tr_list *node;
	while ((node = tr_list_head(&queue->revivals)) != NULL) {
		revival_free(TR_LIST_ENTRY(node, struct revival, node));
	}
}
