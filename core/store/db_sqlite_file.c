/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens an SQLite file for one process alone and sets what a durable queue needs of it. Running
 * statements is left to db_sqlite.c.
 */
#define _XOPEN_SOURCE 700 /* realpath() */
#include "core/store/db_sqlite_file.h"

#include "core/base/alloc.h"
#include "core/base/str.h"
#include "core/store/db_sqlite_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a statement waits for a lock that some other program (a backup, a shell) holds. */
enum { BUSY_TIMEOUT_MS = 5000 };
/* Files up to this size are checked whole at each start: about 0.1 s. */
static const off_t CHECK_MAX = (off_t)32 << 20;

/* synchronous=FULL: without it a power cut loses the last commits, which have been acknowledged.
 * The log is brought into the database every 2,000 pages (8 MB) and kept at that size, so that
 * commits overwrite it instead of growing it. */
static const char settings[] = "PRAGMA synchronous=FULL;"
			       "PRAGMA foreign_keys=OFF;"
			       "PRAGMA wal_autocheckpoint=8000;"
			       "PRAGMA journal_size_limit=67108864;"
			       "PRAGMA secure_delete=FAST;"
			       "PRAGMA temp_store=MEMORY;";

static const char *vfs_name;

/* One connection, used by one thread: SQLite's counting of memory would only cost a lock. */
static void configure_once(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	vfs_name = tr_sqlite_log_register();
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* At most `max` bytes of the path, its end: the file's own name is there. */
static const char *end_of(const char *path, size_t max)
{
	size_t len = strlen(path);
	const char *end = len > max ? path + len - max : path;

	while ((*end & 0xc0) == 0x80) { /* the rest of a character that begins before it */
		end++;
	}
	return end;
}

static int fail_damaged(const char *path, const char *reason, struct tr_error *error)
{
	const char *name = file_name(path);

	return tr_error_set_class(error, TR_E_STORE, TR_CLASS_PERMANENT,
		"database %s is damaged (%.40s). Check: sqlite3 %.20s 'PRAGMA integrity_check'. "
		"Restore a backup, or: sqlite3 %.20s .recover | sqlite3 new.db",
		end_of(path, 60), reason, name, name);
}

static int fail_sqlite(
	const struct tr_db_sqlite_file *file, const char *path, struct tr_error *error)
{
	int rc = sqlite3_errcode(file->handle) & 0xff;
	int system_error = sqlite3_system_errno(file->handle);

	if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB) {
		return fail_damaged(path, sqlite3_errmsg(file->handle), error);
	}
	return tr_error_set_class(error, TR_E_STORE, TR_CLASS_PERMANENT,
		"cannot open database %s: %s%s%s", end_of(path, 120), sqlite3_errmsg(file->handle),
		system_error ? ": " : "", system_error ? strerror(system_error) : "");
}

static int fail_system(const char *path, struct tr_error *error)
{
	return tr_error_set_class(error, TR_E_STORE, TR_CLASS_PERMANENT,
		"cannot open database %s: %s", end_of(path, 120), strerror(errno));
}

/* SQLite itself lets several processes write in turn; two bridges on one queue would deliver
 * everything twice. The lock lies beside the database: a descriptor of the database itself must not
 * be closed while SQLite has it open, its POSIX locks would go with it. */
static int take_lock(struct tr_db_sqlite_file *file, const char *path, struct tr_error *error)
{
	char *name = tr_asprintf("%s-lock", path);
	char pid[32] = "";

	file->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	tr_free(name);
	if (file->lock < 0) {
		return fail_system(path, error);
	}
	if (flock(file->lock, LOCK_EX | LOCK_NB) != 0) {
		ssize_t len = read(file->lock, pid, sizeof(pid) - 1);

		return tr_error_set_class(error, TR_E_EXISTS, TR_CLASS_PERMANENT,
			"database %s is in use by process %s: one daemon (and one bridge) a "
			"database, stop the other or give this one its own file",
			end_of(path, 100), len > 0 ? pid : "unknown");
	}
	if (ftruncate(file->lock, 0) == 0) {
		int len = snprintf(pid, sizeof(pid), "%ld", (long)getpid());

		/* For people only; without it the message says "unknown". */
		if (write(file->lock, pid, (size_t)len) != len) {
			errno = 0;
		}
	}
	return 0;
}

