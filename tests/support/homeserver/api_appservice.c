/* SPDX-License-Identifier: Apache-2.0
 *
 * Client-server API: POST appservice/{id}/ping, which calls the appservice and, when that succeeds,
 * wakes a pusher that backs off. The request is kept until the call has ended.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/api.h"

enum { PING_TIMEOUT_MS = 60000 };

struct ping {
	struct hs_call call;
	struct hs_request *request;
	struct hs_server *server;
	struct hs_text body;
};

static void free_ping(struct ping *ping)
{
	hs_text_free(&ping->call.answer);
	hs_text_free(&ping->body);
	free(ping);
}

static void ping_gone(struct hs_request *request)
{
	struct ping *ping = request->user;
	hs_call_cancel(&ping->call);
	free_ping(ping);
}

static void put_bad_status(struct hs_text *out, const struct ping *ping)
{
	hs_text_printf(out, "{\"errcode\":\"M_BAD_STATUS\",\"error\":\"HTTP %d\",\"status\":%d",
		ping->call.status, ping->call.status);
	hs_text_pair(out, "body", ping->call.answer.data ? ping->call.answer.data : "");
	hs_text_puts(out, "}");
}

static void ping_done(struct hs_call *call)
{
	struct ping *ping = (struct ping *)call;
	struct hs_request *request = ping->request;
	struct hs_text *out = &request->answer;
	int status = 200;
	bool ok = call->status >= 200 && call->status < 300;
	if (ok && !hs_pusher_retry_now(&ping->server->pusher)) {
		status = 502;
		hs_text_puts(out, "{\"errcode\":\"M_CONNECTION_FAILED\",\"error\":\"AlreadyCalled: "
				  "Tried to cancel an already-called event.\"}");
	} else if (ok) {
		hs_text_printf(out, "{\"duration_ms\":%" PRId64 "}", call->took_ms);
	} else if (call->status == HS_CALL_TIMEOUT) {
		status = 504;
		hs_text_puts(out, "{\"errcode\":\"M_CONNECTION_TIMEOUT\",\"error\":\"Timed out\"}");
	} else if (call->status == HS_CALL_REFUSED) {
		status = 502;
		hs_text_puts(out,
			"{\"errcode\":\"M_CONNECTION_FAILED\",\"error\":\"Connection refused\"}");
	} else {
		status = 502;
		put_bad_status(out, ping);
	}
	request->gone = NULL;
	hs_request_answer(request, status);
	free_ping(ping);
}

static void ping_appservice(struct hs_api *api)
{
	const struct hs_appservice *appservice = &api->server->appservice;
	if (!api->appservice || strcmp(api->args[0], appservice->id) != 0) {
		hs_api_error(api, 403, "M_FORBIDDEN", "Mismatching application service ID in path");
		return;
	}
	if (!appservice->url) {
		hs_api_error(api, 400, "M_URL_NOT_SET",
			"The application service does not have a URL set");
		return;
	}
	struct ping *ping = hs_alloc(sizeof(*ping));
	struct hs_text url = {0};
	const char *txn_id = hs_api_string(api, "transaction_id");
	ping->request = api->request;
	ping->server = api->server;
	ping->call.done = ping_done;
	api->request->user = ping;
	api->request->gone = ping_gone;
	hs_text_puts(&ping->body, "{");
	if (txn_id) {
		hs_text_pair(&ping->body, "transaction_id", txn_id);
	}
	hs_text_puts(&ping->body, "}");
	hs_text_printf(&url, "%s/_matrix/app/v1/ping", appservice->url);
	hs_call_start(&api->server->outgoing, &ping->call, "POST", url.data, appservice->hs_token,
		ping->body.data, ping->body.len, PING_TIMEOUT_MS);
	hs_text_free(&url);
}

const struct hs_route hs_routes_appservice[] = {
	{"POST", "/_matrix/client/v1/appservice/*/ping", ping_appservice, HS_ROUTE_JSON},
	{0},
};
