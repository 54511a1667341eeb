/* SPDX-License-Identifier: Apache-2.0 */
/* What is SQLite's own: the file, who may open it, damage, and a disk that is full. */
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "tests/unit/store/store_helper.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char schema[] = "CREATE TABLE numbers(n {BIGINT} UNIQUE, b {BLOB})";
static const struct tr_db_statement insert = {
	"INSERT INTO numbers(n, b) VALUES($1, $2) ON CONFLICT(n) DO NOTHING"};

static const char *path_of(const struct store *store)
{
	return store->url + strlen("sqlite:");
}

static struct outcome insert_bytes(struct store *store, int64_t n, size_t len)
{
	struct tr_db_batch *batch = tr_db_batch_create(store->db);
	char *bytes = tr_alloc(len);
	struct outcome outcome;

	TR_DB_ADD(batch, &insert, TR_DB_N(n), TR_DB_B(tr_str_of(bytes, len)));
	tr_free(bytes);
	outcome = store_run(store, batch);
	return outcome;
}

/* Opening must fail; the error comes back. */
static struct tr_error open_refused(struct store *store, const char *url)
{
	struct tr_db_options options = {.url = url};
	struct tr_error error = {0};

	assert_null(tr_db_open(store->loop, &options, &error));
	assert_true(error.text[0] != '\0');
	return error;
}

static void second_opener_is_refused(void **state)
{
	struct store *store = *state;
	struct tr_error error = open_refused(store, store->url);
	char text[128];

	assert_int_equal(error.code, TR_E_EXISTS);
	snprintf(text, sizeof(text), "process %ld", (long)getpid());
	assert_non_null(strstr(error.text, text));
	assert_non_null(strstr(error.text, "test.db"));
	/* The first one goes on. */
	store_script(store, schema);
	assert_false(insert_bytes(store, 1, 10).failed);
	/* A lock that its process left behind stops nobody. */
	store_close(store);
	store_open(store, NULL);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), 1);
}

static void second_opener_by_another_name_is_refused(void **state)
{
	struct store *store = *state;
	char link[128];
	char url[160];

	snprintf(link, sizeof(link), "%s/link.db", store->dir);
	snprintf(url, sizeof(url), "sqlite:%s", link);
	assert_int_equal(symlink(path_of(store), link), 0);
	assert_int_equal(open_refused(store, url).code, TR_E_EXISTS);
}

static void others_can_neither_read_nor_write_the_files(void **state)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
	struct store *store = *state;
	struct stat info;
	char path[160];
	size_t i;

	store_script(store, schema);
	for (i = 0; i < TR_ARRAY_LEN(suffixes); i++) {
		snprintf(path, sizeof(path), "%s%s", path_of(store), suffixes[i]);
		assert_int_equal(stat(path, &info), 0);
		assert_int_equal(info.st_mode & 0777, 0600);
	}
}

static void somebody_else_may_read_while_we_write(void **state)
{
	struct store *store = *state;
	sqlite3 *reader;
	sqlite3_stmt *count;

	store_script(store, schema);
	assert_false(insert_bytes(store, 1, 10).failed);
	assert_int_equal(
		sqlite3_open_v2(path_of(store), &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(reader, "SELECT COUNT(*) FROM numbers", -1, &count, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(count), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(count, 0), 1);
	assert_false(insert_bytes(store, 2, 10).failed);
	sqlite3_finalize(count);
	sqlite3_close(reader);
}

static void every_commit_is_synced(void **state)
{
	struct store *store = *state;

	assert_int_equal(store_query(store, "PRAGMA synchronous"), 2);
	assert_int_equal(
		store_query(store, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
}

static void memory_database_works(void **state)
{
	struct store *store = *state;

	store_close(store);
	snprintf(store->url, sizeof(store->url), "sqlite::memory:");
	store_open(store, NULL);
	store_script(store, schema);
	assert_false(insert_bytes(store, 1, 10).failed);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), 1);
}

static void place_that_does_not_exist_is_named(void **state)
{
	struct store *store = *state;
	struct tr_error error = open_refused(store, "sqlite:/nowhere/at/all.db");

	assert_int_equal(error.code, TR_E_STORE);
	assert_non_null(strstr(error.text, "/nowhere/at/all.db"));
	assert_non_null(strstr(error.text, "No such file"));
}

static void of_a_long_path_the_end_is_named(void **state)
{
	struct store *store = *state;
	char url[256];
	struct tr_error error;

	snprintf(url, sizeof(url), "sqlite:/nowhere/%0150d/the-last.db", 1);
	error = open_refused(store, url);
	assert_non_null(strstr(error.text, "/the-last.db: No such file"));
}

static void url_of_neither_backend_is_refused_without_repeating_it(void **state)
{
	struct store *store = *state;
	struct tr_error error = open_refused(store, "mysql://user:hunter2@host/name");

	assert_int_equal(error.code, TR_E_CONFIG);
	assert_null(strstr(error.text, "hunter2"));
}

static void overwrite(const char *path, off_t offset, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, offset), (ssize_t)len);
	close(fd);
}

static void assert_refused_as_damaged(struct store *store)
{
	struct tr_error error = open_refused(store, store->url);

	assert_int_equal(error.code, TR_E_STORE);
	assert_int_equal(error.cls, TR_CLASS_PERMANENT);
	assert_non_null(strstr(error.text, "damaged"));
	assert_non_null(strstr(error.text, "integrity_check"));
	assert_non_null(strstr(error.text, ".recover"));
	assert_non_null(strstr(error.text, "backup"));
}