/* Messages of people lie in it: it is born for its owner alone, and SQLite gives its log the same
 * mode. */
static int create_private(const char *path, struct tr_error *error)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		return fail_system(path, error);
	}
	close(fd);
	return 0;
}

static int keep_first_text(void *arg, int columns, char **values, char **names)
{
	char **out = arg;

	(void)columns;
	(void)names;
	if (!*out && values[0]) {
		*out = tr_strdup(values[0]);
	}
	return 0;
}

/* The first cell of the first row, owned; NULL on failure. */
static char *query_text(struct tr_db_sqlite_file *file, const char *sql)
{
	char *text = NULL;

	if (sqlite3_exec(file->handle, sql, keep_first_text, &text, NULL) != SQLITE_OK) {
		tr_free(text);
		return NULL;
	}
	return text ? text : tr_strdup("");
}

static int check_content(struct tr_db_sqlite_file *file, const char *path, struct tr_error *error)
{
	struct stat info;
	char *text;
	int rc = 0;

	if (stat(path, &info) != 0 || info.st_size > CHECK_MAX) {
		return 0;
	}
	text = query_text(file, "PRAGMA quick_check(1)");
	if (!text) {
		return fail_sqlite(file, path, error);
	}
	if (strcmp(text, "ok") != 0) {
		rc = fail_damaged(path, text, error);
	}
	tr_free(text);
	return rc;
}

static int set_up(struct tr_db_sqlite_file *file, const char *path, struct tr_error *error)
{
	char *mode;
	bool wal;

	(void)sqlite3_extended_result_codes(file->handle, 1);
	(void)sqlite3_busy_timeout(file->handle, BUSY_TIMEOUT_MS);
	mode = query_text(file, "PRAGMA journal_mode=WAL");
	if (!mode) {
		return fail_sqlite(file, path, error);
	}
	wal = file->lock < 0 || strcmp(mode, "wal") == 0;
	tr_free(mode);
	if (!wal) {
		return tr_error_set_class(error, TR_E_STORE, TR_CLASS_PERMANENT,
			"database %s: this file system cannot hold a write-ahead log",
			end_of(path, 100));
	}
	/* An empty write transaction finds a file that may only be read. */
	if (sqlite3_exec(file->handle, settings, NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_exec(file->handle, "BEGIN IMMEDIATE; SELECT 1 FROM sqlite_schema; ROLLBACK",
			NULL, NULL, NULL) != SQLITE_OK) {
		return fail_sqlite(file, path, error);
	}
	return file->lock < 0 ? 0 : check_content(file, path, error);
}

int tr_db_sqlite_file_open(struct tr_db_sqlite_file *file, const char *path, struct tr_error *error)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	bool in_memory = strcmp(path, ":memory:") == 0;
	/* The same file under another name (a link) needs the same lock. */
	char *real = in_memory ? NULL : realpath(path, NULL);
	const char *name = real ? real : path;
	int rc = 0;

	(void)pthread_once(&once, configure_once);
	file->handle = NULL;
	file->lock = -1;
	if (!in_memory) {
		rc = take_lock(file, name, error);
		if (rc == 0) {
			rc = create_private(name, error);
		}
	}
	if (rc == 0 && sqlite3_open_v2(name, &file->handle,
			       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			       vfs_name) != SQLITE_OK) {
		rc = fail_sqlite(file, name, error);
	}
	if (rc == 0) {
		rc = set_up(file, name, error);
	}
	if (rc != 0) {
		tr_db_sqlite_file_close(file);
	}
	free(real); /* of realpath() */
	return rc;
}

void tr_db_sqlite_file_close(struct tr_db_sqlite_file *file)
{
	int rc = sqlite3_close(file->handle);

	TR_ASSERT(rc == SQLITE_OK);
	file->handle = NULL;
	if (file->lock >= 0) {
		close(file->lock);
		file->lock = -1;
	}
}
