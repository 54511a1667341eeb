/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds the frames of a transaction back until its commit frame is complete, then writes them at
 * once. Only whole pieces of frames where SQLite puts them
 * (https://sqlite.org/fileformat2.html 4.1) are held back; anything else, and so a log of another
 * page size, is written as it comes. What is in the frames is left to SQLite.
 */
#include "core/store/db_sqlite_log.h"

#include "core/base/alloc.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

enum {
	LOG_HEADER = 32,
	FRAME_HEADER = 24,
	PAGE = 4096, /* SQLite's default, which all our databases have */
	FRAME = FRAME_HEADER + PAGE,
	/* SQLite's own layer writes at most 128 KiB less one byte at a time. */
	HELD_MAX = 31 * FRAME,
};

struct log_file {
	sqlite3_file file; /* what SQLite sees: must be the first */
	sqlite3_file *inner;
	unsigned char *held; /* HELD_MAX bytes, once a frame was written */
	int held_len;
	sqlite3_int64 held_offset;
	bool commit; /* the page that comes next is the last of a transaction */
};

static sqlite3_vfs *inner_vfs;

static struct log_file *log_of(sqlite3_file *file)
{
	return (struct log_file *)file;
}

static int write_held(struct log_file *log)
{
	int rc = SQLITE_OK;

	if (log->held_len > 0) {
		rc = log->inner->pMethods->xWrite(
			log->inner, log->held, log->held_len, log->held_offset);
	}
	if (rc == SQLITE_OK) {
		log->held_len = 0;
	}
	return rc;
}

static bool is_frame_header(int len, sqlite3_int64 offset)
{
	return len == FRAME_HEADER && offset >= LOG_HEADER && (offset - LOG_HEADER) % FRAME == 0;
}

static bool is_page(int len, sqlite3_int64 offset)
{
	return len == PAGE && offset >= LOG_HEADER && (offset - LOG_HEADER) % FRAME == FRAME_HEADER;
}

/* The second number of a frame's header is the size of the database behind a commit, else 0. */
static bool ends_transaction(const unsigned char *header)
{
	static const unsigned char none[4];

	return memcmp(header + 4, none, sizeof(none)) != 0;
}

/* Makes room for bytes at `offset` behind what is held back. */
static int prepare_hold(struct log_file *log, int len, sqlite3_int64 offset)
{
	int rc = SQLITE_OK;

	if (offset != log->held_offset + log->held_len || log->held_len + len > HELD_MAX) {
		rc = write_held(log);
	}
	if (!log->held) {
		log->held = tr_alloc(HELD_MAX);
	}
	if (log->held_len == 0) {
		log->held_offset = offset;
	}
	return rc;
}

static int log_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
	struct log_file *log = log_of(file);
	bool header = is_frame_header(len, offset);
	int rc;

	if (!header && !is_page(len, offset)) {
		rc = write_held(log);
		return rc == SQLITE_OK
			       ? log->inner->pMethods->xWrite(log->inner, bytes, len, offset)
			       : rc;
	}
	rc = prepare_hold(log, len, offset);
	if (rc != SQLITE_OK) {
		return rc;
	}
	memcpy(log->held + log->held_len, bytes, (size_t)len);
	log->held_len += len;
	if (header) {
		log->commit = ends_transaction(bytes);
	} else if (log->commit) {
		rc = write_held(log);
		if (rc != SQLITE_OK) {
			/* This write has failed and its transaction with it: it must not be made
			 * up for later. Those before were reported as done. */
			log->held_len -= len;
		}
	}
	return rc;
}

/* What was committed can be read also while what is held back cannot be written (disk full). */
static int log_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
	struct log_file *log = log_of(file);
	bool overlaps =
		offset < log->held_offset + log->held_len && offset + len > log->held_offset;
	int rc = overlaps ? write_held(log) : SQLITE_OK;

	return rc == SQLITE_OK ? log->inner->pMethods->xRead(log->inner, bytes, len, offset) : rc;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct log_file *log = log_of(file);
	int rc = write_held(log);

	return rc == SQLITE_OK ? log->inner->pMethods->xTruncate(log->inner, size) : rc;
}

