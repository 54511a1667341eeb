/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An SQLite VFS over the default one that joins the writes of SQLite's write-ahead log. SQLite
 * writes a log of pages in two calls a page; a transaction of ours has ten to twenty pages, and its
 * forty calls cost about as much as the fdatasync behind them.
 *
 * Invariants: what is held back belongs to a transaction that has no end yet; the write of a
 * commit's last page returns only when all of the transaction is in the file, so that neither a
 * sync nor a reader in another process can come before it. Every other call on the log (sync,
 * truncate, size, close, a read of these bytes) and every write that does not follow on the last
 * one writes first what is held back. When that fails, the call fails, and what is held back stays
 * and is tried again before any other write: nothing passes it. The database itself and all other
 * files are the default VFS's.
 */
#ifndef TRESTLE_STORE_DB_SQLITE_LOG_H
#define TRESTLE_STORE_DB_SQLITE_LOG_H

/* Registers the VFS over the one that is the default now; returns its name for sqlite3_open_v2().
 * Once a process, before the first database is opened. */
const char *tr_sqlite_log_register(void);

#endif
