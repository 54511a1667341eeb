/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One daemon a database: two on one queue would deliver everything twice. A session advisory lock,
 * which PostgreSQL takes back when the connection ends, however it ends; so it is taken again at
 * each connect, before anything is written. It is of the schema that the tables are in: daemons may
 * share a database with a search_path each.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/store/db_postgres.h"

#include <stdio.h>
#include <string.h>

/* How long another may be on its way out: a process that was killed has a session for a moment. */
enum { LOCK_WAIT_MS = 5000 };

/* Whether we have it now, and who has it otherwise. Both keys together make the lock; the first is
 * "tres". */
const char tr_pg_lock_sql[] =
	"WITH key AS (SELECT hashtext(coalesce(current_schema(), '')) AS id)"
	" SELECT pg_try_advisory_lock(1953654131, key.id),"
	" (SELECT coalesce(host(a.client_addr), 'this machine') || ' since '"
	" || to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'"
	" FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
	" WHERE l.locktype = 'advisory' AND l.granted AND l.classid::bigint = 1953654131"
	" AND l.objid::bigint = key.id::bigint & 4294967295 AND a.datname = current_database()"
	" AND l.pid <> pg_backend_pid() LIMIT 1)"
	" FROM key";

bool tr_pg_lock_on(const struct tr_pg_link *link)
{
	return link->store->lock.wanted && link == &link->store->links[0];
}

bool tr_pg_lock_held(const struct tr_pg_store *store)
{
	return !store->lock.wanted || store->links[0].state == TR_PG_READY;
}

void tr_pg_lock_read(struct tr_pg_link *link, const PGresult *result)
{
	struct tr_pg_lock *lock = &link->store->lock;
	const char *holder = PQgetvalue(result, 0, 1);

	lock->got = strcmp(PQgetvalue(result, 0, 0), "t") == 0;
	lock->was_ours = lock->was_ours || lock->got;
	if (!lock->got) {
		tr_error_set_class(&lock->error, TR_E_EXISTS, TR_CLASS_PERMANENT,
			"database %.40s of PostgreSQL is in use by a daemon (from %.60s): one "
			"daemon (and one bridge) a database, stop the other or give this one its "
			"own",
			PQdb(link->conn), *holder ? holder : "somewhere");
	}
}

void tr_pg_lock_refused(struct tr_pg_link *link)
{
	struct tr_pg_store *store = link->store;
	struct tr_pg_lock *lock = &store->lock;
	uint64_t now = tr_clock_mono_ms();

	if (lock->wait_until_ms == 0) {
		lock->wait_until_ms = now + LOCK_WAIT_MS;
	}
	tr_pg_link_lost(link, lock->error.text);
	if (!lock->was_ours && now >= lock->wait_until_ms) {
		lock->refused = true;
		tr_pg_dispatch(store);
	}
}
