/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log under the VFS that joins writes: how many there are, and that one which fails
 * or is torn by the end of the process does no harm. A VFS below it counts, fails or dies at the
 * write it is told to.
 */
#include "core/base/alloc.h"
#include "tests/unit/store/store_helper.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 40, FEW_ROWS = 12, ROW_BYTES = 3000, TORN = 9 };

/* A few pages of memory only: a transaction of many rows is written before its end, and read again
 * by itself. */
static const char schema[] = "PRAGMA cache_size=8;"
			     "CREATE TABLE rows(n {BIGINT} PRIMARY KEY, b {BLOB});"
			     "CREATE INDEX rows_b ON rows(b);"
			     "CREATE TABLE ends(n {BIGINT} PRIMARY KEY)";
static const struct tr_db_statement insert_row = {
	"INSERT INTO rows(n, b) VALUES($1, $2) ON CONFLICT(n) DO NOTHING"};
static const struct tr_db_statement insert_end = {
	"INSERT INTO ends(n) VALUES($1) ON CONFLICT(n) DO NOTHING"};
static const struct tr_db_statement sum_rows = {
	"SELECT COALESCE(SUM(length(b)), 0) FROM rows WHERE n / 1000 = $1"};

enum fault { NO_FAULT, FAIL, DIE };

/* What happens at the write of this number, and at those after it while `at` stands. */
static struct {
	atomic_int writes;
	atomic_int at; /* 0 = never */
	enum fault kind;
} fault;

struct counted_file {
	sqlite3_file file;
	sqlite3_file *inner;
};

static sqlite3_vfs *unix_vfs;
static sqlite3_io_methods methods;
static const sqlite3_io_methods *unix_methods;

static sqlite3_file *inner_of(sqlite3_file *file)
{
	return ((struct counted_file *)file)->inner;
}

static int counted_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
	int number = atomic_fetch_add(&fault.writes, 1) + 1;
	int at = atomic_load(&fault.at);

	if (at != 0 && number >= at) {
		if (fault.kind == FAIL) {
			return SQLITE_FULL;
		}
		(void)unix_methods->xWrite(inner_of(file), bytes, len / 2, offset);
		_exit(TORN);
	}
	return unix_methods->xWrite(inner_of(file), bytes, len, offset);
}

static int counted_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
	return unix_methods->xRead(inner_of(file), bytes, len, offset);
}

static int counted_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return unix_methods->xTruncate(inner_of(file), size);
}

static int counted_sync(sqlite3_file *file, int flags)
{
	return unix_methods->xSync(inner_of(file), flags);
}

static int counted_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return unix_methods->xFileSize(inner_of(file), size);
}

static int counted_control(sqlite3_file *file, int op, void *arg)
{
	return unix_methods->xFileControl(inner_of(file), op, arg);
}

static int counted_close(sqlite3_file *file)
{
	return unix_methods->xClose(inner_of(file));
}

static int counted_open(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	struct counted_file *counted = (struct counted_file *)file;
	int rc;

	(void)vfs;
	if ((flags & SQLITE_OPEN_WAL) == 0) {
		return unix_vfs->xOpen(unix_vfs, name, file, flags, out_flags);
	}
	memset(counted, 0, sizeof(*counted));
	counted->inner = (sqlite3_file *)(counted + 1);
	rc = unix_vfs->xOpen(unix_vfs, name, counted->inner, flags, out_flags);
	unix_methods = counted->inner->pMethods;
	counted->file.pMethods = unix_methods ? &methods : NULL;
	return rc;
}

static int put_below(void **state)
{
	static sqlite3_vfs vfs;

	(void)state;
	/* Before sqlite3_vfs_find(): that initializes the library. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	unix_vfs = sqlite3_vfs_find(NULL);
	vfs = *unix_vfs;
	vfs.zName = "counted";
	vfs.szOsFile += (int)sizeof(struct counted_file);
	vfs.xOpen = counted_open;
	methods.iVersion = 1;
	methods.xClose = counted_close;
	methods.xRead = counted_read;
	methods.xWrite = counted_write;
	methods.xTruncate = counted_truncate;
	methods.xSync = counted_sync;
	methods.xFileSize = counted_size;
	methods.xFileControl = counted_control;
	return sqlite3_vfs_register(&vfs, 1) == SQLITE_OK ? 0 : -1;
}

static void set_fault(enum fault kind, int writes_from_now)
{
	fault.kind = kind;
	atomic_store(
		&fault.at, kind == NO_FAULT ? 0 : atomic_load(&fault.writes) + writes_from_now);
}

/* Rows that fill many pages, a look at them, and a row that says that all of it is there. */
static struct tr_db_batch *fill(struct tr_db *db, int64_t group, int rows)
{
	struct tr_db_batch *batch = tr_db_batch_create(db);
	char bytes[ROW_BYTES];
	int64_t n;

	TR_DB_ADD(batch, &sum_rows, TR_DB_N(group));
	for (n = 0; n < rows; n++) {
		memset(bytes, (int)(n * 37 + group), sizeof(bytes));
		TR_DB_ADD(batch, &insert_row, TR_DB_N(group * 1000 + n),
			TR_DB_B(tr_str_of(bytes, sizeof(bytes))));
	}
	TR_DB_ADD(batch, &sum_rows, TR_DB_N(group));
	TR_DB_ADD(batch, &insert_end, TR_DB_N(group));
	return batch;
}

static void assert_sound(struct store *store, int rows)
{
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM rows"),
		rows * store_query(store, "SELECT COUNT(*) FROM ends"));
	assert_int_equal(store_query(store, "SELECT COALESCE(SUM(length(b)), 0) FROM rows"),
		rows * ROW_BYTES * store_query(store, "SELECT COUNT(*) FROM ends"));
	assert_int_equal(
		store_query(store, "SELECT integrity_check = 'ok' FROM pragma_integrity_check(1)"),
		1);
}