static int log_sync(sqlite3_file *file, int flags)
{
	struct log_file *log = log_of(file);
	int rc = write_held(log);

	return rc == SQLITE_OK ? log->inner->pMethods->xSync(log->inner, flags) : rc;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size)
{
	struct log_file *log = log_of(file);
	int rc = write_held(log);

	return rc == SQLITE_OK ? log->inner->pMethods->xFileSize(log->inner, size) : rc;
}

static int log_control(sqlite3_file *file, int op, void *arg)
{
	struct log_file *log = log_of(file);
	int rc = write_held(log);

	return rc == SQLITE_OK ? log->inner->pMethods->xFileControl(log->inner, op, arg) : rc;
}

static int log_close(sqlite3_file *file)
{
	struct log_file *log = log_of(file);
	int rc = write_held(log);
	int close_rc = log->inner->pMethods->xClose(log->inner);

	tr_free(log->held);
	return rc == SQLITE_OK ? close_rc : rc;
}

/* SQLite does not lock its log; the locks are on the database and its shared memory. */
static int log_lock(sqlite3_file *file, int level)
{
	struct log_file *log = log_of(file);

	return log->inner->pMethods->xLock(log->inner, level);
}

static int log_unlock(sqlite3_file *file, int level)
{
	struct log_file *log = log_of(file);

	return log->inner->pMethods->xUnlock(log->inner, level);
}

static int log_check_lock(sqlite3_file *file, int *reserved)
{
	struct log_file *log = log_of(file);

	return log->inner->pMethods->xCheckReservedLock(log->inner, reserved);
}

static int log_sector_size(sqlite3_file *file)
{
	struct log_file *log = log_of(file);

	return log->inner->pMethods->xSectorSize(log->inner);
}

static int log_characteristics(sqlite3_file *file)
{
	struct log_file *log = log_of(file);

	return log->inner->pMethods->xDeviceCharacteristics(log->inner);
}

static const sqlite3_io_methods log_methods = {
	.iVersion = 1, /* shared memory and mapping are the database's */
	.xClose = log_close,
	.xRead = log_read,
	.xWrite = log_write,
	.xTruncate = log_truncate,
	.xSync = log_sync,
	.xFileSize = log_size,
	.xLock = log_lock,
	.xUnlock = log_unlock,
	.xCheckReservedLock = log_check_lock,
	.xFileControl = log_control,
	.xSectorSize = log_sector_size,
	.xDeviceCharacteristics = log_characteristics,
};

static int open_any(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	struct log_file *log = log_of(file);
	int rc;

	(void)vfs;
	if ((flags & SQLITE_OPEN_WAL) == 0) {
		return inner_vfs->xOpen(inner_vfs, name, file, flags, out_flags);
	}
	memset(log, 0, sizeof(*log));
	log->inner = (sqlite3_file *)(log + 1);
	log->inner->pMethods = NULL;
	rc = inner_vfs->xOpen(inner_vfs, name, log->inner, flags, out_flags);
	/* A file that has methods is closed, also when opening it failed. */
	log->file.pMethods = log->inner->pMethods ? &log_methods : NULL;
	return rc;
}

const char *tr_sqlite_log_register(void)
{
	static sqlite3_vfs vfs;

	inner_vfs = sqlite3_vfs_find(NULL);
	TR_ASSERT(inner_vfs != NULL);
	/* What has to do with names and time is taken over as it is. */
	vfs = *inner_vfs;
	vfs.zName = "trestle";
	vfs.pNext = NULL;
	vfs.szOsFile = (int)sizeof(struct log_file) + inner_vfs->szOsFile;
	vfs.xOpen = open_any;
	TR_ASSERT(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK);
	return vfs.zName;
}
