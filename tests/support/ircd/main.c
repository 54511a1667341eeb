/* SPDX-License-Identifier: Apache-2.0 */
/* scripted-ircd: starts the server, says on stdout which ports it got, and runs until a signal. */
#include "cap.h"
#include "control.h"
#include "net.h"
#include "send.h"
#include "tls.h"
#include "users.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void raise_file_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void print_ports(struct ircd_server *server)
{
	printf("{\"port\":%d,\"tls_port\":%d,\"control\":%d,\"pid\":%d}\n",
		ircd_net_port(server, false), ircd_net_port(server, true),
		ircd_control_port(server), (int)getpid());
	fflush(stdout);
}

static int start(struct ircd_server *server)
{
	char *error = NULL;
	snprintf(server->boot, sizeof(server->boot), "b%" PRIx64,
		(uint64_t)ircd_now_ms() & 0xffffffffffu);
	ircd_isupport_apply(server);
	ircd_caps_load(server);
	if (ircd_ledger_open(&server->ledger, server->options.ledger, server->options.log_bytes) <
		0) {
		return -1;
	}
	if (ircd_tls_load(server, &error) < 0) {
		fprintf(stderr, "scripted-ircd: %s\n", error);
		free(error);
		return -1;
	}
	uv_timer_init(server->loop, &server->pinger);
	server->pinger.data = server;
	uv_timer_start(&server->pinger, ircd_ping_all, 100, 100);
	return ircd_net_open(server) < 0 || ircd_control_open(server) < 0 ? -1 : 0;
}

static void on_signal(uv_signal_t *handle, int number)
{
	(void)number;
	uv_stop(handle->loop);
}

static void stop(struct ircd_server *server)
{
	ircd_says_stop(server);
	ircd_net_close(server);
	ircd_control_close(server);
	uv_close((uv_handle_t *)&server->pinger, NULL);
	uv_run(server->loop, UV_RUN_DEFAULT);
	free(server->net);
	free(server->control);
	server->control = NULL;
}

int main(int argc, char **argv)
{
	static struct ircd_server server;
	uv_signal_t term;
	uv_signal_t interrupt;
	int parsed = ircd_options_parse(&server.options, argc, argv);
	if (parsed != 0) {
		return parsed < 0 ? 64 : 0;
	}
	signal(SIGPIPE, SIG_IGN);
	raise_file_limit();
	server.loop = uv_default_loop();
	if (start(&server) < 0) {
		return 1;
	}
	uv_signal_init(server.loop, &term);
	uv_signal_init(server.loop, &interrupt);
	uv_signal_start(&term, on_signal, SIGTERM);
	uv_signal_start(&interrupt, on_signal, SIGINT);
	print_ports(&server);
	uv_run(server.loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&term, NULL);
	uv_close((uv_handle_t *)&interrupt, NULL);
	stop(&server);
	ircd_tls_unload(&server);
	ircd_server_finish(&server);
	uv_loop_close(server.loop);
	return 0;
}
