/* SPDX-License-Identifier: Apache-2.0
 *
 * stub-homeserver: a Matrix homeserver with Synapse's manners, for tests of speed, scale and
 * faults. README.md says what it does; this file puts the parts together, prints the ports and
 * waits for a signal.
 */
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/support/homeserver/api.h"
#include "tests/support/homeserver/control.h"
#include "tests/support/homeserver/options.h"
#include "tests/support/homeserver/query.h"

enum { MAX_BODY = 64 * 1024 * 1024 };

static struct hs_loop loop;

static void on_signal(int number)
{
	(void)number;
	loop.stop = true;
}

static void on_stdin(struct hs_watch *watch, uint32_t events)
{
	char byte[64];
	(void)events;
	if (read(watch->fd, byte, sizeof(byte)) <= 0) {
		loop.stop = true;
	}
}

static void add_regex_quoted(struct hs_text *out, const char *s)
{
	for (; *s; s++) {
		if (strchr(".[]{}()*+?^$|\\", *s)) {
			hs_text_puts(out, "\\");
		}
		hs_text_add(out, s, 1);
	}
}

static int compile_namespaces(struct hs_appservice *appservice, const struct hs_options *options)
{
	struct hs_text users = {0};
	if (options->users) {
		hs_text_printf(&users, "^(%s)$", options->users);
	} else {
		hs_text_puts(&users, "^@");
		add_regex_quoted(&users, options->user_prefix);
		hs_text_puts(&users, ".*:");
		add_regex_quoted(&users, options->domain);
		hs_text_puts(&users, "$");
	}
	int bad = regcomp(&appservice->users, users.data, REG_EXTENDED | REG_NOSUB);
	hs_text_free(&users);
	if (!bad && options->aliases) {
		bad = regcomp(&appservice->aliases, options->aliases, REG_EXTENDED | REG_NOSUB);
		appservice->has_aliases = !bad;
		if (bad) {
			regfree(&appservice->users);
		}
	}
	if (bad) {
		fputs("stub-homeserver: a namespace is no regular expression\n", stderr);
	}
	return bad ? -1 : 0;
}

static int open_appservice(struct hs_server *server, const struct hs_options *options)
{
	struct hs_appservice *appservice = &server->appservice;
	if (compile_namespaces(appservice, options) < 0) {
		return -1;
	}
	struct hs_text sender = {0};
	hs_text_printf(&sender, "@%s:%s", options->sender, options->domain);
	appservice->sender = hs_text_take(&sender);
	appservice->id = hs_dup(options->as_id);
	appservice->url = hs_dup(options->as_url);
	appservice->as_token = hs_dup(options->as_token);
	appservice->hs_token = hs_dup(options->hs_token);
	hs_server_add_user(server, appservice->sender);
	return 0;
}

static void close_appservice(struct hs_appservice *appservice)
{
	regfree(&appservice->users);
	if (appservice->has_aliases) {
		regfree(&appservice->aliases);
	}
	free(appservice->sender);
	free(appservice->id);
	free(appservice->url);
	free(appservice->as_token);
	free(appservice->hs_token);
}

static int open_server(struct hs_server *server, const struct hs_options *options)
{
	server->loop = &loop;
	server->domain = hs_dup(options->domain);
	server->delay_ms = options->delay_ms;
	server->room_version = options->room_version;
	server->history = options->history;
	server->cache.most = options->cache > 0 ? options->cache : 1;
	if (hs_ledger_open(&server->ledger, options->ledger) < 0) {
		perror("stub-homeserver: ledger");
		return -1;
	}
	if (hs_outgoing_init(&server->outgoing, &loop) < 0 ||
		open_appservice(server, options) < 0) {
		return -1;
	}
	hs_pusher_init(&server->pusher, &server->outgoing, &server->ledger, &server->appservice.url,
		server->appservice.hs_token, options->remember);
	server->gate = hs_gate_create(server);
	server->pusher.paused = options->paused;
	server->pusher.backoff_unit_ms = options->backoff_unit_ms;
	server->pusher.timeout_ms = options->push_timeout_ms;
	return 0;
}

static void close_server(struct hs_server *server)
{
	hs_gate_destroy(server->gate);
	hs_pusher_finish(&server->pusher);
	hs_outgoing_finish(&server->outgoing);
	hs_server_finish(server);
	hs_ledger_close(&server->ledger);
	close_appservice(&server->appservice);
	free(server->domain);
}

static int serve(struct hs_server *server, const struct hs_options *options)
{
	struct hs_control control = {.server = server};
	struct hs_watch input = {.fd = STDIN_FILENO, .ready = on_stdin};
	int status = 1;
	hs_injector_init(&control.injector, server);
	control.clients = hs_http_create(&loop, options->listen, MAX_BODY, hs_api_handle, server);
	struct hs_http *port =
		hs_http_create(&loop, options->control, MAX_BODY, hs_control_handle, &control);
	if (control.clients && port) {
		printf("{\"url\":\"http://127.0.0.1:%u\",\"control\":\"http://127.0.0.1:%u\","
		       "\"pid\":%ld}\n",
			hs_http_port(control.clients), hs_http_port(port), (long)getpid());
		fflush(stdout);
		if (options->watch_stdin) {
			hs_loop_watch(&loop, &input, EPOLLIN);
		}
		hs_loop_run(&loop);
		status = 0;
	}
	hs_injector_finish(&control.injector);
	hs_http_destroy(port);
	hs_http_destroy(control.clients);
	return status;
}

int main(int argc, char **argv)
{
	struct hs_options options;
	struct hs_server server = {0};
	int parsed = hs_options_parse(&options, argc, argv);
	if (parsed != 0) {
		return parsed < 0 ? 2 : 0;
	}
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (hs_loop_init(&loop) < 0 || open_server(&server, &options) < 0) {
		return 1;
	}
	int status = serve(&server, &options);
	close_server(&server);
	hs_loop_finish(&loop);
	curl_global_cleanup();
	return status;
}