static void make_damageable(struct store *store)
{
	int i;

	store_script(store, schema);
	for (i = 0; i < 50; i++) {
		assert_false(insert_bytes(store, i, 2000).failed);
	}
	store_close(store);
}

static void file_that_is_no_database_is_refused_with_advice(void **state)
{
	struct store *store = *state;

	make_damageable(store);
	overwrite(path_of(store), 0, "This is something else altogether", 33);
	assert_refused_as_damaged(store);
}

static void damaged_page_is_refused_with_advice(void **state)
{
	struct store *store = *state;
	unsigned char bytes[64];

	make_damageable(store);
	/* The head of a page of a table or an index. */
	memset(bytes, 0xa5, sizeof(bytes));
	overwrite(path_of(store), 4 * 4096, bytes, sizeof(bytes));
	assert_refused_as_damaged(store);
}

static void truncated_file_is_refused_with_advice(void **state)
{
	struct store *store = *state;

	make_damageable(store);
	assert_int_equal(truncate(path_of(store), 3 * 4096), 0);
	assert_refused_as_damaged(store);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void full_disk_fails_for_a_retry_and_recovers(void **state)
{
	struct store *store = *state;
	struct outcome outcome;
	int written = 0;

	/* A write beyond the limit fails as one on a full disk does, without the signal. */
	signal(SIGXFSZ, SIG_IGN);
	store_script(store, schema);
	limit_files(400000);
	for (;;) {
		outcome = insert_bytes(store, written, 20000);
		if (outcome.failed) {
			break;
		}
		written++;
		assert_true(written < 1000);
	}
	assert_true(written > 0);
	assert_int_equal(outcome.error.cls, TR_CLASS_RETRY);
	assert_false(tr_db_healthy(store->db));
	/* It goes on failing without harm .. */
	assert_int_equal(insert_bytes(store, written, 20000).error.cls, TR_CLASS_RETRY);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), written);
	/* What can be read says nothing of writing. */
	assert_false(tr_db_healthy(store->db));
	limit_files(RLIM_INFINITY);
	/* .. until there is room: the same batch again succeeds. */
	assert_false(insert_bytes(store, written, 20000).failed);
	assert_true(tr_db_healthy(store->db));
	store_close(store);
	store_open(store, NULL);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), written + 1);
}

static void full_disk_fails_the_whole_group(void **state)
{
	enum { BATCHES = 30 };
	struct store *store = *state;
	struct outcome outcomes[BATCHES] = {{0}};
	static const char bytes[20000];
	int failed = 0;
	int i;

	signal(SIGXFSZ, SIG_IGN);
	store_script(store, schema);
	limit_files(200000);
	for (i = 0; i < BATCHES; i++) {
		struct tr_db_batch *batch = tr_db_batch_create(store->db);

		TR_DB_ADD(batch, &insert, TR_DB_N(i), TR_DB_B(tr_str_of(bytes, sizeof(bytes))));
		tr_db_submit_take(batch, outcome_callback, &outcomes[i]);
	}
	store_wait(store);
	limit_files(RLIM_INFINITY);
	for (i = 0; i < BATCHES; i++) {
		assert_int_equal(outcomes[i].calls, 1);
		if (outcomes[i].failed) {
			assert_int_equal(outcomes[i].error.cls, TR_CLASS_RETRY);
			failed++;
		}
	}
	assert_true(failed > 0);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM numbers"), BATCHES - failed);
}

/* Another program (a backup, a shell) that keeps the write lock only delays. */
static void lock_of_another_program_is_waited_for(void **state)
{
	struct store *store = *state;
	struct tr_db_batch *batch;
	struct outcome outcome = {0};
	sqlite3 *other;
	uint64_t end;

	store_script(store, schema);
	assert_int_equal(sqlite3_open(path_of(store), &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	batch = tr_db_batch_create(store->db);
	TR_DB_ADD(batch, &insert, TR_DB_N(1), TR_DB_NIL);
	tr_db_submit_take(batch, outcome_callback, &outcome);
	for (end = tr_clock_mono_ms() + 200; tr_clock_mono_ms() < end;) {
		tr_loop_turn(store->loop, false);
	}
	assert_int_equal(outcome.calls, 0);
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	store_wait(store);
	assert_int_equal(outcome.calls, 1);
	assert_false(outcome.failed);
	sqlite3_close(other);
}

#define SQLITE_TEST(name)                                                \
 {                                                                       \
#  name, name, store_setup, store_teardown, (void *)(uintptr_t) "sqlite" \
 }

int main(void)
{
	const struct CMUnitTest tests[] = {
		SQLITE_TEST(second_opener_is_refused),
		SQLITE_TEST(second_opener_by_another_name_is_refused),
		SQLITE_TEST(others_can_neither_read_nor_write_the_files),
		SQLITE_TEST(somebody_else_may_read_while_we_write),
		SQLITE_TEST(every_commit_is_synced),
		SQLITE_TEST(memory_database_works),
		SQLITE_TEST(place_that_does_not_exist_is_named),
		SQLITE_TEST(of_a_long_path_the_end_is_named),
		SQLITE_TEST(url_of_neither_backend_is_refused_without_repeating_it),
		SQLITE_TEST(file_that_is_no_database_is_refused_with_advice),
		SQLITE_TEST(damaged_page_is_refused_with_advice),
		SQLITE_TEST(truncated_file_is_refused_with_advice),
		SQLITE_TEST(full_disk_fails_for_a_retry_and_recovers),
		SQLITE_TEST(full_disk_fails_the_whole_group),
		SQLITE_TEST(lock_of_another_program_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
