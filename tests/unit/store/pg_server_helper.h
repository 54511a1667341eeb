/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL server of the test's own: fresh cluster in a scratch folder, loopback and a free
 * port. */
#ifndef TRESTLE_TESTS_PG_SERVER_HELPER_H
#define TRESTLE_TESTS_PG_SERVER_HELPER_H

#include <stdbool.h>
#include <sys/types.h>

struct pg_server {
	char dir[64];
	char bin[256];
	int port;
	pid_t pid;
};

/* Makes the cluster and starts the server; false (with a message) when that fails. As root the
 * server runs as the user postgres, which refuses root. */
bool pg_server_create(struct pg_server *server);
bool pg_server_start(struct pg_server *server);
/* Immediate shutdown: as after a crash, connections are cut and nothing is tidied up. */
void pg_server_crash(struct pg_server *server);
/* Stops and removes everything. Legal on a zeroed struct. */
void pg_server_destroy(struct pg_server *server);

/* Runs one statement synchronously; false on an error. */
bool pg_server_run(const struct pg_server *server, const char *sql);
/* postgres://trestle@127.0.0.1:PORT/postgres?QUERY into `out`. */
void pg_server_url(const struct pg_server *server, const char *query, char *out, size_t size);

#endif
