/* SPDX-License-Identifier: Apache-2.0
 *
 * Control calls: settings, faults, restart, the pusher and the counters.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/homeserver/control.h"
#include "tests/support/homeserver/query.h"

static void set_url(struct hs_server *server, const char *url)
{
	if (url) {
		free(server->appservice.url);
		server->appservice.url = url[0] ? hs_dup(url) : NULL;
	}
}

void hs_control_settings(struct hs_control_call *call)
{
	struct hs_server *server = call->control->server;
	struct hs_pusher *pusher = &server->pusher;
	server->delay_ms = hs_control_number(call, "delay_ms", server->delay_ms);
	server->room_version = (int)hs_control_number(call, "room_version", server->room_version);
	pusher->backoff_unit_ms =
		hs_control_number(call, "backoff_unit_ms", pusher->backoff_unit_ms);
	pusher->timeout_ms = hs_control_number(call, "push_timeout_ms", pusher->timeout_ms);
	pusher->down_batch =
		(size_t)hs_control_number(call, "down_batch", (int64_t)pusher->down_batch);
	pusher->down_batch = pusher->down_batch > 0 ? pusher->down_batch : 1;
	pusher->paused = !hs_control_flag(call, "push", !pusher->paused);
	set_url(server, hs_control_string(call, "as_url"));
	hs_pusher_kick(pusher);
	struct hs_text *out = &call->request->answer;
	hs_text_printf(out,
		"{\"delay_ms\":%" PRId64 ",\"room_version\":%d,\"backoff_unit_ms\":%" PRId64
		",\"push_timeout_ms\":%" PRId64 ",\"down_batch\":%zu,\"push\":%s",
		server->delay_ms, server->room_version, pusher->backoff_unit_ms, pusher->timeout_ms,
		pusher->down_batch, pusher->paused ? "false" : "true");
	hs_text_pair(out, "as_url", server->appservice.url);
	hs_text_puts(out, "}");
	hs_control_ok(call);
}

void hs_control_fault(struct hs_control_call *call)
{
	static const char *const names[HS_FAULT_KINDS] = {"drop", "limit", "error"};
	const char *kind = hs_control_string(call, "kind");
	const char *match = hs_control_string(call, "match");
	for (int i = 0; i < HS_FAULT_KINDS; i++) {
		struct hs_fault *fault = &call->control->server->faults.of[i];
		if (!kind || strcmp(kind, names[i]) != 0) {
			continue;
		}
		if (match && strlen(match) >= sizeof(fault->match)) {
			break;
		}
		*fault = (struct hs_fault){.taken = fault->taken};
		fault->left = (uint64_t)hs_control_number(call, "count", 1);
		fault->skip = (uint64_t)hs_control_number(call, "skip", 0);
		fault->retry_after_ms = hs_control_number(call, "retry_after_ms", 1000);
		fault->status = (int)hs_control_number(call, "status", 502);
		if (match) {
			memcpy(fault->match, match, strlen(match));
		}
		hs_control_ok(call);
		return;
	}
	hs_control_error(call, "kind is one of drop, limit, error; match is below 128 bytes");
}

void hs_control_restart(struct hs_control_call *call)
{
	struct hs_server *server = call->control->server;
	hs_ledger_mark(&server->ledger, "restart");
	hs_cache_clear(&server->cache);
	hs_http_restart(call->control->clients, hs_control_number(call, "down_ms", 0));
	bool lose = hs_control_flag(call, "lose_queue", true);
	hs_gate_restart(server->gate, lose);
	hs_pusher_restart(&server->pusher, lose);
	hs_control_ok(call);
}

void hs_control_resend(struct hs_control_call *call)
{
	int64_t count = hs_control_number(call, "count", 1);
	size_t sent =
		hs_pusher_resend(&call->control->server->pusher, (size_t)(count > 0 ? count : 0));
	hs_text_printf(&call->request->answer, "{\"events\":%zu}", sent);
	hs_control_ok(call);
}

struct raw_push {
	struct hs_call call;
	struct hs_request *request;
};

static void raw_push_gone(struct hs_request *request)
{
	struct raw_push *push = request->user;
	hs_call_cancel(&push->call);
	hs_text_free(&push->call.answer);
	free(push);
}

static void raw_push_done(struct hs_call *done)
{
	struct raw_push *push = (struct raw_push *)done;
	struct hs_text *out = &push->request->answer;
	hs_text_printf(out, "{\"status\":%d,\"ms\":%" PRId64, done->status, done->took_ms);
	hs_text_pair(out, "body", done->answer.data ? done->answer.data : "");
	hs_text_puts(out, "}");
	push->request->gone = NULL;
	hs_request_answer(push->request, 200);
	hs_text_free(&push->call.answer);
	free(push);
}

void hs_control_transaction(struct hs_control_call *call)
{
	struct hs_server *server = call->control->server;
	if (!server->appservice.url) {
		hs_control_error(call, "the appservice has no url");
		return;
	}
	char *txn_id = hs_request_query(call->request, "txn");
	char *token = hs_request_query(call->request, "token");
	struct hs_text url = {0};
	hs_text_printf(&url, "%s/_matrix/app/v1/transactions/", server->appservice.url);
	if (txn_id) {
		hs_text_escape(&url, txn_id);
	} else {
		hs_text_printf(&url, "%" PRIu64, server->pusher.next_id++);
	}
	struct raw_push *push = hs_alloc(sizeof(*push));
	push->request = call->request;
	push->call.done = raw_push_done;
	call->request->user = push;
	call->request->gone = raw_push_gone;
	const struct hs_text *body = &call->request->body;
	hs_call_start(&server->outgoing, &push->call, "PUT", url.data,
		token ? token : server->appservice.hs_token, body->data ? body->data : "",
		body->len, server->pusher.timeout_ms);
	hs_text_free(&url);
	free(txn_id);
	free(token);
}

void hs_control_stats(struct hs_control_call *call)
{
	const struct hs_server *server = call->control->server;
	const struct hs_pusher *pusher = &server->pusher;
	const struct hs_fault *faults = server->faults.of;
	struct hs_text *out = &call->request->answer;
	hs_text_printf(out,
		"{\"requests\":%" PRIu64 ",\"sends\":%" PRIu64 ",\"cached\":%" PRIu64
		",\"events\":%" PRIu64 ",\"inject_left\":%" PRIu64 ",\"cache_entries\":%zu",
		server->counters.requests, server->counters.sends, server->counters.cached,
		server->counters.events, call->control->injector.left,
		hs_cache_count(&server->cache));
	hs_text_printf(out,
		",\"queued\":%zu,\"stored_txns\":%zu,\"in_flight\":%d,\"backing_off\":%s"
		",\"pushed_txns\":%" PRIu64 ",\"pushed_events\":%" PRIu64
		",\"failed_tries\":%" PRIu64 ",\"lost_events\":%" PRIu64 ",\"next_txn\":%" PRIu64,
		pusher->queue.count + hs_gate_waiting(server->gate), pusher->stored,
		pusher->in_flight ? 1 : 0, pusher->backoff > 0 ? "true" : "false",
		pusher->pushed_txns, pusher->pushed_events, pusher->failed_tries,
		pusher->lost_events, pusher->next_id);
	hs_text_printf(out,
		",\"dropped\":%" PRIu64 ",\"limited\":%" PRIu64 ",\"errors\":%" PRIu64
		",\"ledger_lines\":%" PRIu64 "}",
		faults[HS_FAULT_DROP].taken, faults[HS_FAULT_LIMIT].taken,
		faults[HS_FAULT_ERROR].taken, server->ledger.lines);
	hs_control_ok(call);
}