static void commit_of_some_pages_is_one_write(void **state)
{
	struct store *store = *state;
	int before;

	store_script(store, schema);
	store_script(store, "PRAGMA cache_size=-2000");
	before = atomic_load(&fault.writes);
	assert_false(store_run(store, fill(store->db, 1, 10)).failed);
	assert_int_equal(atomic_load(&fault.writes) - before, 1);
	/* Somebody else sees it at once. */
	assert_sound(store, 10);
}

static void written_before_its_end_it_is_read_again(void **state)
{
	struct store *store = *state;
	int64_t group;

	store_script(store, schema);
	for (group = 0; group < 20; group++) {
		assert_false(store_run(store, fill(store->db, group, ROWS)).failed);
	}
	assert_sound(store, ROWS);
	store_close(store);
	store_open(store, NULL);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM ends"), 20);
	assert_sound(store, ROWS);
}

/* Each write of a transaction in turn is the first that fails. */
static void write_that_fails_fails_its_transaction_alone(void **state)
{
	enum { POINTS = 12 };
	struct store *store = *state;
	int failures = 0;
	int64_t group;

	store_script(store, schema);
	for (group = 0; group < POINTS; group++) {
		struct outcome outcome;

		set_fault(FAIL, (int)group + 1);
		outcome = store_run(store, fill(store->db, group, ROWS));
		if (outcome.failed) {
			assert_int_equal(outcome.error.cls, TR_CLASS_RETRY);
			failures++;
		}
		/* What was there can be read though nothing can be written. */
		assert_int_equal(store_query(store, "SELECT COUNT(*) FROM ends"),
			outcome.failed ? group : group + 1);
		if (outcome.failed) {
			assert_true(store_run(store, fill(store->db, group, ROWS)).failed);
		}
		set_fault(NO_FAULT, 0);
		assert_false(store_run(store, fill(store->db, group, ROWS)).failed);
		assert_sound(store, ROWS);
	}
	assert_true(failures > 3);
	store_close(store);
	store_open(store, NULL);
	assert_int_equal(store_query(store, "SELECT COUNT(*) FROM ends"), POINTS);
	assert_sound(store, ROWS);
}

static void confirm(void *arg, const struct tr_db_result *result, const struct tr_error *error)
{
	(void)result;
	if (error || write(*(int *)arg, "x", 1) != 1) {
		_exit(1);
	}
}

/* Writes group after group until its log dies under it. */
_Noreturn static void write_until_torn(const char *url, int64_t group, int after, int pipe_end)
{
	struct tr_loop *loop = tr_loop_create();
	struct tr_db_options options = {.url = url};
	struct tr_error error;
	struct tr_db *db = tr_db_open(loop, &options, &error);
	struct tr_db_batch *batch;

	if (!db) {
		_exit(2);
	}
	batch = tr_db_batch_create(db);
	tr_db_batch_add_script(batch, "PRAGMA cache_size=8");
	tr_db_submit_take(batch, NULL, NULL);
	set_fault(DIE, after);
	for (;; group++) {
		tr_db_submit_take(fill(db, group, FEW_ROWS), confirm, &pipe_end);
		while (tr_db_pending(db) > 0) {
			tr_loop_turn(loop, true);
		}
	}
}

/* How many groups were called back. */
static int64_t run_until_torn(const char *url, int64_t group, int after)
{
	int64_t confirmed = 0;
	char byte;
	int ends[2];
	int status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		write_until_torn(url, group, after, ends[1]);
	}
	close(ends[1]);
	while (read(ends[0], &byte, 1) == 1) {
		confirmed++;
	}
	close(ends[0]);
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), TORN);
	return confirmed;
}

static void torn_write_loses_nothing_that_was_called_back(void **state)
{
	struct store *store = *state;
	int64_t present = 0;
	int64_t confirmed;
	int after;

	store_script(store, schema);
	for (after = 1; after < 400; after += 1 + after / 6) {
		store_close(store);
		confirmed = present + run_until_torn(store->url, present, after);
		store_open(store, NULL);
		present = store_query(store, "SELECT COUNT(*) FROM ends");
		/* One more may have been complete but for its call back; half of one never is. */
		assert_in_range(present - confirmed, 0, 1);
		assert_int_equal(
			store_query(store, "SELECT COALESCE(MAX(n), -1) FROM ends"), present - 1);
		assert_sound(store, FEW_ROWS);
	}
	print_message("%lld transactions before the last write\n", (long long)present);
	assert_true(present > 10);
}

#define SQLITE_TEST(name)                                                \
 {                                                                       \
#  name, name, store_setup, store_teardown, (void *)(uintptr_t) "sqlite" \
 }

int main(void)
{
	const struct CMUnitTest tests[] = {
		SQLITE_TEST(commit_of_some_pages_is_one_write),
		SQLITE_TEST(written_before_its_end_it_is_read_again),
		SQLITE_TEST(write_that_fails_fails_its_transaction_alone),
		SQLITE_TEST(torn_write_loses_nothing_that_was_called_back),
	};

	return cmocka_run_group_tests(tests, put_below, NULL);
}
