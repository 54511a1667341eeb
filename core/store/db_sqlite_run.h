/* SPDX-License-Identifier: Apache-2.0 */
/* Runs groups of batches on an open SQLite database. For core/store/db_sqlite.c, on its writer
 * thread. */
#ifndef TRESTLE_STORE_DB_SQLITE_RUN_H
#define TRESTLE_STORE_DB_SQLITE_RUN_H

#include "core/store/db_internal.h"
#include "core/store/db_sqlite_file.h"

struct tr_sqlite_runner {
	struct tr_db_sqlite_file file;
	struct tr_db_cache cache;
};

/* One transaction. Afterwards each batch has its rows and is durable, or has failed: alone when its
 * own statement did, with all others when the transaction did. */
void tr_sqlite_run_group(struct tr_sqlite_runner *runner, struct tr_list *group);
/* Lets statements go and closes the file. */
void tr_sqlite_runner_finish(struct tr_sqlite_runner *runner);

#endif
