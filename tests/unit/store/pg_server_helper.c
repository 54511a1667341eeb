/* SPDX-License-Identifier: Apache-2.0 */
/* Starts and ends a real PostgreSQL server for tests. It uses the installed programs and nothing of
 * the system's own cluster. */
#include "tests/unit/store/pg_server_helper.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glob.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_TRIES = 200, TRY_MS = 50 };

static void sleep_ms(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

static int free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int port = 0;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&address, len) == 0 &&
		getsockname(fd, (struct sockaddr *)&address, &len) == 0) {
		port = ntohs(address.sin_port);
	}
	close(fd);
	return port;
}

/* The newest version that is installed. */
static bool find_programs(struct pg_server *server)
{
	long best = 0;
	size_t i;
	glob_t found;

	if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0) {
		fprintf(stderr, "no PostgreSQL server is installed (Debian: postgresql)\n");
		return false;
	}
	for (i = 0; i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i];
		long version = strtol(path + strlen("/usr/lib/postgresql/"), NULL, 10);

		if (version > best) {
			best = version;
			snprintf(server->bin, sizeof(server->bin), "%.*s",
				(int)(strlen(path) - strlen("/initdb")), path);
		}
	}
	globfree(&found);
	return best > 0;
}

/* In the child: the user the server accepts, output into the log, end with the test. */
static void become_server(const struct pg_server *server)
{
	const struct passwd *user = getpwnam("postgres");
	char log[128];
	int fd;

	snprintf(log, sizeof(log), "%s/log", server->dir);
	if (geteuid() == 0 && (!user || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) {
		_exit(126);
	}
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, 1);
	dup2(fd, 2);
}

static pid_t start_program(const struct pg_server *server, char *const arguments[])
{
	pid_t pid = fork();

	if (pid == 0) {
		become_server(server);
		execv(arguments[0], arguments);
		_exit(127);
	}
	return pid;
}

static bool run_initdb(const struct pg_server *server)
{
	char program[300];
	char data[128];
	char *arguments[] = {program, "-D", data, "-U", "trestle", "-A", "trust", "-E", "UTF8",
		"--locale=C", "--no-sync", NULL};
	pid_t pid;
	int status = -1;

	snprintf(program, sizeof(program), "%s/initdb", server->bin);
	snprintf(data, sizeof(data), "%s/data", server->dir);
	pid = start_program(server, arguments);
	waitpid(pid, &status, 0);
	if (status != 0) {
		fprintf(stderr, "initdb failed, see %s/log\n", server->dir);
	}
	return status == 0;
}

bool pg_server_create(struct pg_server *server)
{
	const struct passwd *user = getpwnam("postgres");

	memset(server, 0, sizeof(*server));
	snprintf(server->dir, sizeof(server->dir), "/tmp/trestle-pg-XXXXXX");
	if (!find_programs(server) || !mkdtemp(server->dir)) {
		return false;
	}
	if (geteuid() == 0 && (!user || chown(server->dir, user->pw_uid, user->pw_gid) != 0)) {
		fprintf(stderr, "as root a user named postgres is needed\n");
		return false;
	}
	server->port = free_port();
	return run_initdb(server) && pg_server_start(server);
}

bool pg_server_start(struct pg_server *server)
{
	char program[300];
	char data[128];
	char port[16];
	char url[256];
	char *arguments[] = {program, "-D", data, "-h", "127.0.0.1", "-p", port, "-k", server->dir,
		"-c", "max_connections=20", "-c", "shared_buffers=16MB", NULL};
	int i;

	snprintf(program, sizeof(program), "%s/postgres", server->bin);
	snprintf(data, sizeof(data), "%s/data", server->dir);
	snprintf(port, sizeof(port), "%d", server->port);
	server->pid = start_program(server, arguments);
	pg_server_url(server, "", url, sizeof(url));
	for (i = 0; i < START_TRIES; i++) {
		if (PQping(url) == PQPING_OK) {
			return true;
		}
		sleep_ms(TRY_MS);
	}
	fprintf(stderr, "PostgreSQL does not start, see %s/log\n", server->dir);
	return false;
}

void pg_server_crash(struct pg_server *server)
{
	if (server->pid > 0) {
		kill(server->pid, SIGQUIT);
		waitpid(server->pid, NULL, 0);
		server->pid = 0;
	}
}

void pg_server_destroy(struct pg_server *server)
{
	char *arguments[] = {"/bin/rm", "-rf", server->dir, NULL};
	pid_t pid;

	if (server->dir[0] == '\0') {
		return;
	}
	pg_server_crash(server);
	pid = fork();
	if (pid == 0) {
		execv(arguments[0], arguments);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

bool pg_server_run(const struct pg_server *server, const char *sql)
{
	char url[256];
	PGconn *connection;
	PGresult *result;
	bool done;

	pg_server_url(server, "", url, sizeof(url));
	connection = PQconnectdb(url);
	result = PQexec(connection, sql);
	done = PQresultStatus(result) == PGRES_COMMAND_OK ||
	       PQresultStatus(result) == PGRES_TUPLES_OK;
	if (!done) {
		fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(connection));
	}
	PQclear(result);
	PQfinish(connection);
	return done;
}

void pg_server_url(const struct pg_server *server, const char *query, char *out, size_t size)
{
	snprintf(out, size, "postgres://trestle@127.0.0.1:%d/postgres?%s", server->port, query);
}
