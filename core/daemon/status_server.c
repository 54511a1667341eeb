/* SPDX-License-Identifier: Apache-2.0 */
/* Serves figures and health; what they are comes from others. */
#include "core/daemon/status_server.h"

#include "core/base/alloc.h"
#include "core/io/http_server.h"
#include "core/io/metrics.h"

enum {
	METRICS_MAX = 8 * 1024 * 1024,
	SENTENCES_MAX = 64 * 1024,
	BODY_MAX = 1024,
	CONNECTIONS_MAX = 32
};

#define TEXT "text/plain; charset=utf-8"

struct tr_status_server {
	struct tr_http_server *http;
	struct tr_metrics *metrics;
	tr_status_ready *ready;
	void *arg;
};

static void answer_metrics(
	const struct tr_status_server *server, struct tr_http_server_request *request)
{
	struct tr_buf text = TR_BUF_INIT(METRICS_MAX);
	if (tr_metrics_print(server->metrics, &text) == 0) {
		tr_http_server_respond(request, 200, "text/plain; version=0.0.4; charset=utf-8",
			tr_buf_str(&text));
	} else {
		tr_http_server_respond(request, 500, TEXT, TR_STR("too many figures\n"));
	}
	tr_buf_finish(&text);
}

static void answer_ready(
	const struct tr_status_server *server, struct tr_http_server_request *request)
{
	struct tr_buf text = TR_BUF_INIT(SENTENCES_MAX);
	bool ready = server->ready(server->arg, &text);
	tr_http_server_respond(request, ready ? 200 : 503, TEXT, tr_buf_str(&text));
	tr_buf_finish(&text);
}

static void on_headers(void *arg, struct tr_http_server_request *request)
{
	(void)arg;
	if (!tr_str_eq(tr_http_server_method(request), TR_STR("GET"))) {
		tr_http_server_respond(request, 405, TEXT, TR_STR("only GET\n"));
	}
}

static void on_request(void *arg, struct tr_http_server_request *request)
{
	const struct tr_status_server *server = arg;
	struct tr_str path = tr_http_server_path(request);
	if (tr_str_eq(path, TR_STR("/metrics"))) {
		answer_metrics(server, request);
	} else if (tr_str_eq(path, TR_STR("/live"))) {
		tr_http_server_respond(request, 200, TEXT, TR_STR("live\n"));
	} else if (tr_str_eq(path, TR_STR("/ready"))) {
		answer_ready(server, request);
	} else {
		tr_http_server_respond(
			request, 404, TEXT, TR_STR("/metrics, /live and /ready are here\n"));
	}
}

static const struct tr_http_server_handler handler = {on_headers, on_request};

struct tr_status_server *tr_status_server_create(struct tr_loop *loop, const char *listen,
	struct tr_metrics *metrics, tr_status_ready *ready, void *arg, struct tr_error *error)
{
	struct tr_status_server *server = tr_alloc(sizeof(*server));
	server->metrics = metrics;
	server->ready = ready;
	server->arg = arg;
	const struct tr_http_server_options options = {
		.listen = listen,
		.body_max = BODY_MAX,
		.connections_max = CONNECTIONS_MAX,
	};
	server->http = tr_http_server_create(loop, &options, &handler, server, error);
	if (server->http == NULL) {
		tr_free(server);
		return NULL;
	}
	return server;
}

void tr_status_server_destroy(struct tr_status_server *server)
{
	if (server != NULL) {
		tr_http_server_destroy(server->http);
		tr_free(server);
	}
}
