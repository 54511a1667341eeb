/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a batch: what the store refuses for good fails alone, on both stores. */
#include "store_helper.h"

#include <string.h>

enum { PARTS_MAX = 8 };

static const struct tr_db_statement insert = {"INSERT INTO item(id, name) VALUES ($1, $2)"};
static const struct tr_db_statement rename_item = {"UPDATE item SET name = $2 WHERE id = $1"};
static const struct tr_db_statement count = {"SELECT COUNT(*) FROM item"};

struct told {
	int calls;
	bool failed;
	bool refused[PARTS_MAX];
	enum tr_error_code codes[PARTS_MAX];
	int64_t counted;
	size_t parts;
	size_t count_index;
};

static void tell(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	struct told *told = arg;
	told->calls++;
	told->failed = error != NULL;
	for (size_t i = 0; i < told->parts && error == NULL; i++) {
		const struct tr_error *own = tr_db_part_error(result, i);
		told->refused[i] = own != NULL;
		told->codes[i] = own ? own->code : TR_E_OK;
	}
	if (error == NULL && told->count_index > 0) {
		told->counted = tr_db_int(result, told->count_index, 0, 0);
	}
}

static struct told run(struct store *store, struct tr_db_batch *batch, struct told told)
{
	tr_db_submit_take(batch, tell, &told);
	store_wait(store);
	assert_int_equal(told.calls, 1);
	return told;
}

static struct tr_db_batch *begin(struct store *store)
{
	store_script(
		store, "CREATE TABLE item (id {BIGINT} PRIMARY KEY, name {TEXT} NOT NULL UNIQUE)");
	return tr_db_batch_create(store->db);
}

static size_t put(struct tr_db_batch *batch, int64_t id, const char *name)
{
	TR_DB_ADD(batch, &insert, TR_DB_N(id), TR_DB_TC(name));
	return tr_db_batch_end_part(batch);
}

static void a_refused_part_fails_alone_and_the_others_are_committed_in_order(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch = begin(store);
	struct told told = {.parts = 5};
	assert_int_equal(put(batch, 1, "one"), 0);
	/* Of the refused part nothing is done, not even what would have been taken. */
	TR_DB_ADD(batch, &insert, TR_DB_N(7), TR_DB_TC("seven"));
	assert_int_equal(put(batch, 2, "one"), 1);
	TR_DB_ADD(batch, &rename_item, TR_DB_N(1), TR_DB_TC("other"));
	assert_int_equal(tr_db_batch_end_part(batch), 2);
	put(batch, 3, "one");
	put(batch, 1, "again");
	told.count_index = tr_db_batch_add(batch, &count, NULL, 0);
	told = run(store, batch, told);
	assert_false(told.failed);
	assert_false(told.refused[0] || told.refused[2] || told.refused[3]);
	assert_true(told.refused[1] && told.refused[4]);
	assert_int_equal(told.codes[1], TR_E_EXISTS);
	assert_int_equal(told.counted, 2);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM item WHERE name = 'other'"), 1);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM item WHERE id = 7"), 0);
}

static void text_that_no_store_takes_fails_only_its_part(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch = begin(store);
	struct told told = {.parts = 3};
	put(batch, 1, "one");
	put(batch, 2, "\xff");
	put(batch, 3, "three");
	told = run(store, batch, told);
	assert_false(told.failed || told.refused[0] || told.refused[2]);
	assert_true(told.refused[1]);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM item"), 2);
}

static void other_batches_of_the_same_commit_know_nothing_of_it(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *first = begin(store);
	struct tr_db_batch *second = tr_db_batch_create(store->db);
	struct tr_db_batch *third = tr_db_batch_create(store->db);
	struct told one = {.parts = 2}, two = {0}, three = {.parts = 1};
	put(first, 1, "one");
	put(first, 1, "again");
	TR_DB_ADD(second, &insert, TR_DB_N(1), TR_DB_TC("third"));
	put(third, 2, "two");
	tr_db_submit_take(first, tell, &one);
	tr_db_submit_take(second, tell, &two);
	tr_db_submit_take(third, tell, &three);
	store_wait(store);
	assert_false(one.failed || one.refused[0] || three.failed || three.refused[0]);
	assert_true(one.refused[1]);
	assert_true(two.failed);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM item"), 2);
}

static void a_batch_may_be_refused_in_all_its_parts(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch = begin(store);
	struct told told = {.parts = 2};
	store_script(store, "INSERT INTO item(id, name) VALUES (1, 'one')");
	put(batch, 1, "x");
	put(batch, 2, "one");
	told = run(store, batch, told);
	assert_false(told.failed);
	assert_true(told.refused[0] && told.refused[1]);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM item"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TESTS(a_refused_part_fails_alone_and_the_others_are_committed_in_order),
		STORE_TESTS(text_that_no_store_takes_fails_only_its_part),
		STORE_TESTS(other_batches_of_the_same_commit_know_nothing_of_it),
		STORE_TESTS(a_batch_may_be_refused_in_all_its_parts),
	};
	return cmocka_run_group_tests_name("parts", tests, store_group_setup, store_group_teardown);
}
