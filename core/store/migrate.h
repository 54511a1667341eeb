/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbered migrations. Each component (core, a protocol) has its own list and its own version row
 * in the table trestle_schema(component, version). Steps run in order, each in a transaction of its
 * own together with its version; a schema newer than the program is refused with a sentence that
 * says both versions.
 */
#ifndef TRESTLE_STORE_MIGRATE_H
#define TRESTLE_STORE_MIGRATE_H

#include "core/store/db.h"

struct tr_migration {
	int version; /* 1, 2, 3, .. without gaps */
	/* Script; {BIGINT} {TEXT} {BLOB} are written as the backend calls them. `seq {SERIAL}` is
	 * the primary key of its table, numbered upwards; no number is given twice. */
	const char *sql;
};

/* Runs what is missing, then calls back once: error NULL = the schema is current. Borrowed for the
 * run. */
typedef void tr_migrate_callback(void *arg, const struct tr_error *error);
void tr_migrate(struct tr_db *db, const char *component, const struct tr_migration *migrations,
	size_t count, tr_migrate_callback *callback, void *arg);

#endif
