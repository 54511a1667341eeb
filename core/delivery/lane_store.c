/* SPDX-License-Identifier: Apache-2.0 */
/* Reads lanes from the store. What a row means is the queue's. */
#include "core/delivery/lane_store.h"

#include "core/base/log.h"

/* A question that is not answered. */
struct question {
	struct tr_lane_store *store;
	char *lane; /* of a load */
	size_t count;
	struct tr_lane_position *position; /* of a resumption */
	const char *what;
	tr_lane_store_callback *callback;
	void *arg;
};

struct tr_lane_store {
	struct tr_db *db;
	struct tr_lanes *lanes;
	const struct tr_lane_store_sql *sql;
	tr_lane_store_read *read;
	void *arg;
	size_t questions;
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
	return store;
}

void tr_lane_store_destroy(struct tr_lane_store *store)
{
	if (store == NULL) {
		return;
	}
	TR_ASSERT(store->questions == 0);
	tr_free(store);
}

static struct question *question_create(struct tr_lane_store *store)
{
	struct question *question = tr_alloc(sizeof(*question));
	question->store = store;
	store->questions++;
	return question;
}

static void question_free(struct question *question)
{
	question->store->questions--;
	tr_free(question->lane);
	tr_free(question);
}

static void resumed(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct question *question = arg;
	struct tr_lane_store *store = question->store;
	struct tr_lane_position *position = question->position;
	if (error == NULL) {
		position->next_seq = tr_db_int(result, 0, 0, 0) + 1;
		position->first_seq = position->next_seq;
		for (size_t row = 0; row < tr_db_rows(result, 1); row++) {
			position->depth += (size_t)tr_db_int(result, 1, row, 1);
			tr_lanes_mark_stored(store->lanes, tr_db_text(result, 1, row, 0));
		}
	}
	if (position->depth > 0) {
		tr_log_info("delivery", "%zu %s go on from the last run", position->depth,
			question->what);
	}
	question->callback(question->arg, error);
	question_free(question);
}

void tr_lane_store_resume(struct tr_lane_store *store, struct tr_lane_position *position,
	const char *what, tr_lane_store_callback *callback, void *arg)
{
	*position = (struct tr_lane_position){.next_seq = 1, .first_seq = 1};
	struct question *question = question_create(store);
	question->position = position;
	question->what = what;
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
	struct tr_str lane = tr_str_from(question->lane);
	struct tr_list items;
	tr_list_init(&items);
	size_t rows = error ? 0 : tr_db_rows(result, 0);
	for (size_t row = 0; row < rows; row++) {
		struct tr_lane_item *item = store->read(store->arg, lane, result, row);
		tr_list_append(&items, &item->node);
	}
	tr_lanes_loaded(store->lanes, lane, &items, question->count, error);
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
