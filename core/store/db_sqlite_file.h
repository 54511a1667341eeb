/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening of an SQLite database: one process at a time, WAL, every commit synced, and a damaged
 * file refused with what to do about it. For core/store/db_sqlite.c.
 */
#ifndef TRESTLE_STORE_DB_SQLITE_FILE_H
#define TRESTLE_STORE_DB_SQLITE_FILE_H

#include "core/base/error.h"

struct sqlite3;

struct tr_db_sqlite_file {
	struct sqlite3 *handle;
	int lock; /* descriptor of PATH-lock, or -1 for :memory: */
};

/* TR_E_EXISTS: another process has it; TR_E_STORE: not to be opened or damaged. */
int tr_db_sqlite_file_open(
	struct tr_db_sqlite_file *file, const char *path, struct tr_error *error);
/* Statements must be finalized before. */
void tr_db_sqlite_file_close(struct tr_db_sqlite_file *file);

#endif
