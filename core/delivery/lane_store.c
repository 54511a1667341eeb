/* SPDX-License-Identifier: Apache-2.0 */
/* Reads lanes from the store. What a row means is the queue's. */
#include "core/delivery/lane_store.h"

/* A question that is not answered; its store is NULL once that is gone. */
struct question {
	struct tr_list node;
	struct tr_lane_store *store;
	char *lane; /* of a load */
	size_t count;
	tr_lane_store_callback *callback; /* of a resumption */
	void *arg;
};

struct tr_lane_store {
	struct tr_db *db;
	struct tr_lanes *lanes;
	const struct tr_lane_store_sql *sql;
	tr_lane_store_read *read;
	void *arg;
	struct tr_list questions;
};

struct tr_lane_store *tr_lane_store_create(struct tr_db *db, struct tr_lanes *lanes,
	const struct tr_lane_store_sql *sql, tr_lane_store_read *read, void *arg)
{
	struct tr_lane_store *store = tr_alloc(sizeof(*store));
	store->db = db;
	store->lanes = lanes;
	store->sql = sql;
	store->read = read;
	store->arg = arg;
	tr_list_init(&store->questions);
	return store;
}

void tr_lane_store_destroy(struct tr_lane_store *store)
{
	if (store == NULL) {
		return;
	}
	struct tr_list *node;
	while ((node = tr_list_head(&store->questions)) != NULL) {
		tr_list_remove(node);
		TR_LIST_ENTRY(node, struct question, node)->store = NULL;
	}
	tr_free(store);
}

static struct question *question_create(struct tr_lane_store *store)
{
	struct question *question = tr_alloc(sizeof(*question));
	question->store = store;
	tr_list_append(&store->questions, &question->node);
	return question;
}

static void question_free(struct question *question)
{
	tr_list_remove(&question->node);
	tr_free(question->lane);
	tr_free(question);
}

static void resumed(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct question *question = arg;
	struct tr_lane_store *store = question->store;
	int64_t next_seq = 1;
	size_t depth = 0;
	if (store != NULL && error == NULL) {
		next_seq = tr_db_int(result, 0, 0, 0) + 1;
		for (size_t row = 0; row < tr_db_rows(result, 1); row++) {
			depth += (size_t)tr_db_int(result, 1, row, 1);
			tr_lanes_mark_stored(store->lanes, tr_db_text(result, 1, row, 0));
		}
	}
	if (store != NULL) {
		question->callback(question->arg, next_seq, depth, error);
	}
	question_free(question);
}

void tr_lane_store_resume(struct tr_lane_store *store, tr_lane_store_callback *callback, void *arg)
{
	struct question *question = question_create(store);
	question->callback = callback;
	question->arg = arg;
	struct tr_db_batch *batch = tr_db_batch_create(store->db);
	tr_db_batch_add(batch, store->sql->max_seq, NULL, 0);
	tr_db_batch_add(batch, store->sql->lanes, NULL, 0);
	tr_db_submit_take(batch, resumed, question);
}

static void loaded(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct question *question = arg;
	struct tr_lane_store *store = question->store;
	if (store != NULL) {
		struct tr_str lane = tr_str_from(question->lane);
		struct tr_list items;
		tr_list_init(&items);
		size_t rows = error ? 0 : tr_db_rows(result, 0);
		for (size_t row = 0; row < rows; row++) {
			struct tr_lane_item *item = store->read(store->arg, lane, result, row);
			tr_list_append(&items, &item->node);
		}
		tr_lanes_loaded(store->lanes, lane, &items, question->count, error);
	}
	question_free(question);
}

void tr_lane_store_load(
	struct tr_lane_store *store, struct tr_str lane, int64_t after, size_t count)
{
	struct question *question = question_create(store);
	question->lane = tr_str_dup(lane);
	question->count = count;
	struct tr_db_batch *batch = tr_db_batch_create(store->db);
	TR_DB_ADD(batch, store->sql->rows, TR_DB_T(lane), TR_DB_N(after), TR_DB_N((int64_t)count));
	tr_db_submit_take(batch, loaded, question);
}
